"""What a plug-in must offer, by kind. A plug-in is any object with these methods.

`KINDS` at the end is the table of kinds: a new one is a row there, a protocol, and a hook.

What a verdict takes stands in `mods.interfaces.trials`, what writes a selection for a trainer
in `mods.interfaces.exports`. Some optional members work for every kind:

`identity() -> dict`
    What makes the results: model name and revision, template, file hashes. It is the key of the
    cache and goes into the manifest. Without it all options of the plug-in do; offer it to leave
    out options that do not change results (batch size, device).
`check() -> None`
    Raises a `ModsError` for what would stop the plug-in later and can be told cheaply (a model of
    another kind, a missing file). Called before any stage is paid for.
`close() -> None`
    Gives back what it holds between calls, such as a server that it started. Called when the work
    on some rows is done or has failed; the next call may come all the same.
`chunk_size: int`
    How many rows one call gets (default 256). Results are stored after each call.
`needs: tuple of names`
    What the plug-in must be given, where its kind has a choice; see `PoolScorer`, `Selector`,
    `NecessityModel`.
`reads: tuple of names`
    What of a conversation it reads besides texts and tool calls: `tools`, `reasoning`, `media`.
    Rows with media are kept from what does not read them; of the others a note says so.

Factories are called with the options of the run as keyword arguments. A parameter named in the
kind's `context` (such as `seed`) gets that value of the run unless it is set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

from mods.interfaces.exports import Exporter
from mods.interfaces.kinds import Kind
from mods.interfaces.trials import Arm, Evaluator, PairwiseJudge

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mods.pool import Budget, Picks, Pool
    from mods.records import BrokenRow, Conversation, RawRow, Record

    FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Unscorable:
    """Stands in a list of results for a row that has none: quarantined, never guessed."""

    reason: str
    lasting: bool = True
    """Whether it will be so next time, too. What failed in passing is not kept in the cache."""


# --- quality ------------------------------------------------------------------------------------


@runtime_checkable
class QualityScorer(Protocol):
    """Rates rows one by one: a row's score does not depend on the other rows."""

    def score(self, records: Sequence[Record]) -> Sequence[float | Unscorable] | FloatArray:
        """Return one finite float per record (or `Unscorable`), in order; higher is better."""
        ...


class Encoded(NamedTuple):
    """Texts as an embedder sees them."""

    vectors: FloatArray
    """Shape (number of texts, d), float32."""
    cut: Sequence[int]
    """Places of the texts that it could not read whole."""


@runtime_checkable
class PoolScorer(Protocol):
    """Rates rows against their pool, in two steps so that the costly one is cached per row.

    One whose `needs` names an embedder, as on the command line (`sentence-transformer:model=…`),
    gets a third argument in `score_pool`: a function from texts to `Encoded`. Their vectors are
    cached, so that no text is embedded twice, in the coverage stage or in a later run either.
    """

    def features(self, records: Sequence[Record]) -> FloatArray:
        """Return a float32 array of shape (len(records), f), each row from its record alone."""
        ...

    def score_pool(self, records: Sequence[Record], features: FloatArray) -> FloatArray:
        """Return one finite float per record of the whole pool; cheap and deterministic."""
        ...


