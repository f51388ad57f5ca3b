"""From a conversation to token ids: the one form that scoring, tuning and generation share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from mods.errors import DataError
from mods.interfaces import Unscorable
from mods.records import Conversation, Message, Record
from mods_plugins.hf.chat.forms import without_oldest
from mods_plugins.hf.chat.rendering import CHARACTERS_A_TOKEN, Renderer
from mods_plugins.hf.chat.sandbox import RenderError
from mods_plugins.hf.chat.turns import earlier_answers
from mods_plugins.thoughts import is_open

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from mods_plugins.hf.chat.turns import Span

ANY_REPLY = Message("assistant", "")
Row = TypeVar("Row")
Made = TypeVar("Made")


class Encoded(NamedTuple):
    """One record as token ids: prompt + response is what the model reads."""

    prompt: list[int]
    """The context up to the point where the assistant starts: the very ids of generation."""
    response: list[int]
    """The last turn up to and including the end-of-turn token; never empty."""
    cut: bool = False
    """Whether the row was longer than allowed and lost something."""
    earlier: tuple[Span, ...] = ()
    """Places in the prompt that are learned as well: earlier answers, where that is asked for."""
    weight: float = 1.0
    """How much the response counts in training."""

    @property
    def size(self) -> int:
        """Number of tokens."""
        return len(self.prompt) + len(self.response)


class Prompt(NamedTuple):
    """A conversation as token ids, up to where the assistant starts."""

    ids: list[int]
    opened: bool = False
    """Whether it ends inside a block of thoughts, which the answer goes on with."""
    cut: bool = False


class ChatFormat:
    """Renders and tokenizes conversations with one chat template.

    `template` is Jinja text, a file that holds it, `"alpaca"`, or None for the model's own (the
    Alpaca form if it has none); `arguments` are further variables for it, such as
    `enable_thinking`. Turns, tools, calls, results and reasoning go to the template. A conversation
    that it refuses, or of which it does not show every part, is given to it in a plainer form (see
    `chat.forms`), and that is noted. The conversation alone decides the form, not its reply: what
    is learned and what is asked have the same prompt.

    Reasoning of a reply stands in one block before the answer, whatever the template does with it;
    then the prompt is one that leaves room for it.

    Raises `ModsError` if the template cannot be used, `SettingsError` if there is no such template.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        template: str | None = None,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self.tokenizer = tokenizer
        self.renderer = Renderer(tokenizer, template, arguments or {})
        self.template, self.end = self.renderer.template, self.renderer.end

    @property
    def stop_ids(self) -> list[int]:
        """The tokens that end an answer: the tokenizer's end of sequence, and the template's."""
        ids = {self.tokenizer.eos_token_id, self._ids([self.end])[0][-1]}
        return sorted(i for i in ids if i is not None)

    @property
    def pad_id(self) -> int:
        """A token to fill up with; always masked, so any will do. No token is ever added.

        It may lie outside the embeddings of a model: see `CausalLM.pad_id`.
        """
        for token in (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id):
            if token is not None:
                return int(token)
        return 0

    def encode(
        self, records: Sequence[Record], max_length: int | None = None, *, all_turns: bool = False
    ) -> list[Encoded]:
        """Turn records into prompt and response ids.

        A row longer than `max_length` tokens keeps its whole prompt and loses the end of the
        response. Where the prompt alone is that long, it is shortened as in `prompts`, to half of
        `max_length` or to what the response leaves, whichever is more. With `all_turns` earlier
        answers are marked as learned, too. Raises `DataError` naming a row that cannot be rendered.
        """
        rows = self.encode_each(records, max_length, all_turns=all_turns)
        for record, row in zip(records, rows, strict=True):
            if isinstance(row, Unscorable):
                raise DataError(f"{record.source or 'row'}:{record.row}: {row.reason}")
        return [row for row in rows if isinstance(row, Encoded)]

    def encode_each(
        self, records: Sequence[Record], max_length: int | None = None, *, all_turns: bool = False
    ) -> list[Encoded | Unscorable]:
        """As `encode`, with a reason in place of a row that the template cannot take."""
        texts = each(records, self.renderer.texts)
        most = None if max_length is None else max_length * CHARACTERS_A_TOKEN
        cut = {at: _cut(text, most) for at, text in enumerate(texts) if isinstance(text, tuple)}
        fitted = dict(zip(cut, self._tokenize([text for text, _ in cut.values()]), strict=True))
        rows: list[Encoded | Unscorable] = []
        for at, (record, text) in enumerate(zip(records, texts, strict=True)):
            if isinstance(text, Unscorable):
                rows.append(text)
                continue
            row = fitted[at]._replace(cut=cut[at][1], weight=_weight(record.reply))
            if all_turns and not row.cut:
                row = row._replace(earlier=earlier_answers(self.renderer, record, text[0], row))
            rows.append(self._fit(record, row, max_length))
        return rows

    def prompts(self, conversations: Sequence[Conversation], limit: int) -> list[list[int]]:
        """Return the prompt ids of each conversation, at most `limit` long.

        They are those that `encode` gives a record with this conversation. A longer prompt loses
        its oldest turns (a system message stays); if its last turn alone is longer it loses tokens
        at its start. The end of the last turn is always kept.
        """
        found = self.prompts_each(conversations, limit)
        for prompt in found:
            if isinstance(prompt, Unscorable):
                raise DataError(prompt.reason)
        return [prompt.ids for prompt in found if isinstance(prompt, Prompt)]

    def prompts_each(
        self, conversations: Sequence[Conversation], limit: int
    ) -> list[Prompt | Unscorable]:
        """As `prompts`, with a reason in place of what the template cannot take."""
        texts = each(conversations, lambda asked: self.renderer.form(asked)[1])
        most = limit * CHARACTERS_A_TOKEN
        short = {
            at: text for at, text in enumerate(texts) if isinstance(text, str) and len(text) <= most
        }
        ids = dict(zip(short, self._ids(list(short.values())), strict=True))
        found: list[Prompt | Unscorable] = []
        for at, (asked, text) in enumerate(zip(conversations, texts, strict=True)):
            if isinstance(text, Unscorable):
                found.append(text)
            elif at in ids and len(ids[at]) <= limit:
                found.append(Prompt(ids[at], is_open(text)))
            else:
                found.append(Prompt(self._shortened(asked, limit), is_open(text), cut=True))
        return found

    def _fit(self, record: Record, row: Encoded, max_length: int | None) -> Encoded:
        if max_length is None or row.size <= max_length:
            return row
        prompt = row.prompt
        if len(prompt) >= max_length:
            room = max(max_length // 2, max_length - len(row.response))
            prompt = self._shortened(record.conversation, room, record.reply)
            row = row._replace(earlier=())
        return row._replace(
            prompt=prompt, response=row.response[: max_length - len(prompt)], cut=True
        )

    def _shortened(self, asked: Conversation, limit: int, reply: Message = ANY_REPLY) -> list[int]:
        turns = list(asked.turns)
        while True:
            text = self.renderer.asking(replace(asked, turns=tuple(turns)), reply)
            shorter = without_oldest(turns)
            most = limit * CHARACTERS_A_TOKEN
            if len(text) <= most or shorter is None:
                start = self.tokenizer.bos_token or ""
                start = start if text.startswith(start) else ""
                ids = self._ids([text if len(text) <= most else start + text[-most:]])[0]
                if len(ids) <= limit:
                    return ids
                if shorter is None:
                    return self._last(ids, limit)
            assert shorter is not None
            turns = shorter

    def _last(self, ids: list[int], limit: int) -> list[int]:
        """Keep the last `limit` ids, and the beginning-of-sequence token if there was one."""
        start = ids[:1] if ids[0] == self.tokenizer.bos_token_id and limit > 1 else []
        return start + ids[len(ids) - limit + len(start) :]

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


def each(rows: Sequence[Row], work: Callable[[Row], Made]) -> list[Made | Unscorable]:
    """Render rows one by one; one that cannot be rendered gets the reason."""
    made: list[Made | Unscorable] = []
    for row in rows:
        try:
            made.append(work(row))
        except RenderError as error:
            made.append(Unscorable(str(error)))
    return made


def usable(rows: Sequence[Made | Unscorable]) -> tuple[list[int], list[Made]]:
    """Return the places of the rows that have no reason against them, and those rows."""
    places = [at for at, row in enumerate(rows) if not isinstance(row, Unscorable)]
    return places, [row for row in rows if not isinstance(row, Unscorable)]


def _cut(text: tuple[str, str], most: int | None) -> tuple[tuple[str, str], bool]:
    """Cut texts that are far longer than the tokens that are kept of them."""
    prompt, response = text
    if most is None or len(prompt) + len(response) <= most:
        return text, False
    return (prompt[:most], response[:most]), True


def _weight(turn: Message) -> float:
    return 1.0 if turn.weight is None else float(turn.weight)
