"""Measures against references."""

import numpy as np

from mods import Evidence, Record
from mods_plugins.evaluators.references import ReferenceLoss, Similarity


def test_the_loss_is_that_of_the_reference_and_lower_is_better():
    prompts = [Record.from_instruction("ask", "oak"), Record.from_instruction("ask", "elm")]
    loss = ReferenceLoss()
    assert loss.evaluate(prompts, Evidence(losses=[2.0, 0.5])) == [2.0, 0.5]
    assert (loss.scale().better, loss.scale().range) == ("lower", (0.0, None))


def test_similarity_compares_the_answer_with_the_reference(monkeypatch):
    vectors = {"oak": [1, 0], "elm": [0, 1]}

    def embed(self, texts):
        return np.array([vectors[text] for text in texts], dtype=np.float32)

    monkeypatch.setattr(Similarity, "embed", embed)
    prompts = [Record.from_instruction("ask", "oak")] * 2
    found = Similarity().evaluate(prompts, Evidence(answers=["oak", "<think>oak</think>elm"]))
    assert found.tolist() == [1.0, 0.0]
    assert Similarity().scale().better == "higher"