# --- coverage -----------------------------------------------------------------------------------


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into vectors whose distances mean dissimilarity.

    An embedder with a method `fit(texts)` is first given all texts of the pool; its vectors are
    then cached for that pool only.
    """

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """Return a finite float32 array of shape (len(texts), d), d the same in every call."""
        ...


EMBEDDINGS, QUALITY, TOKENS = "embeddings", "quality", "tokens"
"""What a selector may need, besides other scorers."""
USUAL_NEEDS = (EMBEDDINGS, QUALITY)
"""What a selector is given that does not say."""


@runtime_checkable
class Selector(Protocol):
    """Picks a diverse subset.

    `needs` says what the pool must hold: `embeddings`, `quality` (both if it does not say),
    `tokens`, or further quality scorers as named on the command line. `in_order = True`: fewer
    picks are the first of more, and only rows that coincide with picked ones are never reached.
    A method `refused(pool)` gives the rows that it cannot place, with the reasons: they are
    quarantined before it selects.
    """

    def select(self, pool: Pool, budget: Budget, *, initial: npt.NDArray[np.int64]) -> Picks:
        """Pick rows of the pool within the budget, besides `initial`, which are chosen already.

        A budget may count tokens, too; `Budget.take` keeps to it for any order of rows.
        """
        ...


# --- necessity ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Weights:
    """What tuning made of the given model."""

    path: Path
    """A folder with an adapter or a whole model."""
    identity: Mapping[str, Any]
    """What makes them: the trainer, its settings, the rows."""


@runtime_checkable
class Trainer(Protocol):
    """Turns rows into weights.

    Its factory may have the parameters `model` (the given model; its options go to parameters of
    the same name), `tuning` (`mods.settings.options.Tuning`) and `seed`.
    """

    def identity(self) -> Mapping[str, Any]:
        """Return what decides the weights besides the rows: model, template, settings, seed."""
        ...

    def train(self, records: Sequence[Record], folder: Path) -> Path:
        """Tune the given model on the replies of `records`; return the folder of the weights.

        `folder` keeps checkpoints and the finished weights and belongs to this tuning alone. An
        interrupted call with the same records goes on from the last checkpoint, to the same
        weights; a finished one returns what is there.
        """
        ...


@runtime_checkable
class TokenCounter(Protocol):
    """A trainer that can say what a row costs."""

    def count_tokens(self, records: Sequence[Record]) -> Sequence[int]:
        """Return how many tokens tuning learns from each record, 0 or more."""
        ...


@runtime_checkable
class WholeTokenCounter(Protocol):
    """A trainer that can also say how much of a row it reads."""

    def count_all_tokens(self, records: Sequence[Record]) -> Sequence[int]:
        """Return how many tokens of each record tuning reads: prompt and reply, cut as there."""
        ...


@dataclass(frozen=True)
class Finding:
    """One line of an examination of a chat template."""

    what: str
    works: bool
    """Whether the template does it by itself; if not, `how` says what is done instead."""
    how: str


@runtime_checkable
class Examined(Protocol):
    """A trainer that can say how it renders conversations: what `mods doctor --model` shows."""

    def examine(self) -> Sequence[Finding]:
        """Return what was found out about the chat template, without loading weights."""
        ...


@runtime_checkable
class Generator(Protocol):
    """Answers conversations with the given model, or with one that is served.

    Its factory may have the parameters of a trainer's and `generation`
    (`mods.settings.options.Generation`). With `takes_weights = False` it asks a model that is
    served as it is: nothing is tuned, and `weights` is None in every call.
    """

    def identity(self) -> Mapping[str, Any]:
        """Return what decides the answers besides weights and decoding: model, template."""
        ...

    def answers(
        self, conversations: Sequence[Conversation], weights: Weights | None
    ) -> Sequence[str | Unscorable]:
        """Return one answer per conversation, without special tokens (or `Unscorable`).

        `weights` are those of a trainer; None asks the model as it is.
        """
        ...


@runtime_checkable
class TokenLosses(Protocol):
    """A generator that can also say how expected a row's own reply is."""

    def losses(
        self, records: Sequence[Record], weights: Weights | None
    ) -> Sequence[float | Unscorable] | FloatArray:
        """Return the mean token loss (nats) of each record's own reply, shape (n,)."""
        ...


@dataclass(frozen=True)
class Evidence:
    """How the tuned model did on some records: what the necessity model said it needs."""

    answers: Sequence[str] = ()
    """Its answer to each record's conversation."""
    losses: Sequence[float] = ()
    """The mean token loss (nats) of each record's own reply."""


ANSWERS, LOSSES = "answers", "losses"
"""What a necessity model may need."""


@runtime_checkable
class NecessityModel(Protocol):
    """Reviews how well the seed-tuned model does on each row (MoDS, section 3.4).

    `needs` says which evidence it is given: `answers`, `losses` or both. Without it: `answers`.
    """

    def review(
        self, records: Sequence[Record], evidence: Evidence
    ) -> Sequence[float | Unscorable] | FloatArray:
        """Return one finite float per record (or `Unscorable`); *higher is better answered*.

        Rows below beta are necessary. The evidence has one entry per record, in order.
        """
        ...


