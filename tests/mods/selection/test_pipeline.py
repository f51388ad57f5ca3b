"""The whole method: every row is accounted for, whatever the settings."""

from collections import Counter

import pytest
from conftest import HERE

from mods import SettingsError


def test_every_input_row_ends_with_one_receipt(select, rows):
    selection = select()
    assert [r.row for r in selection.receipts] == list(range(1, 42))
    assert Counter((r.fate, r.stage) for r in selection.receipts) == {
        ("selected", "coverage"): 8,
        ("selected", "necessity"): 6,
        ("rejected", "necessity"): 16,
        ("rejected", "quality"): 10,
        ("rejected", "reading"): 1,
    }
    picked = sorted((r for r in selection.receipts if r.order), key=lambda r: r.order)
    assert [r.order for r in picked] == list(range(1, 15))
    assert [rows[r.row - 1] for r in picked] == selection.rows
    assert selection.seconds.keys() == {"quality", "coverage", "necessity"}


def test_seeds_that_meet_the_budget_need_no_model(select, calls):
    selection = select(budget=8)
    assert {kind for kind, _ in calls()} == {"score", "embed"}
    assert selection.totals["selected"] == 8
    reasons = {r.reason for r in selection.receipts if r.stage == "coverage"}
    assert reasons == {"seed", "not among the 8 seeds"}


def test_more_seeds_than_rows_says_how_many_there_are_before_they_are_embedded(select, calls):
    with pytest.raises(SettingsError) as error:
        select(seeds=35, budget=35)
    assert str(error.value) == (
        "`seeds` 35, but only 30 of 40 rows pass alpha (top 30): lower `seeds` or `alpha`"
    )
    assert {kind for kind, _ in calls()} == {"score"}


def test_changed_thresholds_and_added_rows_recompute_nothing_known(select, calls, rows):
    select()
    calls()
    select(alpha="top 35", budget=12)
    assert "score" not in {kind for kind, _ in calls()}
    select([*rows, {"instruction": "new", "output": "entirely new row"}])
    assert sum(kind == "score" for kind, _ in calls()) == 1


def tokens_of(selection, reason):
    chosen = [r for r in selection.receipts if r.fate == "selected" and r.reason == reason]
    return sum(r.tokens for r in chosen)


def test_a_budget_in_tokens_is_met_and_never_exceeded(select, rows):
    selection = select(seeds="20 tokens", budget="60 tokens", selector="toy-spread")
    told = selection.manifest["tokens"]
    assert told["seeds"] == tokens_of(selection, "seed") <= 20
    assert told["selected"] == told["seeds"] + tokens_of(selection, "necessary") <= 60
    assert told["selected"] == sum(len(row["output"].split()) for row in selection.rows)
    settings = selection.manifest["makes"]["settings"]
    assert (settings["seeds"], settings["budget"]) == ("20 tokens", "60 tokens")
    # Whatever was left aside alone exceeds what was left, and says so.
    over = [r for r in selection.receipts if "passed over" in r.reason]
    assert over
    for receipt in over:
        assert receipt.reason.startswith("necessary, but passed over: its ")
        own, left = (int(word) for word in receipt.reason.split() if word.isdigit())
        assert receipt.tokens == own > left >= 60 - told["selected"]


def test_seeds_in_rows_and_a_budget_in_tokens_go_together(select):
    mixed = select(seeds=4, budget="60 tokens")
    assert sum(r.reason == "seed" for r in mixed.receipts) == 4
    assert mixed.manifest["tokens"]["selected"] <= 60
    with pytest.raises(SettingsError) as error:
        select(seeds=20, budget="60 tokens")
    assert str(error.value).startswith("`budget` 60 tokens is below `seeds` 20, which came to ")


def test_seeds_in_tokens_that_meet_the_budget_need_a_trainer_that_counts_and_no_model(
    select, calls
):
    selection = select(seeds="30 tokens", budget="30 tokens")
    assert {kind for kind, _ in calls()} == {"score", "embed", "tokens"}
    assert selection.manifest["tokens"]["selected"] <= 30
    reasons = {r.reason.split(":")[0] for r in selection.receipts if r.stage == "coverage"}
    assert reasons == {"seed", "passed over"}


def test_a_budget_that_no_row_fits_in_is_told(select):
    with pytest.raises(SettingsError, match="no row has so few tokens; the shortest has 5"):
        select(seeds="2 tokens", budget="20 tokens")


class Deaf:
    """A trainer that learns nothing of forests."""

    def __init__(self, model):
        self.model = model

    def identity(self):
        return {}

    def train(self, records, folder):
        """Never called here."""

    def count_tokens(self, records):
        return [0 if "forest" in r.response else 3 for r in records]


def test_rows_of_which_nothing_is_learned_are_no_part_of_a_budget_in_tokens(select, registry):
    registry.register("trainer", HERE, "deaf", Deaf)
    found = select(trainer="deaf", seeds="30 tokens", budget="30 tokens")
    assert not any("forest" in record.response for record in found.pool.records)
    left_out = [r for r in found.receipts if r.reason == "tuning learns nothing from it"]
    assert left_out
    assert {(r.tokens, r.stage) for r in left_out} == {(0, "coverage")}
    assert found.manifest["tokens"]["selected"] == 30


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"model": None, "seeds": "60 tokens"}, "tokens are counted with the tokenizer and the"),
        ({"seeds": "61 tokens"}, "`budget` 60 tokens is below `seeds` 61 tokens"),
        ({"count": "all"}, "has no count_all_tokens(), and `seeds` and `budget` need token counts"),
    ],
)
def test_a_budget_in_tokens_that_cannot_be_is_told_before_any_work(changed, message, select, calls):
    with pytest.raises(SettingsError) as error:
        select(**{"seeds": 8, "budget": "60 tokens", **changed})
    assert message in str(error.value)
    assert calls() == []
