"""Earlier answers of a conversation: which tokens of the prompt are learned besides the reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mods_plugins.hf.chat.sandbox import RenderError

if TYPE_CHECKING:
    from mods.records import Record
    from mods_plugins.hf.chat.format import Encoded
    from mods_plugins.hf.chat.rendering import Renderer


class Span(NamedTuple):
    """Tokens of a prompt that are learned."""

    start: int
    stop: int
    weight: float


def earlier_answers(
    renderer: Renderer, record: Record, prompt: str, row: Encoded
) -> tuple[Span, ...]:
    """Return where the earlier answers stand in a prompt, those of weight 0 left out.

    An answer that the template writes otherwise in the middle of a conversation than at its end
    (without its thoughts) is learned as it stands there; one that cannot be found is not learned.
    """
    form, _ = renderer.form(record.conversation)
    spans = []
    for at, turn in enumerate(form.turns):
        if turn.role != "assistant" or turn.weight == 0:
            continue
        try:
            before = renderer.prompt(form._replace(turns=form.turns[:at]))
            through = renderer.write(form._replace(turns=form.turns[: at + 1]))
        except RenderError:
            continue
        stop = len(through) - len(renderer.tail) + len(renderer.end)
        if not through.startswith(before) or not prompt.startswith(through[:stop]):
            continue
        first, last = _tokens(renderer, before), _tokens(renderer, through[:stop])
        if row.prompt[: len(first)] == first and row.prompt[: len(last)] == last:
            spans.append(Span(len(first), len(last), 1.0 if turn.weight is None else turn.weight))
    return tuple(spans)


def _tokens(renderer: Renderer, text: str) -> list[int]:
    ids = renderer.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return list(ids)


def learned_tokens(row: Encoded) -> int:
    """Return how many tokens are learned from a row; the first token of a text is not."""
    reply = len(row.response) if row.prompt else len(row.response) - 1
    return (reply if row.weight else 0) + sum(span.stop - span.start for span in row.earlier)
