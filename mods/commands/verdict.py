"""`mods verdict`: does the selection help the model?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from mods.commands.options import (
    CACHE,
    READING_PROMPTS,
    SHOWING,
    Several,
    TakesSeveral,
    as_options,
    expand_home,
    given,
    registry_of,
    show,
    with_options,
)

EPILOG = """\b
Examples:
  mods verdict RUN --prompts held_out.jsonl
  mods verdict RUN --prompts a.jsonl b.jsonl --tuning-seeds 3 -o VERDICT
  mods verdict RUN --prompts a.jsonl --arms +kcenter --measures loss similarity
  mods verdict RUN --prompts a.jsonl --dry-run
  mods verdict RUN --prompts a.jsonl --set model.dtype=bfloat16 --set generation.max_new_tokens=128

\b
Arms, evaluators and selectors: see `mods plugins`. An interrupted verdict goes on where it stopped
when the same command is given again; arms that are added later are tuned, the others are found.
"""


@click.command(cls=TakesSeveral, epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--prompts",
    cls=Several,
    required=True,
    metavar="FILE…",
    help="Prompts that the model is to answer, in any schema; references are optional.",
)
@click.option(
    "--output",
    "-o",
    metavar="VERDICT",
    type=click.Path(path_type=Path),
    callback=expand_home,
    help="The folder to write.  [default: RUN/verdict]",
)
@click.option(
    "--data",
    cls=Several,
    metavar="FILE…",
    help="The data that the run read.  [default: the files that its manifest names]",
)
@click.option(
    "--arms",
    cls=Several,
    metavar="[+]NAME[:k=v,…]…",
    help="Arms or selectors instead of the usual arms; with + besides them.",
)
@click.option(
    "--measures",
    cls=Several,
    metavar="NAME[:k=v,…]…",
    help="Measures instead of the usual ones.  [default: loss, similarity, length]",
)
@click.option(
    "--primary", metavar="NAME", help="The measure that gives the word.  [default: the first]"
)
@click.option(
    "--draws",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    metavar="N",
    help="How often random rows are drawn.",
)
@click.option(
    "--tuning-seeds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="How often the model is tuned on the same rows, with other seeds.",
)
@click.option(
    "--against",
    cls=Several,
    metavar="FILE…",
    help="Further prompts that no row of an arm may repeat; --prompts are always held so.",
)
@click.option(
    "--near",
    type=float,
    metavar="COSINE",
    help="Rows whose embedding is this close to that of such a prompt are in no arm, either.  "
    "[default: as in the run]",
)
@click.option(
    "--ablate",
    is_flag=True,
    help="Select again without quality, with random seeds, without necessity: three more arms.",
)
@click.option(
    "--guard",
    is_flag=True,
    help="Write the plain choice to RUN/plain.jsonl, and say which rows to use.",
)
@click.option(
    "--model",
    metavar="MODEL[:k=v,…]",
    help="The model to tune.  [default: that of the run]",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="STAGE.OPTION=VALUE",
    help="Any other setting than that of the run, e.g. tuning.epochs=2. Repeatable.",
)
@click.option("--overwrite", is_flag=True, help="Replace the verdict on another run or model.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Read everything, match the arms, say what would be tuned and asked, and stop.",
)
@with_options(*READING_PROMPTS, CACHE, *SHOWING)
@click.pass_context
def verdict(
    ctx: click.Context,
    /,
    run: Path,
    prompts: tuple[str, ...],
    output: Path | None,
    data: tuple[str, ...],
    arms: tuple[str, ...],
    measures: tuple[str, ...],
    primary: str | None,
    draws: int,
    tuning_seeds: int,
    against: tuple[str, ...],
    near: float | None,
    ablate: bool,
    guard: bool,
    model: str | None,
    overrides: tuple[str, ...],
    cache: Path | None,
    overwrite: bool,
    dry_run: bool,
    quiet: bool,
    as_json: bool,
    **reading: Any,
) -> None:
    """Say whether the selection in RUN helps the model, against plain choices.

    The model is tuned on the selection and on other rows of the same pool, with as many tokens
    and updates, and every tuned model is asked the same prompts.
    """
    from mods.api.inputs import How
    from mods.judging.page import table
    from mods.progress import Progress
    from mods.verdicts import api
    from mods.verdicts.prepare import Asked

    asked = Asked(
        prompts,
        data or None,
        arms,
        measures,
        primary,
        draws,
        tuning_seeds,
        given({"model": model}),
        overrides,
        against,
        near,
        ablate,
        guard,
        How(**given(reading)),
    )
    progress = Progress(quiet=quiet, worded=as_options)
    registry = registry_of(ctx)
    if dry_run:
        plan = api.dry_run(run, asked, registry, output=output, cache=cache, progress=progress)
        click.echo(json.dumps(plan)) if as_json else show(plan_table(plan))
        return
    made = api.judge_run(
        run,
        asked,
        registry,
        output=output,
        cache=cache,
        progress=progress,
        overwrite=overwrite,
    )
    click.echo(json.dumps(made)) if as_json else show(table(made))


LEFT = {"tuning": "tunings"}
"""What is left, in words."""


def plan_table(plan: Mapping[str, Any]) -> str:
    """Say what a verdict would do."""
    from mods.commands.runs.costs import time_of

    lines = [f"{'arm':<16} {'draws':>5} {'rows':>7} {'tokens':>10} {'updates':>8} {'epochs':>7}"]
    for name, arm in plan["arms"].items():
        for draw in arm["draws"][:1]:
            lines.append(
                f"{name:<16} {len(arm['draws']):>5} {draw['rows']:>7,} {draw['tokens']:>10,} "
                f"{draw['updates']:>8,} {draw['epochs']:>7.2f}"
            )
        if not arm["draws"]:
            lines.append(f"{name:<16}     -       -          -        -       -")
    prompts = ", ".join(f"{name} {rows:,}" for name, rows in plan["prompts"].items())
    work = [f"{plan['tunings']:,} tunings"]
    work += [
        f"{plan[need]:,} {need}" for need in ("losses", "answers", "judgements") if need in plan
    ]
    lines += ["", f"prompts   {prompts}", f"measures  {', '.join(plan['measures'])}"]
    lines.append(f"at most   {', '.join(work)}; nothing was tuned or asked")
    counts, seconds, unknown = (plan["left"][name] for name in ("counts", "seconds", "unknown"))
    left = ", ".join(f"{n:,} {LEFT.get(what, what)}" for what, n in counts.items() if n)
    known = any(n and what not in unknown for what, n in counts.items())
    pace = f"about {time_of(seconds)}" if known else ""
    if unknown:
        named = " and ".join(LEFT.get(what, what) for what in unknown)
        pace = f"{pace}{' and what ' if pace else 'it is not known what '}{named} take"
    lines.append(f"left      {left}: {pace}" if left else "left      nothing: all is in the cache")
    return "\n".join(lines)