# --- input and work -----------------------------------------------------------------------------


@runtime_checkable
class Reader(Protocol):
    """Reads one kind of source, row by row, whatever schema the rows have."""

    def matches(self, source: str) -> bool:
        """Say whether this reader reads `source` (a path or a hub id)."""
        ...

    def read(self, source: str) -> Iterator[RawRow | BrokenRow]:
        """Yield the rows in order, broken ones with their reason; `DataError` if unreadable."""
        ...


@dataclass(frozen=True)
class Outcome:
    """What came of one chunk of work."""

    values: Any
    """What the method of the plug-in returned."""
    seconds: float = 0.0
    notes: Sequence[str] = ()
    """Warnings that came up: they are told, and kept with the results."""
    cut: Sequence[int] = ()
    """Places, from 0, of rows that could not be read whole; see `mods.cut`."""
    tokens: int = 0
    """Tokens that models read and wrote; see `mods.spent`."""
    loading: float = 0.0
    """Of the seconds, those of loading models; see `mods.loading`."""
    device_seconds: float = 0.0
    """All seconds if a model computed on an accelerator, else 0."""
    error: BaseException | None = None
    """What ended the call early: `values` then holds what was done by then, by place; see
    `mods.early`."""


class Task(Protocol):
    """Work as data: which plug-in with which options, which method. It can be pickled."""

    def run(self, chunk: Sequence[Any]) -> Outcome:
        """Do it for some rows, here and now."""
        ...


@runtime_checkable
class Executor(Protocol):
    """Decides where the work on rows is done: in this process, in others, on other machines."""

    def map(self, task: Task, chunks: Iterable[Sequence[Any]]) -> Iterator[tuple[int, Outcome]]:
        """Run the task on every chunk; yield (number of the chunk, outcome) as they come.

        Chunks are numbered from 0 as they are taken out of `chunks`, and may come back in any
        order, each once. Take a chunk when there is room to work on it: what is not taken yet may
        be done by another run that shares the cache. The results must be those of
        `task.run(chunk)`.
        """
        ...


# --- the table of kinds -------------------------------------------------------------------------


MODEL_CONTEXT = ("seed", "model", "tuning")
KINDS: tuple[Kind, ...] = (
    Kind("quality", "register_quality_scorers", (QualityScorer, PoolScorer), "Quality scorer."),
    Kind("embedder", "register_embedders", (Embedder,), "Embedder."),
    Kind("selector", "register_selectors", (Selector,), "Selector of diverse rows."),
    Kind("necessity", "register_necessity_models", (NecessityModel,), "Necessity model."),
    Kind(
        "trainer", "register_trainers", (Trainer,), "What tunes the model.",
        default="hf", context=MODEL_CONTEXT,
    ),
    Kind(
        "generator", "register_generators", (Generator,), "What lets the model answer.",
        default="hf", context=(*MODEL_CONTEXT, "generation"),
    ),
    Kind(
        "reader", "register_readers", (Reader,), "Reader of a kind of source.", chosen=False,
        context=("encoding", "max_row_mb"),
    ),
    Kind(
        "executor", "register_executors", (Executor,), "Where the work on rows is done.",
        default="local", context=(), decides=False,
    ),
    Kind(
        "arm", "register_arms", (Arm,), "Rows that a verdict holds against the selection.",
        chosen=False, context=("seed", "draw"),
    ),
    Kind(
        "evaluator", "register_evaluators", (Evaluator, PairwiseJudge), "Measure of a verdict.",
        chosen=False,
    ),
    Kind(
        "exporter", "register_exporters", (Exporter,), "What a selection is written for.",
        chosen=False, context=("tuning",), decides=False,
    ),
)  # fmt: skip
"""Every kind of plug-in. The first name of a kind is that of its setting and its option."""

Factory: TypeAlias = Callable[..., Any]
"""What a plug-in registers: a class or function that makes the object."""
Register: TypeAlias = Callable[[str, Factory], None]
"""What a hook is given: `register(name, factory)`."""


def kind_named(name: str) -> Kind:
    """Return the kind of that name."""
    return next(kind for kind in KINDS if kind.name == name)
