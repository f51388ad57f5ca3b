"""Stage 3: the tuned model is asked, reviewed, and what it answers badly is necessary."""

import pytest
from conftest import HERE

from mods import PluginError, SettingsError, Unscorable


class Silent:
    """A generator that gives no losses."""

    def __init__(self, model):
        self.model = model

    def identity(self):
        return {"model": self.model}

    def answers(self, conversations, weights):
        assert (weights.path / "words").exists()
        return [
            Unscorable("too long a question") if "guitar" in c.prompt else c.prompt
            for c in conversations
        ]


class ByLoss:
    """A necessity model that looks at nothing but losses."""

    needs = ("losses",)

    def review(self, records, evidence):
        assert (len(evidence.answers), len(evidence.losses)) == (0, len(records))
        return [-loss for loss in evidence.losses]


class Served:
    """A generator of a model that is served as it is."""

    takes_weights = False

    def identity(self):
        return {}

    def answers(self, conversations, weights):
        assert weights is None
        return [c.prompt[: len(c.prompt) // 2] for c in conversations]


@pytest.fixture
def necessity(registry):
    """Register the plug-ins of these tests."""
    registry.register("generator", HERE, "silent", Silent)
    registry.register("generator", HERE, "served", Served)
    registry.register("necessity", HERE, "by-loss", ByLoss)
    return registry


def test_losses_that_the_generator_does_not_give_are_refused_before_any_stage(
    necessity, select, calls
):
    with pytest.raises(SettingsError, match=r"'by-loss' .* needs token losses, which generator"):
        select(generator="silent", necessity="by-loss")
    assert calls() == []


def test_a_necessity_model_of_losses_makes_nobody_answer(necessity, select, calls):
    selection = select(necessity="by-loss")
    assert {kind for kind, _ in calls()} == {"score", "embed", "tune", "losses"}
    assert selection.totals["selected"] == 14


def test_a_generator_that_takes_no_weights_has_nothing_tuned(necessity, select, calls):
    selection = select(generator="served")
    assert {kind for kind, _ in calls()} == {"score", "embed", "review"}
    assert "trainer" not in selection.manifest["makes"]["plugins"]
    assert any("no model was tuned" in notice for notice in selection.manifest["notices"])
    assert "necessity: tuning" not in selection.costs.as_dict()


def test_where_tokens_are_counted_its_trainer_stays_and_counts(necessity, select, calls):
    select(generator="served", seeds="20 tokens", budget="40 tokens")
    assert {kind for kind, _ in calls()} == {"score", "embed", "tokens", "review"}


def test_evidence_that_does_not_exist_is_refused(select, necessity):
    odd = type("Odd", (ByLoss,), {"needs": ("opinions",)})
    necessity.register("necessity", HERE, "odd", odd)
    with pytest.raises(PluginError, match=r"'odd' .* needs 'opinions'; there are 'answers' and"):
        select(necessity="odd")


def test_an_answer_that_cannot_be_had_quarantines_the_row_with_its_reason(necessity, select):
    selection = select(generator="silent")
    away = [r for r in selection.receipts if r.fate == "quarantined"]
    assert away
    assert {(r.stage, r.reason) for r in away} == {("necessity", "too long a question")}
    assert all("necessity_toy_known" not in r.scores for r in away)
    assert [b.row for b in selection.quarantined] == [r.row for r in away]
    assert all("guitar" in b.text for b in selection.quarantined)


def test_two_rows_that_ask_the_same_are_answered_once(select, calls, rows):
    others = [dict(row, output=f"{row['output']} again") for row in rows[30:40]]
    selection = select([*rows[:40], *others], alpha="top 50")
    asked = [row for kind, row in calls() if kind == "generate"]
    reviewed = [r for r in selection.receipts if "necessity_toy_known" in r.scores]
    assert len(reviewed) == 50 - 8
    assert len(asked) == len(set(asked)) <= 40


def test_the_model_is_tuned_on_the_seeds_and_once(select, calls):
    selection = select()
    tuned = [row for kind, row in calls() if kind == "tune"]
    assert tuned == [record.id for record in selection.records[:8]]
    select(budget=12, beta="bottom 40%")
    assert {kind for kind, _ in calls()} == set()


def test_rows_answered_well_are_told_the_score_and_the_cut(select):
    selection = select()
    cut = selection.thresholds["beta"]
    assert cut["asked"] == "bottom 50%"
    well = [r for r in selection.receipts if r.reason.startswith("answered well enough")]
    assert well
    assert all(r.scores["necessity_toy_known"] >= cut["score"] for r in well)
    left = [r for r in selection.receipts if r.reason.startswith("necessary, but not among")]
    chosen = [r for r in selection.receipts if r.reason == "necessary"]
    assert (len(left), len(chosen)) == (5, 6)
    assert all(r.scores["necessity_toy_known"] <= cut["score"] for r in [*left, *chosen])


@pytest.mark.parametrize(
    ("changed", "notice"),
    [
        ({"alpha": "top 8"},
         "8 rows instead of `budget` 14: every row that passes alpha is a seed; lower alpha or "
         "the number of seeds"),
        ({"beta": "bottom 2"},
         "10 rows instead of `budget` 14: 2 of 22 rows are necessary at `beta` bottom 2; raise "
         "beta for more"),
    ],
)  # fmt: skip
def test_why_the_budget_is_not_met_is_told(changed, notice, select):
    assert select(**changed).manifest["notices"][-1] == notice


def test_a_trainer_that_returns_no_path_is_refused(registry, select):
    class Pathless:
        def identity(self):
            return {}

        def train(self, records, folder):
            return None

    registry.register("trainer", HERE, "pathless", Pathless)
    with pytest.raises(PluginError, match=r"'pathless' .*train\(\) returned None; expected"):
        select(trainer="pathless")


def test_how_answers_are_decoded_belongs_to_their_key_but_not_the_batch(select, calls):
    select()
    calls()
    select(generation={"batch_size": 3})
    assert calls() == []
    select(generation={"max_new_tokens": 5})
    assert {kind for kind, _ in calls()} == {"generate", "review"}
    select(generation={"temperature": 1.0})
    select(generation={"temperature": 1.0, "batch_size": 3})
    assert sum(kind == "generate" for kind, _ in calls()) == 2 * 22
