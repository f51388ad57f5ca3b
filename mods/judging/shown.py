"""What the page, the table and the picture show alike of `verdict.json`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Verdict = Mapping[str, Any]
"""What `verdict.json` holds."""
ALL = "all"
"""The name of all sets taken together."""


def sets_of(measure: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the judgements of a measure by set: all sets together first, a single set once."""
    by_set = dict(measure["by_set"])
    whole = by_set.pop(ALL, None)
    if whole is None or len(by_set) == 1:
        return by_set
    return {ALL: whole, **by_set}


def set_words(name: str) -> str:
    """Name a set."""
    return "all sets" if name == ALL else name


def arm_words(verdict: Verdict, arm: str) -> str:
    """Name an arm in words."""
    return str(verdict["arms"].get(arm, {}).get("words") or arm)


def against(judgement: Mapping[str, Any], arm: str, other: str) -> Mapping[str, Any] | None:
    """Return the comparison of two arms, or None where they were not compared."""
    found = (*judgement["comparisons"], *judgement.get("others", ()))
    return next((c for c in found if (c["arm"], c["against"]) == (arm, other)), None)


def part(comparison: Mapping[str, Any] | None, key: str) -> float | None:
    """Return a number of a comparison; None where there is no such comparison or number."""
    return None if comparison is None else comparison[key]


def measures_of(verdict: Verdict) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the measures by name, the one that decides first."""
    measures, primary = verdict["measures"], verdict.get("primary")
    if primary in measures:
        yield str(primary), measures[primary]
    yield from ((name, measure) for name, measure in measures.items() if name != primary)


def number(value: float | None, *, signed: bool = False, whole: bool = False) -> str:
    """Write a number, with three digits that count or as a whole one; a dash for none."""
    if value is None:
        return "–"
    size = abs(value)
    if value == 0:
        return "0"
    whole = whole or isinstance(value, int) or size >= 1000
    text = f"{size:,.0f}" if whole else f"{size:#.3g}".rstrip(".")
    return ("-" if value < 0 else "+" if signed else "") + text


def effect(comparison: Mapping[str, Any] | None) -> str:
    """Write an effect with its interval."""
    if comparison is None or comparison["effect"] is None:
        return "–"
    low, high = number(comparison["low"], signed=True), number(comparison["high"], signed=True)
    return f"{number(comparison['effect'], signed=True)} ({low} to {high})"
