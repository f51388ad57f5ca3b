"""`verdict`: does the selection of a finished run help the model?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods.api.inputs import Data, registry_with
from mods.progress import Progress
from mods.verdicts.estimate import left_of
from mods.verdicts.guard import guarded
from mods.verdicts.outcome import compose
from mods.verdicts.prepare import Asked, prepare, primary_of
from mods.verdicts.save import VerdictFolder, save
from mods.verdicts.trial import try_arms

if TYPE_CHECKING:
    from mods.plugins.registry import Registry
    from mods.verdicts.finished import FinishedRun
    from mods.verdicts.plan import Plan

FOLDER = "verdict"
"""Where a verdict is written in the run folder, unless it is told."""


def verdict(
    run: str | Path,
    prompts: str | Path | Sequence[str | Path],
    *,
    output: str | Path | None = None,
    data: Data | None = None,
    arms: Sequence[str] = (),
    measures: Sequence[str] = (),
    primary: str | None = None,
    draws: int = 3,
    tuning_seeds: int = 1,
    against: str | Path | Sequence[str | Path] = (),
    near: float | None = None,
    ablate: bool = False,
    guard: bool = False,
    overrides: Sequence[str] = (),
    cache: str | Path | None = None,
    plugins: Sequence[str | Path] = (),
    overwrite: bool = False,
    quiet: bool = False,
    **settings: Any,
) -> dict[str, Any]:
    """Say whether the selection of a finished run helps the model, against plain choices.

    Parameters
    ----------
    run
        The run folder.
    prompts
        Files of prompts, in any schema that is read; references are optional.
    output
        The folder to write; default `verdict` in the run folder.
    data
        The data that the run read; default: the files that its manifest names.
    arms, measures
        Names of plug-ins, as on the command line; `+NAME` adds an arm to the usual ones.
    primary
        The measure that gives the word; default: the first.
    draws, tuning_seeds
        How often random rows are drawn, and how often the model is tuned on every draw.
    against
        Further files of prompts that no row of an arm may repeat; `prompts` are always held so.
    near
        Rows whose embedding has this cosine with that of a prompt count as repeating it, too;
        above 0, at most 1. Default: as in the run.
    ablate
        Also make the selection again without quality, with random seeds, without necessity.
    guard
        Write the plain choice to `plain.jsonl` in the run folder, and say which rows to use.
    overrides, cache, plugins, overwrite, quiet
        As in `select`.
    settings
        Settings other than those of the run, e.g. `model="path/to/model"`.

    Returns
    -------
    dict
        What `verdict.json` holds; see docs/verdict.md.

    Raises
    ------
    ModsError
        For everything that the caller can fix; the message says how.
    """
    asked = Asked(
        [prompts] if isinstance(prompts, (str, Path)) else prompts, data, arms, measures, primary,
        draws, tuning_seeds, settings, overrides,
        [against] if isinstance(against, (str, Path)) else against, near, ablate, guard,
    )  # fmt: skip
    return judge_run(
        Path(run),
        asked,
        registry_with(plugins),
        output=Path(output) if output else None,
        cache=Path(cache) if cache else None,
        progress=Progress(quiet=quiet),
        overwrite=overwrite,
    )


def judge_run(
    folder: Path,
    asked: Asked,
    registry: Registry,
    *,
    output: Path | None,
    cache: Path | None,
    progress: Progress,
    overwrite: bool,
) -> dict[str, Any]:
    """Make the verdict and write its folder; what `verdict` and `mods verdict` share.

    The same call goes on where it was interrupted, because everything costly lies in the cache.
    """
    ready = prepare(folder, asked, registry, cache, progress)
    run, plan, work = ready.run, ready.plan, ready.work
    primary = primary_of(plan.measures, asked.primary)
    makes = what_makes(run, plan)
    place = VerdictFolder((output or folder / FOLDER).expanduser())
    with place.claimed(makes["of"], overwrite=overwrite), progress.listening():
        found = try_arms(plan, work)
        notes = progress.notices[ready.notes_before :]
        made = compose(plan, found, primary, about(run), makes, notes, work.costs.as_dict())
        made["contamination"] = ready.contamination.as_dict()
        if asked.guard:
            made["guard"] = guarded(plan, made, folder)
        for problem in save(made, place.path):
            progress.note(problem)
    return made


def about(run: FinishedRun) -> dict[str, Any]:
    """Return what the verdict says about the run."""
    return {
        "folder_name": run.folder.resolve().name,
        "rows": run.manifest["rows"]["selected"],
    }


def what_makes(run: FinishedRun, plan: Plan) -> dict[str, Any]:
    """Return all that makes the verdict; `of` is what a folder of verdicts is about."""
    return {
        "of": {"run": run.manifest["makes"], "model": plan.parts["trainer"].identity},
        "generator": plan.parts["generator"].identity,
        "measures": {
            m.name: m.part.identity if m.opponent is None else {**m.part.identity, "by": m.judging}
            for m in plan.measures
        },
    }


def dry_run(
    folder: Path,
    asked: Asked,
    registry: Registry,
    *,
    output: Path | None,
    cache: Path | None,
    progress: Progress,
) -> dict[str, Any]:
    """Read everything, match the arms, and say what a verdict would do; nothing is tuned."""
    ready = prepare(folder, asked, registry, cache, progress, dry=True)
    left = left_of(ready.plan, ready.work, folder, output or folder / FOLDER)
    return {**ready.plan.as_dict(), "left": left.as_dict()}
