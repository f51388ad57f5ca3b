"""`verdict`: does the selection of a finished run help the model?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods.api import Data, How, cache_folder, registry_with
from mods.errors import DataError, SettingsError
from mods.judging.statistics import FEWEST_PROMPTS
from mods.plugins.part import Part
from mods.progress import Progress
from mods.selection.stage import check_model_options
from mods.settings.choice import Choice
from mods.verdicts import arms as arms_
from mods.verdicts import measures as measures_
from mods.verdicts.arms import BASELINE, SELECTION, Arms, Target, arm_parts, fill_pool, needs_of
from mods.verdicts.finished import FinishedRun
from mods.verdicts.measures import Measure
from mods.verdicts.outcome import compose
from mods.verdicts.plan import Plan
from mods.verdicts.save import VerdictFolder, save
from mods.verdicts.sets import read_sets
from mods.verdicts.trial import try_arms
from mods.work.work import Work

if TYPE_CHECKING:
    from mods.interfaces import Pool
    from mods.plugins.registry import Registry
    from mods.settings.run import RunSettings
    from mods.verdicts.sets import PromptSet

FOLDER = "verdict"
"""Where a verdict is written in the run folder, unless it is told."""


@dataclass(frozen=True)
class Asked:
    """What a verdict was asked for."""

    prompts: Sequence[str | Path]
    data: Data | None = None
    arms: Sequence[str] = ()
    """Names of arms; none: the usual ones. Those that begin with `+` come to the usual ones."""
    measures: Sequence[str] = ()
    primary: str | None = None
    draws: int = 3
    tuning_seeds: int = 1
    changed: Mapping[str, Any] = field(default_factory=dict)
    """Settings other than those of the run, such as the model."""
    overrides: Sequence[str] = ()
    how: How = field(default_factory=How)
    """How prompts are read."""

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        for name in ("draws", "tuning_seeds"):
            if getattr(self, name) < 1:
                raise SettingsError(f"`{name}` {getattr(self, name)}: expected 1 or more")


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
    run, plan, work, before = prepare(folder, asked, registry, cache, progress)
    primary = primary_of(plan.measures, asked.primary)
    makes = what_makes(run, plan)
    place = VerdictFolder((output or folder / FOLDER).expanduser())
    with place.claimed(makes["of"], overwrite=overwrite), progress.listening():
        found = try_arms(plan, work)
        notes = progress.notices[before:]
        made = compose(plan, found, primary, about(run), makes, notes, work.costs.as_dict())
        for problem in save(made, place.path):
            progress.note(problem)
    return made


def prepare(
    folder: Path, asked: Asked, registry: Registry, cache: Path | None, progress: Progress
) -> tuple[FinishedRun, Plan, Work, int]:
    """Read the run, its data and the prompts, match the arms: all that costs little.

    Returns also how many notices came up while files were read.
    """
    run = FinishedRun.load(folder)
    settings = run.settings(asked.changed, asked.overrides)
    sets = read_sets(asked.prompts, registry, asked.how)
    source = run.read(asked.data, settings, registry, progress)
    before = len(progress.notices)
    with progress.listening():
        parts = choose_parts(registry, settings)
        work = Work(cache_folder(cache), progress, parts["executor"])
        measures = choose_measures(asked, sets, registry, settings, parts, progress)
        choices = arm_choices(asked.arms)
        ready = [arm_parts(registry, c, settings, asked.draws) for c in choices if is_plugin(c)]
        for part in (part for made in ready for part in made):
            part.check()
        needs = {need for made in ready for need in needs_of(made)}
        pool = fill_pool(source.pool, needs, parts, settings, work)
        arms = make_arms(pool, source.selected, registry, settings, asked.draws)
        planned = [arms.plan(choice) for choice in choices]
    seeds = [settings.seed + number for number in range(asked.tuning_seeds)]
    plan = Plan(planned, measures, sets, seeds, arms.target, settings, registry, parts)
    return run, plan, work, before


def choose_parts(registry: Registry, settings: RunSettings) -> dict[str, Part]:
    """Choose what tunes, answers and embeds, and check each."""
    parts = {
        kind: Part.choose(registry, kind, settings.parts[kind], settings.context(kind))
        for kind in ("trainer", "generator", "embedder", "executor")
    }
    check_model_options(parts, settings)
    for part in parts.values():
        part.check()
    return parts


def arm_choices(names: Sequence[str]) -> list[Choice]:
    """Return the arms: those that were named, or the usual ones and those with `+` before.

    The selection and the rows by chance, which it is held against, are always among them.
    """
    added = [name.removeprefix("+") for name in names if name.startswith("+")]
    named = [name for name in names if not name.startswith("+")] or list(arms_.USUAL)
    choices = [Choice.parse(name) for name in [SELECTION, BASELINE, *named, *added]]
    return list({str(choice): choice for choice in choices}.values())


def is_plugin(choice: Choice) -> bool:
    """Say whether an arm is a plug-in."""
    return choice.name not in arms_.WORDS


def make_arms(
    pool: Pool, selected: Sequence[str], registry: Registry, settings: RunSettings, draws: int
) -> Arms:
    """Return what makes arms, matched to the tokens and updates of the selection."""
    places = {record.id: at for at, record in enumerate(pool.records)}
    rows = [places[id] for id in selected if id in places]
    if not rows:
        raise SettingsError("the selection has no row with a token to learn")
    assert pool.tokens is not None
    tuning = settings.tuning
    target = Target(int(pool.tokens[rows].sum()), tuning.epochs, tuning.updates(len(rows)))
    return Arms(pool, rows, target, registry, settings, draws)


def choose_measures(
    asked: Asked,
    sets: Sequence[PromptSet],
    registry: Registry,
    settings: RunSettings,
    parts: Mapping[str, Part],
    progress: Progress,
) -> list[Measure]:
    """Choose the measures that can be had, and note those that cannot."""
    prompts = [prompt for one in sets for prompt in one.prompts]
    choices = [Choice.parse(name) for name in asked.measures or measures_.USUAL]
    found = []
    for choice in choices:
        part = Part.choose(registry, "evaluator", choice, settings.context("evaluator"))
        measure = Measure(
            str(choice), part, parts["generator"], prompts, settings.generation.batch_size
        )
        if not measure.places:
            progress.note(f"{choice} is not measured: {measure.lacks}")
            continue
        part.check()
        found.append(measure)
    deciding = [measure for measure in found if measure.scale.better]
    if deciding and max(len(measure.places) for measure in deciding) < FEWEST_PROMPTS:
        raise DataError(
            f"only {len(deciding[0].places)} prompts can be measured; give {FEWEST_PROMPTS} or more"
        )
    if not deciding:
        raise SettingsError(
            "no measure can be had that says which answers are better: give prompts with "
            "references, or another measure with `measures`"
        )
    return found


def primary_of(measures: Sequence[Measure], asked: str | None) -> str:
    """Return the measure that gives the word."""
    names = [measure.name for measure in measures if measure.scale.better]
    if asked is None:
        return names[0]
    if asked not in names:
        raise SettingsError(
            f"`primary` {asked!r} is no measure of this verdict that says which answers are "
            f"better; there are: {', '.join(names)}"
        )
    return asked


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
        "measures": {measure.name: measure.part.identity for measure in plan.measures},
    }


def dry_run(
    folder: Path, asked: Asked, registry: Registry, *, cache: Path | None, progress: Progress
) -> dict[str, Any]:
    """Read everything, match the arms, and say what a verdict would do; nothing is tuned."""
    return prepare(folder, asked, registry, cache, progress)[1].as_dict()
