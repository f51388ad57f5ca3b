"""Samples of work: spread over all lengths, timed apart from loading, kept in the cache."""

import time

import pytest
from conftest import HERE

from mods import Record, loading, spent
from mods.plugins.part import Part
from mods.selection.sampling import GROUP, measure, spread, warm_up
from mods.settings.choice import Choice
from mods.work.columns import SCORES
from mods.work.work import Job, items

NOW = [0.0]


class Slow:
    """Takes 100 s to load, 5 s for the first call besides, and a second a character."""

    def __init__(self):
        self.called = False

    def score(self, records):
        if not self.called:
            with loading():
                NOW[0] += 100
            NOW[0] += 5
        self.called = True
        spent(3 * len(records))
        NOW[0] += sum(len(record.response) for record in records)
        return [float(len(record.response)) for record in records]


@pytest.fixture
def job(registry, monkeypatch):
    monkeypatch.setattr(time, "monotonic", lambda: NOW[0])
    registry.register("quality", HERE, "slow", Slow)
    part = Part.choose(registry, "quality", Choice("slow"), {})
    return Job(part, "score", "quality", "scores", {"a": 1})


def rows(count):
    return items([Record.from_instruction(f"row {n}", "x" * (n + 1)) for n in range(count)])


def test_a_sample_stands_for_all_lengths_and_leaves_out_what_does_not_grow(job, work):
    found = measure(work, 96, job, SCORES, rows(1000))
    assert found.sample.rows == 96 - 4  # the first call is no sample
    assert found.left == 1000 - 96
    assert sum(found.sample.a_row) / len(found.sample.a_row) == pytest.approx(500.5, rel=0.02)
    assert found.sample.constant == pytest.approx(105, abs=30)  # 4 rows of about 500 s, +-
    assert found.sample.tokens == 3
    assert found.known.keys() == set(work_known(job, work))


def work_known(job, work):
    every = rows(1000)
    missing = {row.key for row in work.missing(job, every)}
    return [row.key for row in every if row.key not in missing]


def test_what_the_cache_holds_is_neither_measured_nor_left(job, work):
    measure(work, 96, job, SCORES, rows(1000))
    again = measure(work, 96, job, SCORES, rows(1000))
    assert again.left == 1000 - 2 * 96
    assert len(again.known) == 2 * 96
    work.rows(job, SCORES, rows(1000))
    done = measure(work, 96, job, SCORES, rows(1000))
    assert (done.left, done.sample.rows) == (0, 0)
    assert done.sample.seconds(0, done.left).high == 0


def test_groups_lie_in_the_middle_of_equal_shares_and_do_not_overlap():
    groups = spread(rows(1000), 4 * GROUP)
    assert [len(group) for group in groups] == [GROUP] * 4
    sizes = [[row.size for row in group] for group in groups]
    assert sizes == [sorted(part) for part in sizes]
    assert len({row.key for group in groups for row in group}) == 4 * GROUP
    few = spread(rows(20), 64)
    assert sorted(row.key for group in few for row in group) == sorted(r.key for r in rows(20))
    first, left = warm_up(groups)
    assert len(first) + sum(map(len, left)) == 4 * GROUP
    assert warm_up([]) == ([], [])
