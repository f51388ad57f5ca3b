"""Texts become vectors: which text of a row, and each text once."""

import numpy as np
import pytest
from conftest import HERE

from mods import Message, Record, SettingsError
from mods.interfaces import Encoded
from mods.selection.embedding import text_of

SINGLE = Record.from_instruction("do", "done", input="this")
TURNS = Record.from_turns(
    [
        Message("system", "s"),
        Message("user", "one"),
        Message("assistant", "first"),
        Message("user", "two"),
        Message("assistant", "last"),
    ],
    "two",
)


@pytest.mark.parametrize(
    ("record", "what", "text"),
    [
        (SINGLE, "prompt", "do\nthis"),
        (SINGLE, "instruction", "do"),
        (SINGLE, "both", "do\nthis\ndone"),
        (TURNS, "instruction", "two"),
        (TURNS, "prompt", "user: two\nassistant: first\nuser: one\nsystem: s"),
        (TURNS, "both", "user: two\nassistant: last\nassistant: first\nuser: one\nsystem: s"),
    ],
)
def test_what_tells_a_row_from_others_comes_first(record, what, text):
    assert text_of(record, what) == text


class Encoder:
    """A scorer of the pool that needs the embedder: prompts, then responses."""

    needs = ("counted",)

    def features(self, records):
        return np.zeros((len(records), 1), dtype=np.float32)

    def score_pool(self, records, features, encode):
        asked, answered = encode([r.prompt for r in records]), encode([r.response for r in records])
        assert isinstance(asked, Encoded)
        assert asked.vectors.shape == (len(records), 2)
        return (asked.vectors - answered.vectors)[:, 0].astype(np.float64)


def test_a_scorer_and_the_coverage_stage_embed_a_text_once(select, registry, rows):
    seen = []

    class Counted:
        def embed(self, texts):
            seen.extend(texts)
            return np.array([[len(text), 1] for text in texts], dtype=np.float32)

    registry.register("embedder", HERE, "counted", Counted)
    registry.register("quality", HERE, "encoder", Encoder)
    selection = select(rows, quality="encoder", embedder="counted", alpha="top 30")
    assert len(seen) == len(set(seen)) > 0
    scores = [r.scores["quality_encoder"] for r in selection.receipts if r.scores]
    assert scores == [len(r["instruction"]) - len(r["output"]) for r in rows[: len(scores)]]
    quality = selection.manifest["makes"]["plugins"]["quality"]
    assert quality["embedder"]["name"] == "counted"


def test_a_scorer_whose_embedder_is_not_there_says_so(select, registry):
    registry.register("quality", HERE, "encoder", Encoder)
    with pytest.raises(SettingsError, match=r"'encoder' .* needs an embedder: .*'counted'"):
        select(quality="encoder")
