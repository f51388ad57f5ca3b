"""Thoughts that stand before an answer, in the form `<think>…</think>`. A helper: no hooks."""

from __future__ import annotations

import re

from mods import Message

OPEN, CLOSE = "<think>", "</think>"

_OPEN_END = re.compile(r"<think>\s*$")
_EMPTY_END = re.compile(r"<think>\s*</think>\s*$")
_EMPTY_START = re.compile(r"\s*<think>\s*</think>\s*")


def split_thoughts(text: str) -> tuple[str, str]:
    """Tell thoughts from the answer after them; thoughts that never end leave no answer.

    A text that does not start with a block of thoughts is all answer, to the letter.
    """
    start = text.lstrip()
    if not start.startswith(OPEN):
        return "", text
    thoughts, closed, answer = start.removeprefix(OPEN).partition(CLOSE)
    return thoughts.replace(OPEN, "").strip(), answer.lstrip() if closed else ""


def answer_of(text: str) -> str:
    """Return the answer without the thoughts before it."""
    return split_thoughts(text)[1]


def block(thoughts: str) -> str:
    """Return thoughts as a block, ready for the answer to follow."""
    return f"{OPEN}\n{thoughts.strip()}\n{CLOSE}\n\n"


def well_formed(text: str, *, opened: bool = False) -> str:
    """Return what a model wrote with its thoughts in one block; without a block if it has none.

    `opened` says that the prompt ended inside a block. Thoughts that never end stay open.
    """
    if opened and not text.lstrip().startswith(OPEN):
        text = f"{OPEN}\n{text}"
    if not text.lstrip().startswith(OPEN):
        return text
    thoughts, answer = split_thoughts(text)
    if CLOSE not in text:
        return f"{OPEN}\n{thoughts}"
    return block(thoughts) + answer if thoughts else answer


def told_apart(turn: Message) -> Message:
    """Return a turn of the assistant with the thoughts in its text as its reasoning."""
    if turn.role != "assistant" or turn.reasoning:
        return turn
    thoughts, answer = split_thoughts(turn.content)
    return turn._replace(reasoning=thoughts, content=answer) if CLOSE in turn.content else turn


def is_open(prompt: str) -> bool:
    """Say whether a prompt ends inside a block that the answer is to go on with."""
    return _OPEN_END.search(prompt) is not None


def without_empty_end(prompt: str) -> str:
    """Take away an empty block that a template puts at the end of a prompt."""
    return _EMPTY_END.sub("", prompt)


def without_empty_start(answer: str) -> str:
    """Take away an empty block that a template puts before an answer."""
    return _EMPTY_START.sub("", answer, count=1) if _EMPTY_START.match(answer) else answer
