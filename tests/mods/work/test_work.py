"""Work on rows: only what is not kept is computed, by whichever executor, and once."""

import random
import warnings
from contextlib import closing, nullcontext

import pytest
from conftest import HERE

from mods import Outcome, PluginError, Record, Unscorable, cut, early
from mods.plugins.part import Part
from mods.settings.choice import Choice
from mods.work.columns import SCORES
from mods.work.store import Store
from mods.work.work import Job, Work, items


class Batches:
    """A scorer that remembers its batches, and can fail at one."""

    chunk_size = 3
    fails_at = None

    def __init__(self):
        self.seen = []

    def score(self, records):
        if len(self.seen) == self.fails_at:
            raise OSError("the power went out")
        self.seen.append([r.response for r in records])
        return [Unscorable("odd") if len(r.response) == 1 else len(r.response) for r in records]


@pytest.fixture
def scoring(registry):
    """A job that scores records, and the object that does it."""
    registry.register("quality", HERE, "batches", Batches)

    def job():
        part = Part.choose(registry, "quality", Choice("batches"), {})
        return Job(part, "score", "quality", "scores", {"a": 1}), part.object

    return job


def records(*lengths):
    return [Record.from_instruction(f"question {n}", "x" * n) for n in lengths]


def test_rows_are_computed_once_and_come_back_in_their_order(scoring, work):
    job, scorer = scoring()
    rows = items(records(1, 9, 5, 9, 3, 7))
    values = [Unscorable("odd"), 9.0, 5.0, 9.0, 3.0, 7.0]
    assert work.rows(job, SCORES, rows).values == values
    assert sorted(len(row) for batch in scorer.seen for row in batch) == [1, 3, 5, 7, 9]
    assert work.rows(job, SCORES, list(reversed(rows))).values == values[::-1]
    assert work.rows(job, SCORES, []).values == []
    assert len(scorer.seen) == 2
    cost = work.costs.of("quality")
    assert (cost.rows, cost.computed) == (10, 5)


def test_an_interrupted_call_goes_on_with_the_very_same_batches(scoring, work):
    lengths = random.Random(0).sample(range(100), 10)
    whole, scorer = scoring()
    assert work.rows(
        Job(whole.part, "score", "quality", "elsewhere", {}), SCORES, items(records(*lengths))
    )
    expected = scorer.seen
    interrupted, scorer = scoring()
    scorer.fails_at = 2
    with pytest.raises(PluginError, match=r"'batches' .*failed: OSError: the power went out"):
        work.rows(interrupted, SCORES, items(records(*lengths)))
    resumed, again = scoring()
    work.rows(resumed, SCORES, items(records(*reversed(lengths))))
    assert scorer.seen + again.seen == expected


@pytest.mark.parametrize("end", [KeyboardInterrupt, OSError])
def test_what_was_there_before_a_call_ended_is_kept(end, scoring, work, monkeypatch):
    def one_by_one(self, records):
        found = []
        for at, record in enumerate(records):
            if len(record.response) == 5 and not resumed:
                raise end("the power went out")
            found.append(float(len(record.response)))
            early(at, found[-1])
            if len(record.response) == 9:
                cut([at])
        self.seen.append(found)
        return found

    monkeypatch.setattr(Batches, "score", one_by_one)
    job, scorer = scoring()
    rows, resumed = items(records(9, 7, 5, 3)), False
    with pytest.raises((KeyboardInterrupt, PluginError), match="the power went out"):
        work.rows(job, SCORES, rows)
    resumed = True
    found = work.rows(job, SCORES, rows)
    assert (found.values, found.cut) == ([9.0, 7.0, 5.0, 3.0], [0])
    assert scorer.seen == [[5.0], [3.0]]


def test_a_row_that_failed_in_passing_is_not_kept_as_such(scoring, work, monkeypatch):
    job, scorer = scoring()
    passing = Unscorable("no room", lasting=False)
    monkeypatch.setattr(Batches, "score", lambda self, records: [passing, 5.0])
    assert work.rows(job, SCORES, items(records(9, 5))).values == [passing, 5.0]
    assert work.progress.notices == [
        "quality: 1 rows failed in passing; the next run tries them again"
    ]
    monkeypatch.undo()
    assert work.rows(job, SCORES, items(records(9, 5))).values == [9.0, 5.0]
    assert scorer.seen == [["x" * 9]]


@pytest.mark.parametrize("fails_at", [None, 0])
def test_a_plugin_gives_back_what_it_holds_when_the_work_is_done_or_failed(
    fails_at, scoring, work, monkeypatch
):
    closed = []
    monkeypatch.setattr(Batches, "close", lambda self: closed.append(1), raising=False)
    job, scorer = scoring()
    scorer.fails_at = fails_at
    with nullcontext() if fails_at is None else pytest.raises(PluginError):
        work.rows(job, SCORES, items(records(9, 5)))
    assert closed == [1]


