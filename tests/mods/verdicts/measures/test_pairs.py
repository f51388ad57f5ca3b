"""A pairwise judge at work: orders, length, answers that cannot be read, what is missing."""

import numpy as np
import pytest
from conftest import HERE

from mods import Record, Unscorable
from mods.judging.pairwise import at_equal_length
from mods.plugins.loading import load_plugins
from mods.plugins.origin import Sources
from mods.plugins.part import Part
from mods.settings.choice import Choice
from mods.verdicts.measures.pairs import PairMeasure
from mods.work.work import Results

PROMPTS = [Record.from_instruction(f"count to {i}", "") for i in range(40)]
RNG = np.random.default_rng(0)
SIZES = RNG.integers(20, 50, 40)
SHORT = ["word " * size for size in SIZES]
LONG = [
    "word " * (size + extra) for size, extra in zip(SIZES, RNG.integers(-10, 20, 40), strict=True)
]


class Answers:
    """A model that has answered."""

    def __init__(self, answers):
        self.known = dict(zip((p.id for p in PROMPTS), answers, strict=True))

    def answers(self, records):
        return Results([self.known[record.id] for record in records], [])


class Says:
    """A judge that is asked how it decides: by the two answers, or not at all."""

    calls = 0

    def __init__(self, how):
        self.how = how

    def identity(self):
        return {"how": self.how}

    def answers(self, conversations, weights):
        assert weights is None
        return [self.say(conversation.prompt) for conversation in conversations]

    def say(self, asked):
        Says.calls += 1
        first, second = (asked.split(f"<answer-{name}>")[1].split("</")[0] for name in "AB")
        retried = "nothing else" in asked
        return {
            "first": "[[A]]",
            "longer": "[[A]]" if len(first) > len(second) else "So it is [[B]]",
            "right": "[[A]]" if "right" in first else "[[B]]" if "right" in second else "[[tie]]",
            "mumbles": "hard to say, [[A]] or [[B]]",
            "late": "<think>[[B]]</think> [[A]]" if retried else "well",
            "fails": Unscorable("no connection"),
        }[self.how]


@pytest.fixture
def measure(work):
    registry = load_plugins(Sources())
    registry.register("generator", HERE, "says", Says)

    def measured(how, ours, theirs):
        part = Part.choose(
            registry, "evaluator", Choice.parse(f"judge:generator=says,how={how}"), {}
        )
        generator = Part.choose(registry, "generator", Choice("says", {"how": "first"}), {})
        pairs = PairMeasure("judge", part, generator, PROMPTS, 16)
        pairs.check()
        return pairs.measure(Answers(ours), Answers(theirs), work)

    return measured


def test_a_judge_that_prefers_a_place_prefers_nobody(measure):
    found = measure("first", SHORT, LONG)
    np.testing.assert_array_equal(found.values, np.full(40, 0.5))
    assert found.counts.judged == 40


def test_a_judge_that_prefers_length_decides_nothing_at_equal_length(measure):
    found = measure("longer", LONG, SHORT)
    assert found.values.mean() > 0.6
    outcomes, longer = found.values[None, None], found.longer[None, None]
    assert at_equal_length(outcomes, longer).mean() == pytest.approx(0.5, abs=0.1)


def test_a_judge_that_reads_finds_the_better_answer_in_both_orders(measure):
    right = [f"{text} right" for text in SHORT]
    np.testing.assert_array_equal(measure("right", right, SHORT).values, np.ones(40))
    np.testing.assert_array_equal(measure("right", SHORT, right).values, np.zeros(40))


def test_what_cannot_be_read_is_asked_once_more_and_then_a_tie(measure):
    Says.calls = 0
    found = measure("mumbles", SHORT, LONG)
    same = sum(one == other for one, other in zip(SHORT, LONG, strict=True))
    np.testing.assert_array_equal(found.values, np.full(40, 0.5))
    assert (found.counts.retried, found.counts.ties_unparsed) == (80, 80)
    assert Says.calls == 2 * (80 - same)
    late = measure("late", SHORT, LONG)
    assert (late.counts.retried, late.counts.ties_unparsed) == (80, 0)


def test_what_was_judged_before_is_not_asked_again(measure):
    first = measure("late", SHORT, LONG)
    Says.calls = 0
    again = measure("late", SHORT, LONG)
    assert Says.calls == 0
    np.testing.assert_array_equal(again.values, first.values)
    assert again.counts == first.counts


def test_a_missing_answer_or_judgement_is_missing_and_no_tie(measure):
    found = measure("right", [Unscorable("too long"), *SHORT[1:]], SHORT)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(found.values)), [0])
    assert (found.counts.asked, found.counts.judged) == (40, 39)
    assert measure("fails", SHORT, LONG).counts.judged == 0
