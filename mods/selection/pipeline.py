"""The whole method: read, quality, coverage, necessity, selection (MoDS, arXiv 2311.15653)."""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mods._version import __version__
from mods.cached import Part
from mods.errors import SettingsError
from mods.interfaces import Picks, Pool, Unscorable
from mods.ledger import Ledger, Receipt, Stage
from mods.plugins import Choice, Registry
from mods.records import BrokenRow, Record
from mods.runfolder import MANIFEST, RunFolder, to_json
from mods.stages.coverage import embed_records, pick
from mods.stages.necessity import TunedModel, judge_records
from mods.stages.quality import score_records

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.config import RunSettings
    from mods.progress import Progress
    from mods.reading import Reading

LIBRARIES = (
    "torch",
    "transformers",
    "peft",
    "accelerate",
    "numpy",
    "scikit-learn",
    "pyarrow",
    "sentence-transformers",
    "datasets",
    "gguf",
)
"""Libraries whose versions can change a result."""


@dataclass(frozen=True)
class Selection:
    """What a run found: the rows to tune on, and a receipt for every input row."""

    records: Sequence[Record]
    """The selected records in order of pick: seeds, then necessary rows."""
    receipts: Sequence[Receipt]
    """One per input row, in input order."""
    quarantined: Sequence[BrokenRow]
    manifest: Mapping[str, Any]
    folder: Path | None = None
    pool: Pool | None = field(default=None, repr=False)
    """The records that passed the quality stage, with vectors and scores."""

    @property
    def rows(self) -> list[Mapping[str, Any]]:
        """The selected rows as they were read."""
        return [record.raw for record in self.records]

    @property
    def totals(self) -> Mapping[str, int]:
        """Rows by fate."""
        totals: Mapping[str, int] = self.manifest["rows"]["totals"]
        return totals


