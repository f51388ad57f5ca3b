"""Builds conversations: the turns of a row, from the fields that were found in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from mods.data.fields import media_kind
from mods.data.found import Assignment, Built, Found
from mods.data.tools import looks_like_calls, read_calls, read_media, read_tools
from mods.data.turns import Turns, read_item, read_turns, reply, unread
from mods.data.values import (
    RowError,
    as_list,
    as_text,
    as_weight,
    is_empty,
    is_list,
    native,
    opened,
    rows_of,
)
from mods.records import Conversation, Message, Record, user_text

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def record_of(
    data: Mapping[str, Any], assignment: Assignment, ignored: set[str] | None = None, **where: Any
) -> Record:
    """Turn a row into a record; raises `RowError` with the reason if it cannot be one.

    `ignored` takes the keys of turns that are not read; `where` is given to the record.
    """
    found = Found(data, assignment.columns, ignored)
    turns, instruction, input = assignment.build(found)
    if len(assignment.columns) > assignment.plainest:
        turns = completed(turns, found)
    turns = up_to_response(turns)
    last = turns[-1]
    if not last.content.strip() and not last.tool_calls:
        raise RowError(f"the response is empty ({found.where(assignment.answer)})")
    tools = read_tools(found.value("tools"), found.where("tools")) if found.has("tools") else ()
    asked = Conversation(tuple(turns[:-1]), instruction, input, tools)
    return Record(asked, last, **where)


# --- the schemas --------------------------------------------------------------------------------


def turns_of(field: str) -> Callable[[Found], Built]:
    """Build rows whose conversation is a list of turns in one field."""

    def build(found: Found) -> Built:
        where = found.where(field)
        turns = read_turns(found.value(field), where)
        if found.has("chosen"):
            if turns and turns[-1].role == "assistant":
                found.ignore("chosen")
            else:  # the better of two answers stands in a column of its own
                turns = [*turns, *answered(found, "chosen")]
        if found.ignored is not None:
            column = found.columns[field][0]
            found.ignored.update(f"{column}[].{key}" for key in unread(found.value(field)))
        return conversation(turns, where)

    return build


def alpaca(found: Found) -> Built:
    """Build a row with instruction, input and output."""
    instruction, input = found.text("instruction"), input_of(found)
    if not instruction.strip():
        raise RowError(f"the instruction is empty ({found.where('instruction')})")
    user = Message("user", user_text(instruction, input))
    return [*history(found), user, answer(found)], instruction, input


def prompt_completion(found: Found) -> Built:
    """Build a row whose prompt and completion are each a text or a list of turns."""
    turns = history(found)
    for name, role in (("prompt", "user"), ("completion", "assistant")):
        value, where = found.value(name), found.where(name)
        if is_list(value) or isinstance(value, Mapping):
            turns += read_turns(value, where)
        else:
            text = as_text(value, where, "text or a list of turns")
            turns.append(reply(text) if role == "assistant" else Message(role, text))
    return conversation(turns, found.where("completion"))


def preference(found: Found) -> Built:
    """Build a row of its chosen side; the rejected one is no part of the conversation."""
    where = found.where("chosen")
    asked = history(found)
    if found.has("prompt"):
        asked += prompted(found)
    side = answered(found, "chosen")
    # Many rows repeat the prompt at the start of the chosen side.
    if side[: len(asked)] == asked or any(turn.role == "user" for turn in side):
        return conversation(side, where)
    instruction, input = "", ""
    if found.has("input"):
        instruction, input = as_text(found.value("prompt"), found.where("prompt")), input_of(found)
    turns, last, _ = conversation([*asked, *side], where)
    return turns, instruction or last, input


def prompted(found: Found) -> Turns:
    """Return what a preference row asks: a text, with an input if there is one, or turns."""
    prompt, where = found.value("prompt"), found.where("prompt")
    if is_list(prompt) or isinstance(prompt, Mapping):
        return read_turns(prompt, where)
    input = input_of(found) if found.has("input") else ""
    return [Message("user", user_text(as_text(prompt, where), input))]


def answered(found: Found, field: str) -> Turns:
    """Return one side of a preference row: a text, a turn, turns, or a transcript."""
    value, where = found.value(field), found.where(field)
    if isinstance(value, Mapping) and "role" not in value and "from" not in value:
        value = rows_of(value) or value
    if isinstance(value, Mapping):
        return read_item(value, where)
    if is_list(value):
        return read_turns(value, where)
    text = as_text(value, where, "text or turns")
    parts = SPEAKERS.split(text)
    if len(parts) < 5 or parts[0].strip():
        return [reply(text)]
    return [
        reply(said) if speaker == "Assistant" else Message("user", said)
        for speaker, said in zip(parts[1::2], parts[2::2], strict=True)
    ]


SPEAKERS = re.compile(r"(?:^|\n\n)(Human|Assistant): ?")
"""What begins a turn in a transcript."""


# --- parts of a conversation --------------------------------------------------------------------


def conversation(turns: Turns, where: str) -> Built:
    """Check that turns ask something; the instruction is the last user turn before the reply."""
    if not turns:
        raise RowError(f"{where} has no turns")
    asked = next((t for t in reversed(up_to_response(turns)) if t.role == "user"), None)
    if asked is None:
        raise RowError(f"{where} has no user turn: there is no instruction")
    if not asked.content.strip() and not asked.media:
        raise RowError(f"the instruction is empty (the last user turn of {where})")
    return turns, asked.content, ""


def up_to_response(turns: Turns) -> Turns:
    """Return the turns up to the last one of the assistant that counts in training.

    Turns after it that have a weight of 0, and what they answer, are context of nothing.
    """
    if turns[-1].role == "assistant" and turns[-1].weight != 0:
        return turns
    if any(turn.weight == 0 for turn in turns):
        for end in range(len(turns), 0, -1):
            last = turns[end - 1]
            if last.role == "assistant" and last.weight != 0:
                return turns[:end]
        raise RowError("every turn of the assistant has the weight 0: there is nothing to learn")
    raise RowError(
        f"the conversation ends with a {turns[-1].role} turn: there is no response to judge"
    )


def history(found: Found) -> Turns:
    """Return the earlier turns: pairs of texts, or turns."""
    if not found.has("history"):
        return []
    where = found.where("history")
    turns = opened(found.value("history"), where)
    return [] if is_empty(turns) else read_turns(turns, where)


def input_of(found: Found) -> str:
    """Return the separate input: every text to work on, then the choices."""
    parts = [
        as_text(native(found.data[column]), f"field '{column}'")
        for column in found.columns.get("input", ())
    ]
    if found.has("choices"):
        parts.append("\n".join(f"{letter}. {text}" for letter, text in choices(found)))
    return parts[0] if len(parts) == 1 else "\n\n".join(parts)


def choices(found: Found) -> list[tuple[str, str]]:
    """Return the choices of a question with their letters."""
    value, where = opened(found.value("choices"), found.where("choices")), found.where("choices")
    letters = list(LETTERS)
    if isinstance(value, Mapping):  # {"text": [...], "label": [...]}, or {"A": "...", "B": "..."}
        if "text" in value:
            if not is_empty(value.get("label")):
                labels = as_list(value["label"], where, "choices with a list of labels")
                letters = [as_text(label, f"a label of {where}") for label in labels]
            value = value["text"]
        else:
            letters, value = [str(key) for key in value], list(value.values())
    texts = [as_text(text, where) for text in as_list(value, where, "a list of choices")]
    if len(texts) > len(letters):
        raise RowError(f"{where} holds {len(texts)} choices, which are too many to name")
    return list(zip(letters, texts, strict=False))


def answer(found: Found) -> Message:
    """Return the response of a row: a text, tool calls, or the place of a choice."""
    value, where = found.value("output"), found.where("output")
    if found.has("tools") and looks_like_calls(value):
        return Message("assistant", "", tool_calls=read_calls(value, where))
    if found.has("choices"):
        offered = choices(found)
        if isinstance(value, int) and not isinstance(value, bool):
            if not 0 <= value < len(offered):
                raise RowError(f"{where} is {value}, but there are {len(offered)} choices")
            return Message("assistant", ". ".join(offered[value]))
        named = [choice for choice in offered if choice[0] == value]
        if named:
            return Message("assistant", ". ".join(named[0]))
    if isinstance(value, Mapping) and is_list(value.get("text")):  # extractive answers
        value = value["text"]
    if is_list(value):
        texts = [item["text"] if isinstance(item, Mapping) and "text" in item else item
                 for item in value]  # fmt: skip
        if any(text != texts[0] for text in texts):  # others that would do as well
            found.ignore("output", "[1:]")
        value = texts[0] if texts else ""
    return reply(as_text(value, where))


def completed(turns: Turns, found: Found) -> Turns:
    """Add what stands in fields of its own: system, reasoning, media, weight; heed the label."""
    if found.has("label"):
        label = str(found.value("label")).lower()
        if label == "false":
            raise RowError(f"labelled as a bad response ({found.where('label')})")
        if label != "true":
            found.ignore("label")
    if found.has("system"):
        turns = with_system(turns, found.text("system"))
    if found.has("reasoning"):
        if not turns[-1].reasoning:
            turns = [*turns[:-1], turns[-1]._replace(reasoning=found.text("reasoning"))]
        elif turns[-1].reasoning != found.text("reasoning"):
            found.ignore("reasoning")
    if found.has("media"):
        turns = with_media(turns, found)
    if found.has("weight"):
        weight = as_weight(found.value("weight"), found.where("weight"))
        if weight == 0:
            raise RowError(f"its weight is 0: not to be learned ({found.where('weight')})")
        turns = [*turns[:-1], turns[-1]._replace(weight=weight)]
    return turns


def with_system(turns: Turns, system: str) -> Turns:
    """Put a system text first; before one that stands in the turns already."""
    if not system.strip():
        return turns
    if turns[0].role != "system":
        return [Message("system", system), *turns]
    if turns[0].content.strip() == system.strip():
        return turns
    return [turns[0]._replace(content=f"{system}\n\n{turns[0].content}"), *turns[1:]]


def with_media(turns: Turns, found: Found) -> Turns:
    """Give the media of a row to its first user turn, which speaks of them."""
    media = tuple(
        medium
        for column in found.columns["media"]
        for medium in read_media(
            opened(native(found.data[column]), f"field '{column}'"),
            media_kind(column),
            f"field '{column}'",
        )
    )
    at = next((i for i, turn in enumerate(turns) if turn.role == "user"), None)
    if at is None:
        raise RowError("media without a user turn that could show them")
    return [*turns[:at], turns[at]._replace(media=turns[at].media + media), *turns[at + 1 :]]
