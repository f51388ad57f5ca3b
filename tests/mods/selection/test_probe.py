"""A probe: measured through the run's own parts, and found by the run afterwards."""

import json

import numpy as np
import pytest
from conftest import HERE

from mods.api import select
from mods.progress import Progress


class Served:
    """A generator of a model that is served as it is."""

    takes_weights = False

    def identity(self):
        return {}

    def answers(self, conversations, weights):
        return [c.prompt for c in conversations]


@pytest.fixture
def probe(rows, registry, toy_settings, tmp_path):
    def taken(count, data=None, **changed):
        return select.probe(
            rows if data is None else data, toy_settings(**changed), registry, rows=count,
            cache=tmp_path / "cache", progress=Progress(quiet=True), strict=False,
        )[2]  # fmt: skip

    return taken


def test_what_a_probe_scored_and_embedded_is_not_computed_again_by_the_run(probe, select, calls):
    probe(20)
    probed = calls()
    kinds = ["score", "embed", "tune", "generate", "review"]
    assert {kind for kind, _ in probed} == {*kinds, "tokens"}
    assert sum(kind == "score" for kind, _ in probed) == 20
    selection = select()
    again = set(probed) & set(calls())
    assert not {"score", "embed"} & {kind for kind, _ in again}
    assert selection.costs.of("quality: toy-length").cached == 20
    assert selection.totals["selected"] == 14


def test_steps_are_those_of_the_run_with_its_rows(probe):
    found = probe(20)
    steps = [(s.stage, s.work, s.part, s.rows, s.left) for s in found.steps]
    assert steps == [
        ("quality", "score", "toy-length", 40, 20),
        ("coverage", "embed", "toy-letters", 30, 15),
        ("coverage", "select", "toy-spread", 30, 30),
        ("necessity", "tune", "toy-trainer", 8, 8),
        ("necessity", "answer", "toy-generator", 22, 22),
        ("necessity", "review", "toy-known", 22, 22),
        ("necessity", "select", "toy-spread", 30, 30),
    ]
    assert (found.whole.rows, found.chosen.rows) == (40, 14)
    assert found.whole.seconds.likely > found.chosen.seconds.likely > 0


class Encoder:
    """A scorer of the pool that has prompts and responses embedded."""

    needs = ("toy-letters",)

    def features(self, records):
        return np.zeros((len(records), 1), dtype=np.float32)

    def score_pool(self, records, features, encode):
        prompts = encode([r.prompt for r in records]).vectors
        return (prompts - encode([r.response for r in records]).vectors).sum(axis=1, dtype=float)


def test_texts_that_a_scorer_has_embedded_count_once(probe, registry, select):
    registry.register("quality", HERE, "encoder", Encoder)
    found = {(s.stage, s.work): s for s in probe(20, quality="encoder", alpha="top 30").steps}
    texts = found["quality", "embed"]
    assert texts.rows > 40
    assert 0 < texts.left < texts.rows
    assert found["coverage", "embed"].left == 0
    selection = select(quality="encoder", alpha="top 30")
    assert selection.costs.of("coverage: toy-letters").computed == 0


def test_a_finished_run_leaves_nothing_to_score_or_embed(probe, select):
    select()
    quality, embed, *_ = probe(20).steps
    assert quality.left == 0
    assert embed.left == 0
    assert max(quality.seconds.high, embed.seconds.high) < 1


def test_a_threshold_as_a_score_passes_the_share_of_the_sample(probe):
    found = probe(40, alpha=20.0)
    assert found.steps[1].rows == 36


def test_a_run_that_tunes_nothing_has_nothing_to_compare_with(probe):
    found = probe(20, budget=8)
    assert [step.work for step in found.steps] == ["score", "embed", "select"]
    assert (found.whole, found.saves) == (None, None)


def test_a_model_that_is_served_as_it_is_is_asked_and_not_tuned(probe, registry):
    registry.register("generator", HERE, "served", Served)
    found = probe(20, generator="served")
    works = [step.work for step in found.steps]
    assert works == ["score", "embed", "select", "answer", "review", "select"]
    assert (found.whole, found.saves) == (None, None)


def test_amounts_in_tokens_come_to_rows_by_the_mean_of_the_sample(probe):
    found = probe(40, seeds="20 tokens", budget="40 tokens")
    rows = {step.work: step.rows for step in found.steps if step.stage == "necessity"}
    assert 2 <= rows["tune"] <= 3  # the rows that pass alpha have 8 tokens in the mean
    assert found.chosen.rows in (5, 6)
    assert "count tokens" in {step.work for step in found.steps}


class Pooled:
    """A scorer that sees the whole pool."""

    def features(self, records):
        import numpy as np

        return np.array([[len(r.response)] for r in records], dtype=np.float32)

    def score_pool(self, records, features):
        assert len(records) == len(features) == 40
        return features[:, 0].astype(float)


def test_the_step_of_a_scorer_over_the_pool_is_timed_over_the_whole_pool(probe, registry):
    registry.register("quality", HERE, "pooled", Pooled)
    found = probe(20, quality="pooled")
    assert (found.steps[0].left, found.steps[1].rows) == (20, 30)


def test_the_command_prints_times_money_and_from_which_run_on_it_pays(
    mods, toy_run, data, tmp_path
):
    arguments = toy_run(data, tmp_path / "run", "--dry-run", "--probe", "20", "--rate", "2.5/h")
    shown = mods(*arguments).output
    assert "selecting costs " in shown
    assert "whole pool tune" in shown
    assert "rows in 42" in shown
    told = json.loads(mods(*arguments, "--json").output)
    assert told["steps"][0]["seconds"].keys() == {"low", "likely", "high"}
    assert told["selecting"]["money"].keys() == {"low", "likely", "high"}
    assert told["tuning"]["whole_pool"]["rows"] == 40
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--probe", "20"], 2, "--probe goes with --dry-run"),
        (["--dry-run", "--rate", "2"], 2, "--rate with --probe"),
        (["--dry-run", "--probe", "9", "--rate", "2.5/d"], 1, "expected money an hour, such as"),
    ],
)
def test_options_of_a_probe_that_make_no_sense(options, code, message, mods, toy_run, data):
    assert message in mods(*toy_run(data, "run", *options), code=code).output
