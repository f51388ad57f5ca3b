"""The verdict in words, from verdict.json: a page in Markdown, and a table for the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mods.judging.shown import (
    Verdict,
    against,
    arm_words,
    effect,
    measures_of,
    number,
    part,
    set_words,
    sets_of,
)
from mods.wording import printable

SUBJECT, BASELINE, RIVAL = "selection", "random", "longest"
HOW_TO_READ = """\
- **helped**: better than the mean of the random draws, and not shown to be worse than the longest
  responses. **hurt**: worse than the random draws. **no evidence**: neither was shown. The 95 %
  intervals decide; they hold the luck of the prompts, of the draws and of the tuning seeds.
- Effects are differences of means on the same prompts, in the unit of the measure. **Positive is
  better** for what stands on the left, also where lower values are better.
- *Would be found*: the smallest true effect that so many prompts, draws and seeds find in 80 % of
  all trials. Smaller effects may be there and stay unseen.
- The word of the whole is that of the first measure over all sets. The others stand beside it and
  do not change it; among so many intervals some miss zero by chance, and p after Holm allows for
  that.
"""


def page(verdict: Verdict) -> str:
    """Return the page, in Markdown; text from data is escaped."""
    parts = [
        f"# Verdict: {escape(verdict['word'] or verdict['status'])}",
        first_lines(verdict),
        "## Results\n\n" + "\n\n".join(measure_part(verdict, m) for _, m in measures_of(verdict)),
        "## Arms\n\n" + arms_part(verdict),
        "## Prompts\n\n" + prompts_part(verdict),
    ]
    if verdict.get("notes"):
        parts.append("## Notes\n\n" + "\n".join(f"- {escape(note)}" for note in verdict["notes"]))
    if costs := list(flat(verdict.get("costs") or {})):
        rows = [[escape(name), number(value)] for name, value in costs]
        parts.append("## Costs\n\n" + markdown(["", ""], rows, "lr"))
    parts.append("## How to read this\n\n" + HOW_TO_READ.rstrip())
    return "\n\n".join(parts) + "\n"


def first_lines(verdict: Verdict) -> str:
    """Say the word, why, and of what."""
    run, primary = verdict["run"], verdict["measures"].get(verdict.get("primary"))
    lines = [f"**{escape(verdict['word'] or verdict['status'])}**: {escape(verdict['reason'])}."]
    of = f"Of {run['rows']:,} rows selected by the run {escape(run['folder_name'])}"
    judged = f", judged by {escape(primary['words'])}" if primary else ""
    lines.append(f"{of}{judged}; mods {escape(verdict['mods'])}.")
    if verdict["status"] != "done":
        lines.append(f"This verdict is not finished: {escape(verdict['status'])}.")
    if advice := guard_line(verdict):
        lines.append(escape(advice))
    return "\n\n".join(lines)


def guard_line(verdict: Verdict) -> str:
    """Say which rows to use, where the plain choice was written."""
    guard = verdict.get("guard")
    if not guard:
        return ""
    plain = f"{guard['plain']} holds {guard['rows']:,} of {arm_words(verdict, guard['arm'])}"
    return f"Use {guard['use']} of the run; {plain}."


def measure_part(verdict: Verdict, measure: Mapping[str, Any]) -> str:
    """Return the results of one measure: a line a set, and every arm over all of them."""
    text = [f"### {escape(upper_first(measure['words']))}", about(measure)]
    head = ["set", "prompts", "word", "against random", "against longest", "would be found"]
    rows = [
        [escape(cell) if i in (0, 2) else cell for i, cell in enumerate(row)]
        for row in set_rows(measure)
    ]
    text.append(markdown(head, rows, "lrllll"))
    name, judgement = next(iter(sets_of(measure).items()), ("", None))
    if judgement:
        text.append(f"Every arm, {escape(set_words(name))}:")
        head = [
            "arm",
            "mean",
            "95 % interval",
            "against random",
            "selection against it",
            "p (Holm)",
        ]
        text.append(markdown(head, list(arm_rows(verdict, judgement)), "lrlllr"))
    return "\n\n".join(text)


def about(measure: Mapping[str, Any]) -> str:
    """Say how a measure is read, whether its judge is independent, and what it could not judge."""
    low, high = measure.get("range") or (None, None)
    text = f"In {escape(measure['unit'])}; {measure['better'] or 'neither way'} is better"
    text += "" if low is None else f"; at least {number(low)}"
    text += "." if high is None else f"; at most {number(high)}."
    if not measure.get("independent", True):
        text += " **The judge is not independent: it also made the selection.**"
    counts = ", ".join(
        f"{escape(name.replace('_', ' '))} {number(value)}"
        for name, value in (measure.get("counts") or {}).items()
    )
    return f"{text} Counts: {counts}." if counts else text


def set_rows(measure: Mapping[str, Any]) -> Iterator[list[str]]:
    """Yield the cells of a measure's sets."""
    for name, judgement in sets_of(measure).items():
        chance = against(judgement, SUBJECT, BASELINE)
        yield [
            set_words(name),
            number(part(chance, "prompts")),
            judgement["word"] or "–",
            effect(chance),
            effect(against(judgement, SUBJECT, RIVAL)),
            number(part(chance, "detectable")),
        ]


