"""From a conversation to token ids: the one form that scoring, tuning and generation share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from mods.errors import ModsError
from mods.records import Conversation, Message, Record
from mods.wording import one_line
from mods_plugins.hf.budget import budget
from mods_plugins.hf.templates import TODAY, template_text

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PROBE = "mods-probe-answer"
"""Stands for an answer where the template is asked how it writes one; no template writes it."""


class Encoded(NamedTuple):
    """One record as token ids: prompt + response is what the model reads."""

    prompt: list[int]
    """The context up to the point where the assistant starts: the very ids of generation."""
    response: list[int]
    """The last turn up to and including the end-of-turn token; never empty."""
    cut: bool = False
    """Whether the row was longer than allowed and lost something."""

    @property
    def size(self) -> int:
        """Number of tokens."""
        return len(self.prompt) + len(self.response)


class ChatFormat:
    """Renders and tokenizes conversations with one chat template.

    `template` is Jinja text, a file that holds it, `"alpaca"`, or None for the model's own (the
    Alpaca form if it has none). A conversation that the template refuses is given to it in a
    plainer form: first the system message joined to the first turn and successive turns of one
    role joined, then the whole context as a single user turn. The conversation alone decides the
    form, not its reply: what is learned and what is asked have the same prompt.

    Of a turn the role and the text are rendered. Raises `ModsError` if the template cannot be
    used, `SettingsError` if there is no such template.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, template: str | None = None) -> None:
        self.tokenizer = tokenizer
        self.template = template_text(tokenizer, template)
        self._tail, self.end = self._end_of_turn()

    @property
    def stop_ids(self) -> list[int]:
        """The tokens that end an answer: the tokenizer's end of sequence, and the template's."""
        ids = {self.tokenizer.eos_token_id, self._ids([self.end])[0][-1]}
        return sorted(i for i in ids if i is not None)

    @property
    def pad_id(self) -> int:
        """A token to fill up with; always masked, so any will do. No token is ever added."""
        for token in (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id):
            if token is not None:
                return int(token)
        return 0

    def encode(self, records: Sequence[Record], max_length: int | None = None) -> list[Encoded]:
        """Turn records into prompt and response ids.

        A row longer than `max_length` tokens keeps its whole prompt and loses the end of the
        response. Where the prompt alone is that long, the prompt is shortened to half of
        `max_length` as in `prompts`.
        """
        rows = self._tokenize([self._texts(record) for record in records])
        if max_length is None:
            return rows
        pairs = zip(records, rows, strict=True)
        return [self._fit(record.conversation, row, max_length) for record, row in pairs]

    def prompts(self, conversations: Sequence[Conversation], limit: int) -> list[list[int]]:
        """Return the prompt ids of each conversation, at most `limit` long.

        They are those that `encode` gives a record with this conversation. A longer prompt loses
        its oldest turns (a system message stays); if its last turn alone is longer it loses tokens
        at its start. The end of the last turn is always kept.
        """
        ids = self._ids([self._form(asked.turns)[1] for asked in conversations])
        return [
            row if len(row) <= limit else self._shortened(asked, limit)
            for asked, row in zip(conversations, ids, strict=True)
        ]

    def _fit(self, asked: Conversation, row: Encoded, max_length: int) -> Encoded:
        if row.size <= max_length:
            return row
        prompt = row.prompt
        if len(prompt) >= max_length:
            prompt = self._shortened(asked, max_length // 2)
        return Encoded(prompt, row.response[: max_length - len(prompt)], cut=True)

    def _shortened(self, asked: Conversation, limit: int) -> list[int]:
        turns = list(asked.turns)
        while True:
            ids = self._ids([self._form(turns)[1]])[0]
            if len(ids) <= limit:
                return ids
            shorter = _without_oldest(turns)
            if shorter is None:
                return self._last(ids, limit)
            turns = shorter

    def _last(self, ids: list[int], limit: int) -> list[int]:
        """Keep the last `limit` ids, and the beginning-of-sequence token if there was one."""
        start = ids[:1] if ids[0] == self.tokenizer.bos_token_id and limit > 1 else []
        return start + ids[len(ids) - limit + len(start) :]

    def _form(self, context: Sequence[Message]) -> tuple[list[Message], str]:
        """Return the turns in the first form that the template takes, and the prompt it writes."""
        from jinja2 import TemplateError

        reason = ""
        for form in (list(context), _joined(context), _flat(context)):
            turns = form or [Message("user", "")]
            try:
                prompt = self._render(turns, prompt=True)
                self._render([*turns, Message("assistant", PROBE)])
            except TemplateError as error:
                reason = one_line(error)
            else:
                return turns, prompt
        raise ModsError(
            f"the chat template fails even on a plain question and answer: {reason}; "
            'give another one as `template`: a file, Jinja text or "alpaca"'
        )

    def _texts(self, record: Record) -> tuple[str, str]:
        """Return the prompt and the response as the template writes them."""
        turns, prompt = self._form(record.context)
        return prompt, self._answer(turns, prompt, record.reply) + self.end

    def _answer(self, turns: list[Message], prompt: str, reply: Message) -> str:
        """Return what follows the prompt, without what ends the turn.

        A template may write a past answer unlike the one it asks for (reasoning models drop the
        thoughts), or refuse it; then the answer itself follows the prompt that generation uses.
        """
        from jinja2 import TemplateError

        try:
            full = self._render([*turns, reply])
        except TemplateError:
            return reply.content
        stop = len(full) - len(self._tail)
        if full.startswith(prompt) and full.endswith(self._tail) and stop >= len(prompt):
            return full[len(prompt) : stop]
        return reply.content

    def _render(self, turns: Sequence[Message], prompt: bool = False) -> str:
        with budget("the chat template"):
            text = self.tokenizer.apply_chat_template(
                [{"role": turn.role, "content": turn.content} for turn in turns],
                chat_template=self.template,
                add_generation_prompt=prompt,
                tokenize=False,
                date_string=TODAY,
                enable_thinking=False,
            )
        assert isinstance(text, str)
        return text

    def _end_of_turn(self) -> tuple[str, str]:
        """Return what the template writes after an answer, and the part that ends the turn.

        That part goes up to the first special token, or is the end-of-sequence token where the
        template writes none. Raises `ModsError` if the tokenizer has none either.
        """
        from jinja2 import TemplateError

        try:
            full = self._render([Message("user", "mods-probe"), Message("assistant", PROBE)])
        except TemplateError as error:
            raise ModsError(f"the chat template cannot be rendered: {one_line(error)}") from error
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

    def _tokenize(self, texts: Sequence[tuple[str, str]]) -> list[Encoded]:
        prompts = self._ids([prompt for prompt, _ in texts])
        fulls = self._ids([prompt + response for prompt, response in texts])
        return [
            Encoded(prompt, full[len(prompt) :])
            if full[: len(prompt)] == prompt and len(full) > len(prompt)
            # A token that reaches over the boundary: keep the prompt that generation sees.
            else Encoded(prompt, self._ids([response])[0])
            for prompt, full, (_, response) in zip(prompts, fulls, texts, strict=True)
        ]

    def _ids(self, texts: list[str]) -> list[list[int]]:
        if not texts:
            return []
        ids = self.tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
        return [list(row) for row in ids]


def _joined(context: Sequence[Message]) -> list[Message]:
    """Join a system message to the turn after it, and successive turns of one role."""
    turns = list(context)
    if len(turns) > 1 and turns[0].role == "system" and turns[1].role == "user":
        turns[:2] = [Message("user", f"{turns[0].content}\n\n{turns[1].content}")]
    return [
        Message(role, "\n\n".join(turn.content for turn in group))
        for role, group in groupby(turns, key=lambda turn: turn.role)
    ]


def _flat(context: Sequence[Message]) -> list[Message]:
    """Make the whole context one user turn."""
    return [Message("user", "\n".join(f"{turn.role}: {turn.content}" for turn in context))]


def _without_oldest(turns: list[Message]) -> list[Message] | None:
    """Drop the oldest exchange, up to the next user turn; None when only the last one is left."""
    keep = 1 if turns and turns[0].role == "system" else 0
    later = [i for i in range(keep + 1, len(turns)) if turns[i].role == "user"]
    return turns[:keep] + turns[later[0] :] if later else None
