"""`mods costs`: what a run took, stage by stage."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mods.commands.options import JSON, show

if TYPE_CHECKING:
    from mods.data.reading import Reading
    from mods.runs.costs import StageCosts
    from mods.selection.estimate import Estimate, Forecast, Span
    from mods.work.costs import Cost, Costs

EPILOG = """\b
Examples:
  mods costs RUN
  mods costs RUN --json
"""
HEADS = {
    "rows": "rows", "computed": "computed", "cached": "cached", "tokens": "tokens",
    "seconds": "seconds", "loading": "loading", "device_seconds": "device s",
    "bytes_read": "MB read", "bytes_written": "written",
}  # fmt: skip
"""The columns of the table, by the name of the figure."""


@click.command(epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@JSON
def costs(run: Path, as_json: bool) -> None:
    """Tell what the run in the folder RUN took: rows, tokens, seconds and bytes of every stage.

    Rows were computed or taken from the cache. Seconds of work are added up over processes; those
    of a stage are the seconds that passed. They are of the last call that wrote the folder: what
    an interrupted one had computed was taken from the cache.
    """
    from mods.runs.costs import load_costs

    stages = load_costs(run)
    if as_json:
        click.echo(json.dumps({name: as_plain(stage) for name, stage in stages.items()}, indent=2))
    else:
        show(table(stages))


def as_plain(stage: StageCosts) -> dict[str, Any]:
    """Return a stage as plain JSON values."""
    work = {name: {**asdict(cost), "cached": cost.cached} for name, cost in stage.work.items()}
    return {"seconds": stage.seconds, "work": work}


def table(stages: Mapping[str, StageCosts]) -> str:
    """Return the costs as lines of text."""
    from mods.runs.costs import total

    lines = [f"{'stage':<10} {'work':<24}" + "".join(f"{head:>11}" for head in HEADS.values())]
    for name, stage in stages.items():
        lines += [f"{name:<10} {work:<24}{cells(cost)}" for work, cost in stage.work.items()]
        lines.append(f"{name:<10} {'in all':<24}{'':>44}{stage.seconds:>11,.1f}")
    whole = total(stages)
    lines.append(
        f"{whole.seconds:,.1f} seconds passed, {whole.loading:,.1f} of them to load models; "
        f"{whole.tokens:,} tokens went through models"
    )
    return "\n".join(lines)


def cells(cost: Cost) -> str:
    """Return the figures of one kind of work, in the order of `HEADS`."""
    return "".join(f"{figure(name, getattr(cost, name)):>11}" for name in HEADS)


def figure(name: str, value: float) -> str:
    """Write a figure as people read it; nothing is a dash."""
    if not value:
        return "-"
    if name.startswith("bytes"):
        return f"{value / 1e6:,.1f}"
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"


def money_per_hour(text: str | None) -> float | None:
    """Read what an hour costs, `2.5/h`; raises `SettingsError` for anything else."""
    from mods.errors import SettingsError

    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:/\s*h)?\s*", text)
    if match is None:
        raise SettingsError(f"`rate` {text!r}: expected money an hour, such as 2.5/h")
    return float(match[1])


def show_forecast(
    reading: Reading, costs: Costs, forecast: Forecast, rate: float | None, *, as_json: bool
) -> None:
    """Print what a run will take, and what it saves."""
    if as_json:
        click.echo(json.dumps(plain_forecast(reading, costs, forecast, rate)))
    else:
        show(forecast_table(reading, costs, forecast, rate))


def plain_forecast(
    reading: Reading, costs: Costs, forecast: Forecast, rate: float | None
) -> dict[str, Any]:
    """Return a forecast as plain JSON values; times as spans."""

    def plain(step: Estimate | None) -> dict[str, Any] | None:
        return None if step is None else {**asdict(step), **step.seconds.as_dict(rate)}

    saves = forecast.saves
    return {
        "rows": {"in": reading.rows, "records": len(reading.records)},
        "reading": costs.as_dict(),
        "steps": [plain(step) for step in forecast.steps],
        "selecting": forecast.selecting.as_dict(rate),
        "tuning": {"whole_pool": plain(forecast.whole), "selection": plain(forecast.chosen)},
        "saves": saves and saves.as_dict(rate),
        "pays_from_run": dict(zip(("low", "likely", "high"), forecast.pays_from, strict=True)),
        "probe_seconds": round(forecast.probe, 3),
    }


def forecast_table(reading: Reading, costs: Costs, forecast: Forecast, rate: float | None) -> str:
    """Return a forecast as lines of text."""
    whole, chosen, saves = forecast.whole, forecast.chosen, forecast.saves
    head = (
        f"{'stage':<10} {'work':<13} {'by':<22}{'rows':>9}{'to do':>9}{'tokens':>13}  {'time':<32}"
    )
    lines = [head + ("money" if rate is not None else "")]
    steps = [*forecast.steps, *(step for step in (whole, chosen) if step)]
    for step in steps:
        if step is whole:
            lines.append(f"{'selecting':<77}  {span(forecast.selecting, rate)}")
            lines.append("for comparison, each time a model is tuned:")
        lines.append(
            f"{step.stage:<10} {step.work:<13} {step.part:<22}{step.rows:>9,}{step.left:>9,}"
            f"{step.tokens:>13,}  {span(step.seconds, rate)}"
        )
    if saves is None:
        lines.append(f"{'selecting':<77}  {span(forecast.selecting, rate)}")
        lines.append("no model is tuned in this run, so there is nothing to compare with")
    else:
        lines.append(saving(forecast, rate))
    read = costs.as_dict()["reading: files"]["seconds"]
    lines.append(
        f"rows in {reading.rows:,}; read in {read:,.1f} s; the probe took {forecast.probe:,.0f} s, "
        "and what it scored and embedded lies in the cache"
    )
    return "\n".join(lines)


def saving(forecast: Forecast, rate: float | None) -> str:
    """Say what selecting costs, what it saves, and from which tuning on it pays."""
    saves, (best, likely, worst) = forecast.saves, forecast.pays_from
    assert saves is not None
    costing = f"selecting costs {brief(forecast.selecting.likely, rate)}"
    if likely is None:
        return f"{costing} and saves nothing: tuning on the pool takes no longer than the selection"
    least, most = f"{best or likely:,}", "never" if worst is None else f"{worst:,}"
    within = "" if least == most else f" (range {least} to {most})"
    return (
        f"{costing}; it saves {brief(saves.likely, rate)} per training run: it pays from run "
        f"{likely:,} on{within}"
    )


def span(seconds: Span, rate: float | None) -> str:
    """Write a time with its range, and money."""
    text = f"{time_of(seconds.likely)} ({time_of(seconds.low)} to {time_of(seconds.high)})"
    if rate is None:
        return text
    low, likely, high = (v / 3600 * rate for v in (seconds.low, seconds.likely, seconds.high))
    return f"{text:<32}{likely:,.2f} ({low:,.2f} to {high:,.2f})"


def brief(seconds: float, rate: float | None) -> str:
    """Write a time, and money."""
    return time_of(seconds) + ("" if rate is None else f" ({seconds / 3600 * rate:,.2f})")


def time_of(seconds: float) -> str:
    """Write a time the way people say it."""
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.1f} min" if minutes < 100 else f"{minutes / 60:.1f} h"