def arm_rows(verdict: Verdict, judgement: Mapping[str, Any]) -> Iterator[list[str]]:
    """Yield the cells of a judgement's arms."""
    for arm, mean in judgement["means"].items():
        low, high = judgement["intervals"][arm]
        versus = against(judgement, SUBJECT, arm)
        yield [
            escape(arm_words(verdict, arm)),
            number(mean),
            f"{number(low)} to {number(high)}",
            "–" if arm == BASELINE else effect(against(judgement, arm, BASELINE)),
            effect(versus),
            number(part(versus, "p_holm")),
        ]


def arms_part(verdict: Verdict) -> str:
    """Return the table of what each arm was tuned on."""
    head = ["arm", "draws", "seeds", "rows", "tokens", "updates", "epochs", "tokens a response"]
    rows = [[escape(arm_words(verdict, arm)), *cells] for arm, cells in arm_sizes(verdict)]
    loose = [
        escape(arm_words(verdict, name))
        for name, arm in verdict["arms"].items()
        if arm.get("tuned") and not arm.get("matched")
    ]
    text = markdown(head, rows, "lrrrrrrr")
    if loose:
        text += f"\n\nNot matched by tokens and updates: {', '.join(loose)}."
    return text


def arm_sizes(verdict: Verdict) -> Iterator[tuple[str, list[str]]]:
    """Yield by arm: draws, seeds, and the means over its draws of what it was tuned on."""
    for name, arm in verdict["arms"].items():
        draws = arm.get("draws") or []
        counts = [len(draws) or None, len(arm.get("seeds") or []) or None]
        sizes = [mean_of(draws, key) for key in ("rows", "tokens", "updates")]
        rest = [mean_of(draws, key) for key in ("epochs", "mean_response_tokens")]
        whole = [number(value, whole=True) for value in (*counts, *sizes)]
        yield name, whole + [number(value) for value in rest]


def mean_of(draws: Sequence[Mapping[str, Any]], key: str) -> float | None:
    """Return the mean over draws of what all of them have."""
    values = [draw.get(key) for draw in draws]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def prompts_part(verdict: Verdict) -> str:
    """Return the table of the prompt sets."""
    rows = [
        [
            escape(name),
            number(s["prompts"]),
            number(s.get("references")),
            escape(s.get("file") or "–"),
        ]
        for name, s in verdict["sets"].items()
    ]
    return markdown(["set", "prompts", "references", "file"], rows, "lrrl")


def flat(costs: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers of nested objects, each with the names that lead to it."""
    for name, value in costs.items():
        label = f"{above} {name}".strip().replace("_", " ")
        if isinstance(value, Mapping):
            yield from flat(value, label)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield label, value


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]], align: str) -> str:
    """Return a table; cells are escaped already. `align` has l or r for each column."""
    marks = ["---:" if side == "r" else "---" for side in align]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, marks, *rows))


def escape(text: str) -> str:
    """Escape text from data for Markdown: it stays one line and neither formats nor links."""
    line = " ".join(printable(text).split())
    line = re.sub(r"([\\`*_{}\[\]<>|~#&$!@])", r"\\\1", line)
    return re.sub(r"(?i)(www)\.", r"\1\\.", line.replace("://", r"\://"))


def upper_first(text: str) -> str:
    """Write the first letter large."""
    return text[:1].upper() + text[1:]


# --- terminal -----------------------------------------------------------------------------------


def table(verdict: Verdict) -> str:
    """Return the verdict as lines for a terminal; control characters are escaped."""
    lines = [f"{verdict['word'] or verdict['status']}: {verdict['reason']}", ""]
    rows = [
        ["measure", "set", "prompts", "word", "against random", "against longest", "would be found"]
    ]
    for _, measure in measures_of(verdict):
        sign = "" if measure.get("independent", True) else " (judge not independent)"
        rows += [[f"{measure['words']}{sign}", *cells] for cells in set_rows(measure)]
    lines += columns(rows, "llrllll")
    head = ["arm", "draws", "seeds", "rows", "tokens", "updates", "epochs", "tokens a response"]
    rows = [head, *([arm_words(verdict, arm), *cells] for arm, cells in arm_sizes(verdict))]
    lines += ["", *columns(rows, "lrrrrrrr"), ""]
    lines.append("Effects with 95 % intervals; positive is better for the selection.")
    lines += [f"note: {note}" for note in verdict.get("notes") or ()]
    lines += filter(None, [guard_line(verdict)])
    return printable("\n".join(" ".join(line.splitlines()) for line in lines))


def columns(rows: Sequence[Sequence[str]], align: str) -> list[str]:
    """Line up cells in columns."""
    rows = [[" ".join(printable(cell).split()) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if side == "r" else cell.ljust(width)
            for cell, width, side in zip(row, widths, align, strict=True)
        ).rstrip()
        for row in rows
    ]
