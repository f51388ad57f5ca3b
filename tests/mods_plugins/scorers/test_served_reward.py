"""A reward model behind a server: the same scores as here, or no run."""

import json
import math

import pytest
import torch
from conftest import HERE
from support.chat_server import DROP, ChatServer, body, fails, pools
from support.tiny_classifiers import tiny_bert, tiny_llama_reward

from mods import ModsError, SettingsError, Unscorable
from mods.progress import noticing
from mods.testing import check_quality_scorer, sample_records
from mods_plugins.hf.loading import load_network
from mods_plugins.openai import pace
from mods_plugins.scorers.reward_model import RewardModel
from mods_plugins.scorers.served_reward import Parity, probes


@pytest.fixture(autouse=True)
def place(monkeypatch, tmp_path):
    monkeypatch.setattr(pace, "SHORTEST", 0.001)
    monkeypatch.setenv("MODS_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(tiny_llama_reward(tmp_path_factory.mktemp("reward")))


@pytest.fixture(scope="module")
def network(model):
    from transformers import AutoModelForSequenceClassification as Classifier

    return load_network(Classifier, model, revision=None, device="cpu", dtype="float32")


@pytest.fixture
def value(network):
    """What the model gives token ids."""

    def value(ids):
        with torch.inference_mode():
            return float(network(torch.tensor([ids])).logits)

    return value


def scorer(stub, model, **options):
    given = {"served_as": "tiny", "retries": 0, "device": "cpu", **options}
    return RewardModel(model=model, server=stub.url, **given)


def serving(value):
    """A server of that model, which squashes unless it is told not to."""

    def answer(asked):
        raw = value(asked.body["input"])
        return pools(raw if asked.body["use_activation"] is False else 1 / (1 + math.exp(-raw)))

    return ChatServer(answer)


def test_served_scores_are_those_of_the_model_here(model, value):
    records = sample_records()
    with serving(value) as stub:
        served = scorer(stub, model)
        found = served.score(records)
        assert {asked.path for asked in stub.seen} == {"/pooling"}
        assert {asked.body["task"] for asked in stub.seen} == {"classify"}
        check_quality_scorer(served)
    assert found == pytest.approx(RewardModel(model=model, device="cpu").score(records), abs=1e-4)


def test_the_probe_comes_before_the_run_and_its_result_into_the_manifest(
    model, value, registry, select
):
    registry.register("quality", HERE, "reward-model", RewardModel)
    with serving(value) as stub:
        options = {"model": model, "server": stub.url, "served_as": "tiny", "device": "cpu"}
        selection = select(quality={"name": "reward-model", **options}, alpha="top 30")
        assert len(stub.seen) == len(probes()) + 40
    (note,) = [n for n in selection.manifest["notices"] if "against the model here" in n]
    assert "over 8 rows the largest difference is" in note
    identity = selection.manifest["makes"]["plugins"]["quality"]["identity"]
    assert (identity["kind"], identity["served_as"]) == ("vllm", "tiny")
    assert "dtype" not in identity


def test_a_server_that_squashes_or_has_other_weights_is_refused_before_any_stage(
    model, value, registry, select, calls
):
    registry.register("quality", HERE, "reward-model", RewardModel)
    wrong = {
        "squashed": lambda raw: 1 / (1 + math.exp(-raw)),
        "other weights": lambda raw: -raw,
        "three tenths more": lambda raw: 1.3 * raw,
    }
    for change in wrong.values():
        with ChatServer(lambda asked, to=change: pools(to(value(asked.body["input"])))) as stub:
            options = {"model": model, "server": stub.url, "served_as": "tiny", "device": "cpu"}
            quality = {"name": "reward-model", **options}
            with pytest.raises(ModsError, match=r"rates rows unlike .* are allowed \(`tolerance`"):
                select(quality=quality)
            assert len(stub.seen) == 8
            scorer(stub, model, tolerance=50).check()
    assert calls() == []


def test_the_scores_here_are_computed_once_and_kept(model, value, monkeypatch):
    with serving(value) as stub:
        scorer(stub, model).check()
        monkeypatch.setattr(
            RewardModel, "_network", property(lambda _: pytest.fail("loaded again"))
        )
        with noticing() as noticed:
            scorer(stub, model).check()
    assert "of the spread" in noticed.notes[0]


def test_the_probe_can_be_left_out_and_that_is_noted(model):
    with ChatServer() as stub, noticing() as noticed:
        scorer(stub, model, parity="skip").check()
        assert stub.seen == []
    assert noticed.notes == [
        f"{stub.url.removesuffix('/v1')} was not held against the model here (parity=skip)"
    ]


def test_a_bad_day_changes_no_score(model, value):
    bad = [fails(429, Retry_After="0.01"), DROP, b'{"data": [{"da', fails(500)]

    def answer(asked):
        at = len(asked.body["input"]) % 5
        return bad[at] if at < len(bad) and asked.times == 1 else pools(value(asked.body["input"]))

    records = sample_records()
    with ChatServer(answer) as stub:
        found = scorer(stub, model, retries=3).score(records)
        assert len(stub.seen) > len(records)
    assert found == pytest.approx(RewardModel(model=model, device="cpu").score(records), abs=1e-4)


def test_nan_several_outputs_and_long_rows_have_no_score_and_say_why(model):
    answers = [
        body({"data": [{"data": [None]}]}),
        body({"data": [{"data": [0.2, 0.8]}]}),
        fails(400, "maximum context length is 8 tokens"),
    ]
    with ChatServer(lambda asked: answers[len(stub.seen) - 1]) as stub:
        found = scorer(stub, model, concurrency=1).score(sample_records()[:3])
    said = ["no finite number", "2 numbers for one row", "maximum context length"]
    for one, reason in zip(found, said, strict=True):
        assert isinstance(one, Unscorable)
        assert reason in one.reason


def test_another_model_on_the_server_is_told(model):
    with ChatServer(models=("other",)) as stub, pytest.raises(ModsError, match="no model 'tiny'"):
        scorer(stub, model).check()
    with (
        ChatServer(lambda _: pools(0.1, model="other")) as stub,
        pytest.raises(ModsError, match="'other' answered where 'tiny' was asked"),
    ):
        scorer(stub, model).score(sample_records()[:1])


def test_sglang_is_asked_by_its_own_path(model, value):
    def answer(asked):
        raw = value(asked.body["input_ids"])
        return body([{"embedding": [raw], "meta_info": {"prompt_tokens": 3}}])

    with ChatServer(answer) as stub:
        served = scorer(stub, model, kind="sglang")
        served.check()
        found = served.score(sample_records()[:3])
        assert {asked.path for asked in stub.seen} == {"/classify"}
    here = RewardModel(model=model, device="cpu").score(sample_records()[:3])
    assert found == pytest.approx(here, abs=1e-4)


def test_a_model_that_needs_segments_is_not_asked_of_a_server(tmp_path):
    bert = str(tiny_bert(tmp_path))
    with ChatServer() as stub, pytest.raises(SettingsError, match="segments"):
        scorer(stub, bert).check()


def test_a_spread_of_nothing_is_no_reason_to_trust():
    assert Parity.of([1.0, 1.0], [1.0, 1.5]).share == math.inf
    assert Parity.of([1.0, 1.0], [1.0, 1.0]).share == 0
    found = Parity.of([0.0, 2.0], [0.5, 2.0]).as_dict()
    assert found == {"rows": 2, "gap": 0.5, "spread": 2.0, "share": 0.25}
    json.dumps(found)