@dataclass
class Run:
    """One run under way: what every step needs."""

    reading: Reading
    settings: RunSettings
    registry: Registry
    cache: Path
    progress: Progress
    ledger: Ledger = field(init=False)
    quarantined: list[BrokenRow] = field(init=False)
    seconds: dict[str, float] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)
    identities: dict[str, Any] = field(default_factory=dict)
    thresholds: dict[str, Any] = field(default_factory=dict)
    vectors: str = ""
    """The file that keeps the embeddings; `mods why` measures distances from it."""

    def __post_init__(self) -> None:
        """Open one receipt per input row."""
        self.ledger = Ledger(self.reading)
        self.quarantined = list(self.reading.broken)

    def selection(self, makes: Mapping[str, Any], folder: Path | None = None) -> Selection:
        """Run the stages; returns the selection with its receipts and its manifest."""
        pool, chosen = self.select()
        manifest = self.manifest(makes, len(chosen))
        return Selection(chosen, self.ledger.receipts, self.quarantined, manifest, folder, pool)

    def select(self) -> tuple[Pool, list[Record]]:
        """Run the stages; returns the pool after quality and the selection in order of pick."""
        with self.timed("quality"):
            kept, quality = self.quality()
        with self.timed("coverage"):
            pool = Pool(kept, self.embed(kept), quality)
            seeds = self.seeds(pool)
        with self.timed("necessity"):
            added = self.necessity(pool, seeds)
        chosen = [pool.records[i] for i in [*seeds, *added]]
        self.ledger.check(0)
        return pool, chosen

    def make_parts(self) -> None:
        """Make every plug-in before any work, so that a mistake costs no stage."""
        settings = self.settings
        choices = {
            "quality": settings.quality,
            "embedder": settings.embedder,
            "selector": settings.selector,
        }
        if settings.budget > settings.seeds:
            assert settings.model is not None
            assert settings.necessity is not None
            choices["model"] = self.model_choice(settings.model)
            choices["necessity"] = settings.necessity
        for kind, choice in choices.items():
            part = Part.make(self.registry, kind, choice, settings.seed)
            self.identities[kind] = part.identity  # fails now if a model is not to be had
            self.parts[kind] = part

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Measure a stage."""
        start = time.monotonic()
        yield
        self.seconds[stage] = round(time.monotonic() - start, 3)

    def quality(self) -> tuple[list[Record], npt.NDArray[np.float64]]:
        """Score, quarantine what cannot be scored, reject what is not above alpha."""
        part = self.parts["quality"]
        records = self.reading.records
        results = score_records(records, part, self.cache, self.progress)
        scored, values = [], []
        for record, result in zip(records, results, strict=True):
            if isinstance(result, Unscorable):
                self.quarantine(record, "quality", result.reason)
            else:
                scored.append(record)
                values.append(result)
        if not scored:
            raise SettingsError(f"{part} could score none of {len(records)} rows")
        scores = np.array(values, dtype=np.float64)
        self.ledger.score(scored, score_name("quality", part), values)
        passing, cut = self.settings.alpha.passing(scores)
        self.thresholds["alpha"] = {"asked": str(self.settings.alpha), "score": cut}
        for i in np.flatnonzero(~passing):
            reason = (
                f"quality {scores[i]:.4g} does not pass alpha {self.settings.alpha} ({cut:.4g})"
            )
            self.ledger.close(scored[i], "rejected", "quality", reason)
        kept = [scored[i] for i in np.flatnonzero(passing)]
        self.ledger.check(len(kept))
        return kept, scores[passing]

    def quarantine(self, record: Record, stage: Stage, reason: str) -> None:
        """Set a row aside that a plug-in could not score."""
        self.ledger.close(record, "quarantined", stage, reason)
        text = to_json(record.raw).decode("utf-8").rstrip("\n")
        self.quarantined.append(BrokenRow(record.row, reason, text, record.source))

    def embed(self, kept: Sequence[Record]) -> npt.NDArray[np.float32]:
        """Embed the rows that passed alpha."""
        asked = self.settings.seeds
        if len(kept) < asked:
            raise SettingsError(
                f"--seeds {asked}, but only {len(kept)} of {len(self.reading.records)} rows pass "
                f"alpha ({self.settings.alpha}): lower --seeds or --alpha"
            )
        vectors, file = embed_records(
            kept, self.parts["embedder"], self.settings.embed_text, self.cache, self.progress
        )
        self.vectors = str(file.absolute())
        return vectors

    def seeds(self, pool: Pool) -> list[int]:
        """Pick the seeds."""
        none = np.empty(0, dtype=np.int64)
        picks = pick(pool, self.settings.seeds, none, self.parts["selector"])
        self.close_picks(pool, picks, "coverage", "seed", start=0)
        if len(picks.indices) < self.settings.seeds:
            self.progress.note(
                f"{len(picks.indices)} seeds instead of {self.settings.seeds}: every other row "
                "coincides with one of them"
            )
        seeds: list[int] = picks.indices.tolist()
        return seeds

    def necessity(self, pool: Pool, seeds: list[int]) -> list[int]:
        """Find the necessary rows and pick among them up to the budget."""
        chosen = set(seeds)
        others = [i for i in range(len(pool.records)) if i not in chosen]
        wanted = self.settings.budget - len(seeds)
        # Fewer seeds than asked for: every other row coincides with one, no model will change that.
        if self.settings.budget == self.settings.seeds or len(seeds) < self.settings.seeds:
            for i in others:
                reason = f"not among the {len(seeds)} seeds"
                self.ledger.close(pool.records[i], "rejected", "coverage", reason)
            return []
        necessary = self.judge(pool, seeds, others) if others else []
        added = self.cover(pool, seeds, necessary, wanted)
        if len(added) < wanted:
            self.progress.note(
                f"{len(seeds) + len(added)} rows instead of --budget {self.settings.budget}: "
                + self.shortage(len(others), len(necessary), len(added))
            )
        return added

    def shortage(self, others: int, necessary: int, added: int) -> str:
        """Say why the budget was not met, and what would help."""
        if others == 0:
            return "every row that passes alpha is a seed; lower alpha or the number of seeds"
        if added < necessary:
            return "the other necessary rows coincide with rows picked already"
        return (
            f"{necessary} of {others} rows are necessary at --beta {self.settings.beta}; "
            "raise beta for more"
        )

    def judge(self, pool: Pool, seeds: list[int], others: list[int]) -> list[int]:
        """Return the rows that the seed-tuned model answers badly, in input order."""
        settings = self.settings
        part = self.parts["necessity"]
        tuned = TunedModel(
            self.parts["model"],
            [pool.records[i] for i in seeds],
            tuning=settings.tuning,
            generation=settings.generation,
            seed=settings.seed,
            cache=self.cache,
            progress=self.progress,
        )
        records = [pool.records[i] for i in others]
        results = judge_records(
            records,
            part,
            tuned,
            chunk_size=settings.generation.batch_size,
            cache=self.cache,
            progress=self.progress,
        )
        judged, values = [], []
        for i, result in zip(others, results, strict=True):
            if isinstance(result, Unscorable):
                self.quarantine(pool.records[i], "necessity", result.reason)
            else:
                judged.append(i)
                values.append(result)
        self.ledger.score([pool.records[i] for i in judged], score_name("necessity", part), values)
        scores = np.array(values, dtype=np.float64)
        passing, cut = settings.beta.passing(scores)
        self.thresholds["beta"] = {"asked": str(settings.beta), "score": cut}
        for at in np.flatnonzero(~passing):
            reason = (
                f"answered well enough: necessity {scores[at]:.4g} does not pass beta "
                f"{settings.beta} ({cut:.4g})"
            )
            self.ledger.close(pool.records[judged[at]], "rejected", "necessity", reason)
        return [judged[at] for at in np.flatnonzero(passing)]

    def cover(self, pool: Pool, seeds: list[int], necessary: list[int], wanted: int) -> list[int]:
        """Second coverage pass: necessary rows, with the seeds as fixed centres."""
        both = sorted([*seeds, *necessary])
        place = {i: at for at, i in enumerate(both)}
        part = Pool([pool.records[i] for i in both], pool.embeddings[both], pool.quality[both])
        initial = np.array([place[i] for i in seeds], dtype=np.int64)
        k = min(wanted, len(necessary))
        none = Picks(np.empty(0, dtype=np.int64))
        picks = pick(part, k, initial, self.parts["selector"]) if k else none
        self.close_picks(part, picks, "necessity", "necessary", start=len(seeds))
        added = [both[at] for at in picks.indices]
        for i in set(necessary) - set(added):
            reason = f"necessary, but not among the {len(added)} picked up to the budget"
            self.ledger.close(pool.records[i], "rejected", "necessity", reason)
        return added

    def close_picks(self, pool: Pool, picks: Picks, stage: Any, reason: str, *, start: int) -> None:
        """Write the receipts of picked rows."""
        radii = [None] * len(picks.indices) if picks.radii is None else picks.radii
        for at, (i, radius) in enumerate(zip(picks.indices, radii, strict=True)):
            self.ledger.close(
                pool.records[i],
                "selected",
                stage,
                reason,
                order=start + at + 1,
                radius=None if radius is None else float(radius),
            )

    def model_choice(self, model: Choice) -> Choice:
        """A registered back end, or a path or hub id for the `hf` one."""
        if model.name in self.registry.names("model"):
            return model
        return Choice("hf", {"path": model.name, **model.options})

    def manifest(self, makes: Mapping[str, Any], selected: int) -> dict[str, Any]:
        """All that makes the result, and what came out."""
        return {
            "mods": __version__,
            "status": "done",
            "makes": makes,
            "thresholds": self.thresholds,
            "vectors": self.vectors,
            "rows": {
                "in": self.ledger.rows,
                "totals": self.ledger.totals(),
                "by_stage": self.ledger.counts(),
                "selected": selected,
            },
            "schemas": self.reading.schemas,
            "notices": self.progress.notices,
            "seconds": self.seconds,
            "environment": environment(),
        }


def score_name(kind: str, part: Part) -> str:
    """The column of a score: `quality_reward_model`, `necessity_loss`."""
    return f"{kind}_{part.plugin.name}".replace("-", "_").replace(".", "_")


def environment() -> dict[str, Any]:
    """The versions and the machine that a result depends on."""
    versions = {}
    for library in LIBRARIES:
        try:
            versions[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "libraries": versions,
    }


def inputs_of(reading: Reading) -> dict[str, Any]:
    """Fingerprint the input: the hash of each file, and of all record ids in order."""
    content = hashlib.sha256()
    files = {source: file_hash(Path(source)) for source in reading.schemas}
    for record in reading.records:
        content.update(f"{record.source}\0{record.row}\0{record.key}\n".encode("utf-8", "replace"))
        if files.get(record.source) is None:
            content.update(to_json(record.raw))
    for broken in reading.broken:
        content.update(f"{broken.source}\0{broken.row}\0broken\n".encode("utf-8", "replace"))
    return {"sources": files, "rows": reading.rows, "content": content.hexdigest()}


def file_hash(path: Path) -> str | None:
    """SHA-256 of a file, none for what is not one."""
    if not path.is_file():
        return None
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def run_pipeline(
    reading: Reading,
    settings: RunSettings,
    registry: Registry,
    *,
    cache: Path,
    progress: Progress,
    output: Path | None = None,
    overwrite: bool = False,
) -> Selection:
    """Select rows, and write the run folder if one is named.

    A folder that holds another run raises `RunFolderError`; the same command goes on where it
    was interrupted, because everything costly lies in the cache.
    """
    run = Run(reading, settings, registry, cache, progress)
    with progress.listening():
        run.make_parts()
        makes = {
            "inputs": inputs_of(reading),
            "settings": settings.as_dict(),
            "plugins": run.identities,
            "mods": __version__,
        }
        if output is None:
            return run.selection(makes)
        folder = RunFolder(output)
        with folder.locked():
            folder.claim(makes, overwrite=overwrite)
            selection = run.selection(makes, output)
            write_run(folder, selection, progress)
    return selection


def write_run(folder: RunFolder, selection: Selection, progress: Progress) -> None:
    """Write everything; the manifest comes last, so that `done` means done."""
    from mods.report import draw_report

    folder.write_results(selection.records, selection.receipts, selection.quarantined)
    try:
        folder.write_picture(lambda file: draw_report(selection, file))
    except (ValueError, OverflowError) as error:  # extreme scores; the selection stands
        progress.note(f"the picture could not be drawn: {error}")
    folder.write_json(MANIFEST, selection.manifest)
