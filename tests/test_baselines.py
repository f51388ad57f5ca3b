from __future__ import annotations

import numpy as np
import pytest

from mods import Record, SettingsError
from mods.testing import check_quality_scorer, sample_records
from mods_plugins.baselines import RandomScorer, ResponseLength


@pytest.mark.parametrize(
    "scorer", [ResponseLength(), ResponseLength(unit="words"), RandomScorer(seed=3)]
)
def test_keeps_the_rules(scorer: ResponseLength | RandomScorer) -> None:
    check_quality_scorer(scorer)


def test_length_counts_characters_or_words_in_any_script() -> None:
    rows = [
        Record.from_instruction("q", text) for text in (" one two ", "雪が降る", "नमस्ते दुनिया", "")
    ]
    assert ResponseLength().score(rows).tolist() == [7, 4, 13, 0]
    assert ResponseLength(unit="words").score(rows).tolist() == [2, 4, 2, 0]
    with pytest.raises(SettingsError, match="chars or words"):
        ResponseLength(unit="tokens")  # type: ignore[arg-type]


def test_random_depends_on_seed_and_content_only() -> None:
    rows = sample_records()
    scores = RandomScorer(seed=1).score(rows)
    assert ((scores >= 0) & (scores < 1)).all()
    assert len(set(scores)) == len({row.id for row in rows})
    assert not np.array_equal(scores, RandomScorer(seed=2).score(rows))
    # Fixed: a run of today must be repeatable in a year.
    assert RandomScorer(seed=1).score(rows[:1]) == pytest.approx([0.08227769], abs=1e-8)
