from __future__ import annotations

import json
import logging
import os
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mods import DataError, Record, SettingsError, select
from mods.interfaces import Encoded
from mods.testing import check_quality_scorer, sample_records
from mods_plugins.coherence.breaking import break_responses
from mods_plugins.coherence.features import ABSENT, FEATURES
from mods_plugins.coherence.fit import Scale, fit_pairs
from mods_plugins.embedders.sentence import (
    SentenceEmbedder,
    has_packaged_encoder,
    has_sentence_transformers,
)
from mods_plugins.scorers.coherence import Coherence, encoder_cosines, joined

SHARED = Path(os.environ.get("MODS_SHARED_DATA") or Path(__file__).parents[4] / "shared/data")
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"no real data at {SHARED}")
needs_encoder = pytest.mark.skipif(
    not (has_packaged_encoder() and has_sentence_transformers()),
    reason="the packaged sentence encoder is not installed",
)

THINGS = (
    "copper kettle|boils water|over an open fire",
    "garden spade|turns the soil|before the seeds go in",
    "night train|carries sleepers|across the border",
    "rain barrel|stores water|for the dry weeks",
    "bicycle pump|fills a tyre|when it has gone soft",
    "wool blanket|keeps heat|around a tired child",
    "brass compass|shows north|under a cloudy sky",
    "bread knife|cuts a loaf|without crushing it",
    "church bell|calls people|from the valley below",
    "wooden ladder|reaches the roof|after a storm",
    "paper lantern|gives light|along the river path",
    "stone bridge|joins villages|on both banks",
)
PLACES = (
    "a farm",
    "a harbour",
    "a school",
    "a hospital",
    "a museum",
    "a hotel",
    "a mill",
    "a camp",
)


def corpus() -> list[Record]:
    """Make 96 rows whose answers take up their questions and stop with a full stop."""
    rows = []
    for thing in THINGS:
        name, does, when = thing.split("|")
        for place in PLACES:
            prompt = f"Explain what use the {name} has in {place}, and who should look after it."
            answer = (
                f"In {place} the {name} {does} {when}. Next to the {name} there should be a note "
                f"with its owner. This note says who in {place} may use it and where it belongs. "
                f"Finally, someone ought to look after the {name} once a week."
            )
            rows.append(Record.from_instruction(prompt, answer))
    return rows


def encoding(scorer: Coherence) -> Any:
    """Return what the run gives the scorer: the vectors of the encoder that it needs."""
    if not scorer.needs:
        return None
    return lambda texts: Encoded(*SentenceEmbedder(model=scorer.encoder or "").encode(texts))


class HeldOut:
    """The scorer fitted on one half of a pool, applied to rows of the other half."""

    def __init__(self, scorer: Coherence, fitted: Sequence[Record]) -> None:
        self.scorer, self.encode = scorer, encoding(scorer)
        table = self.features(fitted)
        broken = break_responses(fitted)
        self.scale = Scale.of(table)
        own = self.scale(table[[item.row for item in broken]])
        worse = self.scale(self.features([item.record for item in broken]))
        self.weights = fit_pairs(own - worse)

    def features(self, records: Sequence[Record]) -> Any:
        cosines, _ = encoder_cosines(records, self.encode)
        return joined(cosines, self.scorer.features(records))

    def caught(self, records: Sequence[Record], kind: str) -> float:
        """Return the share of rows that score above their broken form."""
        broken = [item for item in break_responses(records, (kind,)) if item.kind == kind]
        assert len(broken) > len(records) / 3
        own = self.scores([records[item.row] for item in broken])
        return float(np.mean(own > self.scores([item.record for item in broken])))

    def scores(self, records: Sequence[Record]) -> Any:
        return self.scale(self.features(records)) @ self.weights


def test_keeps_the_rules() -> None:
    check_quality_scorer(Coherence(encoder="none"))


@pytest.mark.models
@needs_encoder
def test_cosines_do_not_depend_on_the_batch_and_long_rows_are_told() -> None:
    encode = encoding(Coherence(device="cpu"))
    records = sample_records()[3:9] + sample_records()[-3:]
    together, cut = encoder_cosines(records, encode)
    alone = np.concatenate([encoder_cosines([record], encode)[0] for record in records])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert len(np.unique(together)) > 5
    assert [len(records[at].prompt + records[at].response) > 800 for at in cut] == [True] * len(cut)
    long = Record.from_instruction("Why?", "Because it rains. " * 200)
    assert encoder_cosines([records[0], long], encode)[1] == [1]


@pytest.mark.models
@needs_encoder
def test_each_text_is_encoded_once_in_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: Counter[str] = Counter()
    embed = SentenceEmbedder.embed
    monkeypatch.setattr(
        SentenceEmbedder, "embed", lambda self, texts: seen.update(texts) or embed(self, texts)
    )
    rows = [{"instruction": r.instruction, "output": r.response} for r in corpus()[:40]]
    select(
        rows, recipe="offline", quality="coherence", alpha="top 50%", seeds=5, budget=5,
        cache=tmp_path, quiet=True,
    )  # fmt: skip
    assert set(seen.values()) == {1}
    assert {row[part] for row in rows for part in ("instruction", "output")} < set(seen)


