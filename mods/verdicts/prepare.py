"""All that a verdict costs little for: the run, its data and the prompts read, the arms matched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods.api.inputs import Data, How, cache_folder, prompts_of
from mods.errors import DataError, SettingsError
from mods.interfaces.trials import Evaluator
from mods.judging.statistics import FEWEST_PROMPTS
from mods.plugins.part import Part
from mods.selection.stage import check_model_options
from mods.settings.choice import Choice
from mods.verdicts import arms as arms_
from mods.verdicts.ablations import ABLATIONS, Ablated
from mods.verdicts.arms import (
    BASELINE,
    SELECTION,
    Arms,
    Target,
    arm_parts,
    fill_pool,
    needs_of,
    places_of,
)
from mods.verdicts.clean import Contamination, without_contaminated
from mods.verdicts.finished import FinishedRun
from mods.verdicts.measures import measure as measures_
from mods.verdicts.measures.measure import Measure, models_in
from mods.verdicts.measures.pairs import PairMeasure
from mods.verdicts.plan import Plan
from mods.verdicts.sets import read_sets
from mods.work.work import Work

if TYPE_CHECKING:
    from mods.plugins.registry import Registry
    from mods.pool import Pool
    from mods.progress import Progress
    from mods.settings.run import RunSettings
    from mods.verdicts.arms import ArmPlan
    from mods.verdicts.sets import PromptSet

JUDGES = ("quality", "necessity")
"""The stages of a run whose model must not judge its selection."""


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
    against: Sequence[str | Path] = ()
    """Further prompts that no row of an arm may repeat."""
    near: float | None = None
    """The cosine from which a row is near a prompt and leaves; None is that of the run, if any."""
    ablate: bool = False
    """Whether the selection is made again, each time with one ingredient less."""
    guard: bool = False
    """Whether the plain choice is written beside the selection."""
    how: How = field(default_factory=How)
    """How prompts are read."""

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        for name in ("draws", "tuning_seeds"):
            if getattr(self, name) < 1:
                raise SettingsError(f"`{name}` {getattr(self, name)}: expected 1 or more")
        if self.near is not None and not 0 < self.near <= 1:
            raise SettingsError(f"`near` {self.near}: expected a cosine above 0, at most 1")


@dataclass(frozen=True)
class Prepared:
    """A verdict that can begin."""

    run: FinishedRun
    plan: Plan
    work: Work
    contamination: Contamination
    notes_before: int
    """Notices that came up while files were read."""


def prepare(
    folder: Path,
    asked: Asked,
    registry: Registry,
    cache: Path | None,
    progress: Progress,
    *,
    dry: bool = False,
) -> Prepared:
    """Read the run, its data and the prompts, and match the arms.

    Ablations are selected, which may cost; where it is `dry` the rows of the selection stand in.
    """
    run = FinishedRun.load(folder)
    settings = run.settings(asked.changed, asked.overrides)
    sets = read_sets(asked.prompts, registry, asked.how)
    further = prompts_of([str(file) for file in asked.against], registry, asked.how)
    prompts = [*(prompt for one in sets for prompt in one.asked), *further]
    source = run.read(asked.data, settings, registry, progress)
    before = len(progress.notices)
    with progress.listening():
        parts = choose_parts(registry, settings)
        work = Work(cache_folder(cache), progress, parts["executor"])
        measures = choose_measures(asked, sets, registry, settings, parts, run, progress)
        choices = arm_choices(asked.arms)
        ready = [arm_parts(registry, c, settings, asked.draws) for c in choices if is_plugin(c)]
        for part in (part for made in ready for part in made):
            part.check()
        needs = {need for made in ready for need in needs_of(made)}
        near = settings.near if asked.near is None else asked.near
        source, contamination = without_contaminated(
            source, prompts, work, embedder=parts["embedder"], near=near
        )
        pool = fill_pool(source.pool, needs, parts, settings, work)
        arms = make_arms(pool, source.selected, registry, settings, asked.draws)
        planned = [arms.plan(choice) for choice in choices]
        if asked.ablate:
            own = run.settings({}, template_of(asked.overrides), needs_model=False)
            held = prompts_of(own.against, registry, asked.how)
            ablated = Ablated(source.reading, [*held, *prompts], own, registry, work)
            planned += ablations(ablated, arms, source.selected, dry=dry)
        opponent = None
        if any(measure.opponent == BASELINE for measure in measures):
            opponent = arms.plan(Choice(BASELINE, {"draw": asked.draws}))
    seeds = [settings.seed + number for number in range(asked.tuning_seeds)]
    plan = Plan(planned, measures, sets, seeds, arms.target, settings, registry, parts, opponent)
    return Prepared(run, plan, work, contamination, before)


def template_of(overrides: Sequence[str]) -> list[str]:
    """Return the override that names the chat template: a run does not keep its text."""
    return [text for text in overrides if text.startswith("tuning.template=")]


def ablations(ablated: Ablated, arms: Arms, selected: Sequence[str], *, dry: bool) -> list[ArmPlan]:
    """Return the arms that lack an ingredient each."""
    return [
        arms.of_rows(name, ABLATIONS[name], selected if dry else ablated.select(name))
        for name in ablated.names()
    ]


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
    rows = places_of(pool, selected)
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
    run: FinishedRun,
    progress: Progress,
) -> list[Measure]:
    """Choose the measures that can be had, and note those that cannot."""
    prompts = [prompt for one in sets for prompt in one.prompts]
    chunk = settings.generation.batch_size
    makes = run.manifest["makes"]["plugins"]
    selecting = frozenset(model for stage in JUDGES for model in models_in(makes.get(stage)))
    choices = [Choice.parse(name) for name in asked.measures or measures_.USUAL]
    found = []
    for choice in choices:
        part = Part.choose(registry, "evaluator", choice, settings.context("evaluator"))
        kind = Measure if isinstance(part.object, Evaluator) else PairMeasure
        measure = kind(str(choice), part, parts["generator"], prompts, chunk, selecting)
        if not measure.places:
            progress.note(f"{choice} is not measured: {measure.lacks}")
            continue
        measure.check()
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
    short = [name for name in names if Choice.parse(name).name == asked]
    if asked not in names and len(short) == 1:
        return short[0]
    if asked not in names:
        raise SettingsError(
            f"`primary` {asked!r} is no measure of this verdict that says which answers are "
            f"better; there are: {', '.join(names)}"
        )
    return asked
