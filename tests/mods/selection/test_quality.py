"""Stage 1: every record is scored; rows above alpha stay."""

import numpy as np
import pytest
from conftest import HERE

from mods import SettingsError, Unscorable


def test_a_row_that_cannot_be_scored_is_quarantined_with_its_reason(select, rows):
    rows[5]["output"] = "skip this"
    receipt = select(rows).receipts[5]
    assert (receipt.fate, receipt.stage) == ("quarantined", "quality")
    assert receipt.reason == "says skip"
    assert receipt.scores == {}


def test_no_row_that_can_be_scored_is_an_error(select, registry):
    class Never:
        def score(self, records):
            return [Unscorable("why not")] * len(records)

    registry.register("quality", HERE, "never", Never)
    with pytest.raises(SettingsError, match=r"'never' .* could score none of 40 rows"):
        select(quality="never")


class Rank:
    """A scorer of the whole pool: how many rows have a shorter response."""

    chunk_size = 16
    seen = 0

    def features(self, records):
        type(self).seen += len(records)
        return np.array([[len(r.response)] for r in records], dtype=np.float32)

    def score_pool(self, records, features):
        assert len(records) == len(features)
        return (features < features.T).sum(axis=0).astype(np.float64)


def test_a_scorer_of_the_pool_sees_all_rows_and_its_features_are_kept(select, registry, rows):
    registry.register("quality", HERE, "rank", Rank)
    whole = select(quality="rank")
    scores = [r.scores["quality_rank"] for r in whole.receipts if r.scores]
    lengths = [len(row["output"]) for row in rows[:40]]
    assert scores == [sum(other < length for other in lengths) for length in lengths]
    assert Rank.seen == 40
    fewer = select(rows[5:40], quality="rank")
    assert fewer.receipts[34].scores["quality_rank"] < whole.receipts[39].scores["quality_rank"]
    assert Rank.seen == 40