@pytest.mark.parametrize(
    "encoder", ["none", pytest.param("auto", marks=[needs_encoder, pytest.mark.models])]
)
def test_catches_broken_rows_it_has_not_seen(encoder: str) -> None:
    rows = corpus()
    random.Random(0).shuffle(rows)
    fit = HeldOut(Coherence(encoder=encoder, device="cpu"), rows[:32])
    caught = {kind: fit.caught(rows[32:64], kind) for kind in ("swapped", "truncated", "shuffled")}
    assert caught["swapped"] >= 0.95
    assert caught["truncated"] >= 0.9
    assert caught["shuffled"] >= 0.65


def test_puts_broken_rows_last_in_their_own_pool() -> None:
    rows = corpus()
    spoilt = rows[:90] + [item.record for item in break_responses(rows[90:], ("swapped",))]
    scorer = Coherence(encoder="none")
    scores = scorer.score_pool(spoilt, scorer.features(spoilt))
    assert scores[90:].max() < np.quantile(scores[:90], 0.1)
    # 0 is halfway between whole and broken.
    assert (scores[:90] > 0).mean() > 0.9
    assert scores[90:].mean() < 0


def test_same_scores_in_any_order_to_the_last_bit() -> None:
    rows = corpus() + sample_records()
    scorer = Coherence(encoder="none")
    scores = scorer.score_pool(rows, scorer.features(rows))
    order = np.random.default_rng(0).permutation(len(rows))
    turned = [rows[i] for i in order]
    again = scorer.score_pool(turned, scorer.features(turned))
    np.testing.assert_array_equal(again, scores[order])


def test_a_language_is_not_marked_down() -> None:
    """The same answers in Chinese, a tenth of the pool, score like the English ones."""
    chinese = [
        Record.from_instruction(
            f"请解释{name}在{place}有什么用处。",
            f"{name}在{place}很有用处。每个星期都要检查{name}一次。最后要把它放回原来的地方。",
        )
        for name in ("铜壶", "铁锹", "雨桶")
        for place in ("农场", "学校", "医院", "旅馆")
    ]
    rows = corpus() + chinese
    scorer = Coherence(encoder="none")
    features = scorer.features(rows)
    scores = scorer.score_pool(rows, features)
    assert (scores[-len(chinese) :] > 0).mean() > 0.9
    for name in ("mean word length", "capital start"):
        assert set(features[-len(chinese) :, FEATURES.index(name) - 1]) == {ABSENT}
    ends = features[:, FEATURES.index("final punctuation") - 1]
    assert set(ends) == {1.0}


def test_small_and_flat_pools(caplog: pytest.LogCaptureFixture) -> None:
    scorer = Coherence(encoder="none")

    def score(rows: list[Record]) -> Any:
        return scorer.score_pool(rows, scorer.features(rows))

    assert score([]).shape == (0,)
    with caplog.at_level(logging.INFO):
        assert np.isfinite(score(corpus()[:2])).all()
    assert "2 rows are few" in caplog.text
    assert "text features alone" in caplog.text
    assert np.isfinite(score(corpus()[:1])).all()
    assert len(set(score(corpus()[:1] * 30))) == 1
    with pytest.raises(DataError, match="cannot break these 3"):
        score([Record.from_instruction("Say yes.", "Yes.")] * 3)


def test_options() -> None:
    assert Coherence(encoder="none").needs == ()
    assert Coherence(encoder="a/b", device="cpu").needs == (
        "sentence-transformer:model=a/b,device=cpu,dtype=auto",
    )
    assert (
        Coherence(encoder="none", batch_tokens=1).identity() == Coherence(encoder="none").identity()
    )
    with pytest.raises(SettingsError, match="`sample` must be at least 1"):
        Coherence(sample=0)


# --- real data, beside the project --------------------------------------------------------------


@needs_shared
@pytest.mark.models
@pytest.mark.parametrize(
    "encoder", ["none", pytest.param("auto", marks=[needs_encoder, pytest.mark.models])]
)
def test_broken_rows_of_alpaca(encoder: str) -> None:
    with (SHARED / "alpaca_data.json").open(encoding="utf-8") as file:
        data = random.Random(0).sample(json.load(file), 160)
    rows = [
        Record.from_instruction(row["instruction"], row["output"], row["input"])
        for row in data
        if row["output"].strip()
    ]
    fit = HeldOut(Coherence(encoder=encoder, device="cpu"), rows[:100])
    # Without the encoder a swapped answer is known by its words alone.
    assert fit.caught(rows[100:], "swapped") >= (0.95 if encoder == "auto" else 0.85)
    assert fit.caught(rows[100:], "truncated") >= 0.9
    assert fit.caught(rows[100:], "shuffled") >= (0.65 if encoder == "auto" else 0.55)


@needs_shared
@pytest.mark.models
@pytest.mark.parametrize("name", ["coachlm_expert", "autoj_human"])
def test_human_preferences(name: str) -> None:
    """Above chance, and better than length where the shorter answer was chosen (length: 0)."""
    lines = (SHARED / f"prefs/{name}.jsonl").read_text(encoding="utf-8").splitlines()
    pairs = [json.loads(line) for line in lines]
    pool = [
        Record.from_instruction(pair["prompt"], pair[side])
        for side in ("chosen", "rejected")
        for pair in pairs
    ]
    scorer = Coherence(encoder="none")
    scores = scorer.score_pool(pool, scorer.features(pool))
    chosen, rejected = np.split(scores, 2)
    right = (chosen > rejected) + 0.5 * (chosen == rejected)
    shorter = np.array([len(pair["chosen"]) < len(pair["rejected"]) for pair in pairs])
    assert right.mean() > 0.55
    assert right[shorter].mean() > 0.3
