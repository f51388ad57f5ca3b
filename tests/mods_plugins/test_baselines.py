from __future__ import annotations

import numpy as np
import pytest

from mods import Budget, Pool, Record, SettingsError
from mods.testing import check_quality_scorer, check_selector, sample_pool, sample_records
from mods_plugins import baselines
from mods_plugins.baselines import RandomScorer, RandomSelector, ResponseLength

NONE = np.zeros(0, dtype=np.int64)


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


def test_random_selector_keeps_the_rules() -> None:
    check_selector(RandomSelector(seed=1))


def test_random_selector_does_not_depend_on_order_and_keeps_its_picks_as_k_grows() -> None:
    pool = sample_pool()
    order = np.random.default_rng(0).permutation(len(pool.records))
    turned = Pool([pool.records[i] for i in order])
    few = RandomSelector(seed=5).select(pool, Budget(4), initial=NONE).indices
    many = RandomSelector(seed=5).select(pool, Budget(9), initial=NONE).indices
    assert few.tolist() == many[:4].tolist()
    again = RandomSelector(seed=5).select(turned, Budget(9), initial=NONE).indices
    assert order[again].tolist() == many.tolist()
    others = RandomSelector(seed=6).select(pool, Budget(9), initial=NONE).indices
    assert others.tolist() != many.tolist()
    # Fixed: a selection of today must be repeatable in a year.
    assert few.tolist() == [11, 22, 5, 23]


def test_random_selector_never_picks_what_is_chosen_and_gives_what_there_is() -> None:
    picks = RandomSelector().select(sample_pool(()), Budget(100), initial=np.array([7, 2]))
    assert sorted(picks.indices.tolist()) == [row for row in range(24) if row not in (7, 2)]
    assert picks.radii is None


def test_all_three_are_registered() -> None:
    scorers: dict[str, object] = {}
    selectors: dict[str, object] = {}
    baselines.register_quality_scorers(scorers.__setitem__)
    baselines.register_selectors(selectors.__setitem__)
    assert scorers == {"response-length": ResponseLength, "random": RandomScorer}
    assert selectors == {"random": RandomSelector}