def test_a_result_that_breaks_a_rule_is_not_kept(scoring, work, monkeypatch):
    job, _ = scoring()
    monkeypatch.setattr(Batches, "score", lambda self, records: ["good"] * len(records))
    with pytest.raises(PluginError, match=r"'batches' .*expected a float"):
        work.rows(job, SCORES, items(records(2)))
    monkeypatch.undo()
    assert work.rows(scoring()[0], SCORES, items(records(2))).values == [2.0]


def loses(task, chunks):
    first, *_ = chunks
    yield 0, task.run(first)


def stops_early(task, chunks):
    yield 0, task.run(next(chunks))


def repeats(task, chunks):
    first, *_ = chunks
    yield 0, task.run(first)
    yield 0, task.run(first)


def invents(task, chunks):
    yield 2, task.run(next(chunks))


def fails(task, chunks):
    yield 0, task.run(next(chunks))
    raise ConnectionError("the other machine is gone")


def fails_at_once(task, chunks):
    raise ConnectionError("the other machine is gone")


def returns_nothing(task, chunks):
    return None


def forgets_the_number(task, chunks):
    yield task.run(next(chunks))


def forgets_the_outcome(task, chunks):
    yield 0, task.run(next(chunks)).values


@pytest.mark.parametrize(
    ("way", "message"),
    [
        (loses, "left 1 chunks undone"),
        (stops_early, "left 1 chunks undone"),
        (repeats, "returned chunk 0, which is not open"),
        (invents, "returned chunk 2, which is not open"),
        (fails, "failed: ConnectionError: the other machine is gone"),
        (fails_at_once, "failed: ConnectionError: the other machine is gone"),
        (returns_nothing, "failed: TypeError: 'NoneType' object is not iterable"),
        (forgets_the_number, "expected (number of the chunk, outcome)"),
        (forgets_the_outcome, "expected (number of the chunk, outcome)"),
    ],
)
def test_an_executor_that_breaks_a_rule_is_refused_by_name(way, message, scoring, registry, work):
    registry.register("executor", HERE, "odd", type("Odd", (), {"map": staticmethod(way)}))
    odd = Part.choose(registry, "executor", Choice("odd"), {})
    job, _ = scoring()
    rows = items(records(2, 3, 4, 5))
    with pytest.raises(PluginError) as error:
        Work(work.cache, work.progress, odd).rows(job, SCORES, rows)
    assert str(error.value).startswith("executor plug-in 'odd' (this test)")
    assert message in str(error.value)
    assert work.rows(scoring()[0], SCORES, rows).values == [2.0, 3.0, 4.0, 5.0]


def test_a_plugin_that_fails_is_named_not_the_executor_it_fails_in(scoring, registry, work):
    registry.register("executor", HERE, "ahead", Ahead)
    ahead = Part.choose(registry, "executor", Choice("ahead"), {})
    job, scorer = scoring()
    scorer.fails_at = 0
    with pytest.raises(PluginError, match=r"^quality plug-in 'batches' .*the power went out"):
        Work(work.cache, work.progress, ahead).rows(job, SCORES, items(records(2)))


def test_a_result_that_cannot_be_read_is_computed_again_and_told(scoring, work):
    job, _ = scoring()
    rows = items(records(2, 3))
    with closing(Store(work.cache, job.name, job.identity)) as store:
        store.put([(rows[0].key, b"cut")])
    assert work.rows(job, SCORES, rows).values == [2.0, 3.0]
    (note,) = work.progress.notices
    assert note.startswith("rows damaged in the cache scores-")
    assert work.rows(scoring()[0], SCORES, rows).values == [2.0, 3.0]
    assert len(work.progress.notices) == 1


@pytest.mark.filterwarnings("always")
def test_what_a_plugin_warns_of_is_told_again_where_its_results_come_from_the_cache(
    scoring, work, monkeypatch
):
    def warning(self, records):
        warnings.warn("texts were cut", stacklevel=1)
        return [1.0] * len(records)

    monkeypatch.setattr(Batches, "score", warning)
    for _ in range(2):
        work.progress.notices.clear()
        work.rows(scoring()[0], SCORES, items(records(2, 3)))
        assert work.progress.notices == ["texts were cut"]


class Ahead:
    """Hands back what is there already."""

    def map(self, task, chunks):
        for at, chunk in enumerate(chunks):
            yield at, Outcome(task.run(chunk).values, seconds=0.0)


def test_a_run_in_other_processes_leaves_the_same_bytes(rows, select, tmp_path, calls):
    few = {"alpha": "top 6", "seeds": 2, "budget": 3}
    here, there = tmp_path / "here", tmp_path / "there"
    select(rows[:8], output=here, cache=tmp_path / "a", **few)
    done_here = calls()
    select(rows[:8], output=there, cache=tmp_path / "b", executor="toy-processes", **few)
    assert sorted(calls()) == sorted(done_here)
    for name in ("selected.jsonl", "receipts.parquet", "pool.parquet", "report.png"):
        assert (here / name).read_bytes() == (there / name).read_bytes(), name
