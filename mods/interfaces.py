"""What a plug-in must offer, by kind. A plug-in is any object with these methods.

Two optional members work for every kind:

`identity() -> dict`
    What makes the results: model name and revision, template, file hashes. It is the key of the
    cache and goes into the manifest. Without it all options of the plug-in do; offer it to leave
    out options that do not change results (batch size, device).
`chunk_size: int`
    How many rows one call gets (default 256). Results are stored after each call.

Factories are called with the options of the run as keyword arguments; a parameter called `seed`
gets the run's seed unless it is set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mods.records import BrokenRow, RawRow, Record
    from mods.settings import Generation, Tuning

    FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Unscorable:
    """Stands in a list of scores for a row that cannot be scored: quarantined, never guessed."""

    reason: str


@runtime_checkable
class QualityScorer(Protocol):
    """Rates rows one by one: a row's score does not depend on the other rows."""

    def score(self, records: Sequence[Record]) -> Sequence[float | Unscorable] | FloatArray:
        """Return one finite float per record (or `Unscorable`), in order; higher is better."""
        ...


@runtime_checkable
class PoolScorer(Protocol):
    """Rates rows against their pool, in two steps so that the costly one is cached per row."""

    def features(self, records: Sequence[Record]) -> FloatArray:
        """Return a float32 array of shape (len(records), f), each row from its record alone."""
        ...

    def score_pool(self, records: Sequence[Record], features: FloatArray) -> FloatArray:
        """Return one finite float per record of the whole pool; cheap and deterministic."""
        ...


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into vectors whose distances mean dissimilarity.

    An embedder with a method `fit(texts)` is first given all texts of the pool; its vectors are
    then cached for that pool only.
    """

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """Return a finite float32 array of shape (len(texts), d), d the same in every call."""
        ...


@dataclass(frozen=True)
class Pool:
    """What a selector may look at: n records with their vectors and quality scores."""

    records: Sequence[Record]
    embeddings: npt.NDArray[np.float32]
    """Shape (n, d), float32."""
    quality: npt.NDArray[np.float64]
    """Shape (n,), float64, higher is better."""


@dataclass(frozen=True)
class Picks:
    """What a selector returns."""

    indices: npt.NDArray[np.int64]
    """Rows of the pool in pick order, no row twice, none of the fixed centres."""
    radii: npt.NDArray[np.float32] | None = None
    """Covering radius once each pick is made, if the selector knows it."""


@runtime_checkable
class Selector(Protocol):
    """Picks a diverse subset."""

    def select(self, pool: Pool, k: int, *, initial: npt.NDArray[np.int64]) -> Picks:
        """Pick up to k rows of the pool besides `initial`, which are chosen already."""
        ...


@runtime_checkable
class LanguageModel(Protocol):
    """A causal language model, tuned or not, that answers and that can be asked for its loss."""

    def generate(self, records: Sequence[Record]) -> list[str]:
        """Answer each record's context; one text per record, without special tokens."""
        ...

    def losses(self, records: Sequence[Record]) -> FloatArray:
        """Return the mean token loss (nats) of each record's own response, float64, shape (n,)."""
        ...


@runtime_checkable
class ModelBackend(Protocol):
    """The given model: knows what it is, and how to tune itself."""

    def identity(self) -> Mapping[str, Any]:
        """Return what the model is: name, revision or file hashes, template."""
        ...

    def tune(
        self,
        records: Sequence[Record],
        *,
        tuning: Tuning,
        generation: Generation,
        folder: Path,
        seed: int,
    ) -> LanguageModel:
        """Tune on `records` and return the tuned model.

        `folder` keeps checkpoints and the finished adapter. An interrupted call with the same
        arguments goes on from the last checkpoint; a finished one loads what is there.
        """
        ...


@runtime_checkable
class NecessityModel(Protocol):
    """Judges how well the seed-tuned model does on each row."""

    def judge(
        self, records: Sequence[Record], model: LanguageModel
    ) -> Sequence[float | Unscorable] | FloatArray:
        """Return one finite float per record (or `Unscorable`); *higher is better answered*.

        Rows below beta are necessary. `model` is the tuned model; its answers are cached and
        shared, so asking twice costs nothing.
        """
        ...


@runtime_checkable
class Reader(Protocol):
    """Reads one kind of source, row by row, whatever schema the rows have."""

    def matches(self, source: str) -> bool:
        """Say whether this reader reads `source` (a path or a hub id)."""
        ...

    def read(self, source: str) -> Iterator[RawRow | BrokenRow]:
        """Yield the rows in order, broken ones with their reason; `DataError` if unreadable."""
        ...
