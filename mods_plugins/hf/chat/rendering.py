"""Conversations as text, by one chat template: which form it takes, how it writes an answer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mods.errors import ModsError, SettingsError
from mods.records import Conversation, Message, Record, ToolCall
from mods_plugins.hf.chat.forms import PROBE, Form, as_tools, forms_of, marked
from mods_plugins.hf.chat.sandbox import TODAY, RenderError, render
from mods_plugins.hf.chat.templates import template_text
from mods_plugins.thoughts import (
    CLOSE,
    OPEN,
    block,
    is_open,
    told_apart,
    without_empty_end,
    without_empty_start,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

CHARACTERS_A_TOKEN = 128
"""No text has more characters a token, so longer ones are cut before they are tokenized."""
THOUGHT = "mods-probe-thought"
RESERVED = ("messages", "tools", "documents", "add_generation_prompt", "instruction", "input")
"""What a template is given in any case."""


class Renderer:
    """One chat template, and what was found out about it."""

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, template: str | None, arguments: Mapping[str, Any]
    ) -> None:
        taken = sorted(arguments.keys() & set(RESERVED))
        if taken:
            raise SettingsError(
                f"`template_kwargs` cannot set {taken[0]!r}, which is the row's own"
            )
        self.tokenizer = tokenizer
        self.template = template_text(tokenizer, template)
        self.arguments = {"date_string": TODAY, "enable_thinking": False, **arguments}
        self._heard: dict[tuple[Any, ...], str] = {}
        self._told: set[str] = set()
        self._takes_thoughts: bool | None = None

    @property
    def tail(self) -> str:
        """What the template writes after an answer."""
        return self._ending[0]

    @property
    def end(self) -> str:
        """The part of it that ends the turn."""
        return self._ending[1]

    @cached_property
    def header(self) -> str:
        """What the template writes to ask for an answer, after the turns; without line breaks."""
        form = Form((Message("user", "mods-probe"),), instruction="mods-probe")
        turns, asked = self.write(form), self.prompt(form)
        return asked[len(turns) :].lstrip("\n") if asked.startswith(turns) else ""

    def form(self, asked: Conversation) -> tuple[Form, str]:
        """Return the first form that the template takes and shows, and the prompt it writes.

        Raises `RenderError` with the reason if it takes none.
        """
        first = ""
        for form in forms_of(asked):
            try:
                prompt = self.prompt(form)
                self.write(form, Message("assistant", PROBE))
                reason = self.unheard(form)
            except RenderError as error:
                reason = f"refuses what it is given ({error})"
            if not reason:
                self._tell(first)
                return form, prompt
            first = first or reason
        raise RenderError(
            f"the chat template {first}, even as a plain question and answer; "
            'give another one as `template`: a file, Jinja text or "alpaca"'
        )

    def prompt(self, form: Form, **arguments: Any) -> str:
        """Write a conversation up to the point where the assistant starts."""
        return self._render(form.messages(), form, prompt=True, **arguments)

    def write(self, form: Form, *more: Message, **arguments: Any) -> str:
        """Write a conversation and further turns."""
        return self._render(form.messages(*more), form, prompt=False, **arguments)

    def unheard(self, form: Form) -> str:
        """Say which parts of a conversation of this shape the template does not show, if any."""
        found = self._heard.get(form.shape)
        if found is None:
            probe, marks = marked(form)
            try:
                text = self.prompt(probe)
            except RenderError as error:
                found = f"refuses such turns ({error})"
            else:
                kinds = dict.fromkeys(kind for mark, kind in marks.items() if mark not in text)
                found = f"does not show {', '.join(kinds)}" if kinds else ""
            self._heard[form.shape] = found
        return found

    def texts(self, record: Record) -> tuple[str, str]:
        """Return the prompt and the response as the template writes them."""
        form, prompt = self.form(record.conversation)
        prompt, reply = self._with_room(form, prompt, record.reply), told_apart(record.reply)
        if reply.reasoning:
            answer = self._thoughtful(form, prompt, reply)
        else:
            answer = self._answer(form, prompt, reply)
            if is_open(prompt) and CLOSE not in answer:
                answer = f"\n{CLOSE}\n\n{answer}"
        return prompt, answer + self.end

    def whole(self, record: Record, *, thoughts: bool) -> str:
        """Return a whole conversation, its reply with or without the thoughts before it."""
        form, _ = self.form(record.conversation)
        reply = told_apart(record.reply)
        reasoning = reply.reasoning if thoughts else ""
        if reply.tool_calls and not self._shows_calls(form):
            reply = reply._replace(content=reply.text, tool_calls=())
        if reasoning and not self.takes_reasoning():
            reply = reply._replace(content=block(reasoning) + reply.content)
            reasoning = ""
        return self.write(form, reply._replace(reasoning=reasoning))

    def _answer(self, form: Form, prompt: str, reply: Message) -> str:
        """Return what follows the prompt, without what ends the turn.

        A template may write a past answer unlike the one it asks for (reasoning models drop the
        thoughts), or refuse it; then the answer itself follows the prompt that generation uses.
        """
        if reply.tool_calls and not self._shows_calls(form):
            return reply.text
        found = self._after(prompt, form, reply)
        return reply.text if found is None else found

    def _after(self, prompt: str, form: Form, reply: Message, **arguments: Any) -> str | None:
        """Return what the template writes after a prompt for a reply; None if it starts unlike."""
        try:
            full = self.write(form, reply, **arguments)
        except RenderError:
            return None
        stop = len(full) - len(self.tail)
        if full.startswith(prompt) and full.endswith(self.tail) and stop >= len(prompt):
            return full[len(prompt) : stop]
        return None

    def asking(self, asked: Conversation, reply: Message) -> str:
        """Return the prompt for a reply: that of generation, with room for thoughts if it has some.

        A template that asks for an answer without thoughts, by an empty block at the end of its
        prompt, is made to ask for one with thoughts.
        """
        return self._with_room(*self.form(asked), reply)

    def _with_room(self, form: Form, prompt: str, reply: Message) -> str:
        if told_apart(reply).reasoning and without_empty_end(prompt) != prompt:
            self._say_once(
                "answers with reasoning are learned with their thoughts, but the model is asked "
                "without: the template variable enable_thinking=true asks for thoughts, too"
            )
            return without_empty_end(self.prompt(form, enable_thinking=True))
        return prompt

    def _thoughtful(self, form: Form, prompt: str, reply: Message) -> str:
        """Return the answer of a reply with reasoning, the thoughts in one block."""
        if self.takes_reasoning():
            own = self._after(prompt, form, reply, enable_thinking=True)
            if own is not None and _whole(prompt, own, reply):
                return own
        start = prompt[: prompt.rindex(OPEN)] if is_open(prompt) else prompt
        answer = without_empty_start(self._answer(form, start, reply._replace(reasoning="")))
        thoughts = block(reply.reasoning)
        if is_open(prompt):
            thoughts = thoughts.removeprefix(f"{OPEN}\n")
        return thoughts + answer

    def _shows_calls(self, form: Form) -> bool:
        """Say whether the template shows the calls of a last turn."""
        key = ("calls of the reply", bool(form.tools))
        if key not in self._heard:
            call = ToolCall("probe", f'{{"value": "{PROBE}"}}', "mods00000")
            try:
                text = self.write(form, Message("assistant", "", tool_calls=(call,)))
            except RenderError:
                text = ""
            self._heard[key] = "" if PROBE in text else "does not show calls of tools"
            self._tell(self._heard[key])
        return not self._heard[key]

    def takes_reasoning(self) -> bool:
        """Say whether the template shows the reasoning of a last turn, where it is given some."""
        if self._takes_thoughts is None:
            turns = Message("user", "mods-probe"), Message("assistant", PROBE, reasoning=THOUGHT)
            try:
                text = self.write(Form(turns[:1]), turns[1], enable_thinking=True)
            except RenderError:
                text = ""
            self._takes_thoughts = THOUGHT in text
        return self._takes_thoughts

    def _tell(self, reason: str) -> None:
        """Note, once, that a plainer form is used, and why."""
        if reason:
            self._say_once(
                f"the chat template {reason}: such rows are put to the model in a plainer form"
            )

    def _say_once(self, note: str) -> None:
        if note not in self._told:
            self._told.add(note)
            logger.warning("%s", note)

    def _render(
        self, messages: list[dict[str, Any]], form: Form, *, prompt: bool, **arguments: Any
    ) -> str:
        values = {
            **self.tokenizer.special_tokens_map,
            **self.arguments,
            **arguments,
            "messages": messages,
            "tools": as_tools(form.tools),
            "documents": None,
            "add_generation_prompt": prompt,
            "instruction": form.instruction,
            "input": form.input,
        }
        size = form.size + sum(len(message["content"]) for message in messages)
        return render(self.template, values, size)

    @cached_property
    def _ending(self) -> tuple[str, str]:
        """Return what the template writes after an answer, and the part that ends the turn.

        That part goes up to the first special token, or is the end-of-sequence token where the
        template writes none. Raises `ModsError` if the tokenizer has none either.
        """
        form = Form((Message("user", "mods-probe"),), instruction="mods-probe")
        try:
            full = self.write(form, Message("assistant", PROBE))
        except RenderError as error:
            raise ModsError(f"the chat template cannot be rendered: {error}") from error
        _, found, tail = full.rpartition(PROBE)
        if not found:
            raise ModsError("the chat template does not print the assistant's answer")
        cuts = [tail.find(token) + len(token) for token in self._special() if token in tail]
        if cuts:
            return tail, tail[: min(cuts)]
        if self.tokenizer.eos_token is None:
            raise ModsError(
                "neither the chat template nor the tokenizer has a token that ends an answer"
            )
        return tail, str(self.tokenizer.eos_token)

    def _special(self) -> list[str]:
        added = self.tokenizer.added_tokens_decoder.values()
        names = {token.content for token in added if token.special}
        return sorted(names | set(self.tokenizer.all_special_tokens))


def _whole(prompt: str, answer: str, reply: Message) -> bool:
    """Say whether an answer holds its thoughts once, in a block that is closed."""
    opened = answer.count(OPEN) + is_open(prompt)
    balanced = opened == answer.count(CLOSE) <= 1 and without_empty_start(answer) == answer
    return balanced and reply.reasoning.strip() in answer and reply.content.strip() in answer
