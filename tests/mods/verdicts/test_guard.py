"""The guard writes the plain choice and says which rows to use."""

import json
from types import SimpleNamespace

import pytest
from support.toy_verdicts import as_made, judging

from mods.verdicts.guard import plain_choice


def test_without_evidence_the_plain_rows_are_the_ones_to_use(toy_folder, mods):
    told = mods(*judging("verdict", "--guard")).output
    made = as_made(toy_folder / "verdict")
    assert made["word"] != "helped"
    rows = (toy_folder / "run" / "plain.jsonl").read_text().splitlines()
    assert made["guard"] == {
        "use": "plain.jsonl", "plain": "plain.jsonl", "arm": "random", "rows": len(rows)
    }  # fmt: skip
    written = set((toy_folder / "data.jsonl").read_text().splitlines())
    assert {json.dumps(json.loads(row)) for row in rows} <= written
    assert "Use plain.jsonl of the run; plain.jsonl holds" in told
    assert "Use plain.jsonl of the run" in (toy_folder / "verdict" / "verdict.md").read_text()


@pytest.mark.parametrize(("high", "plain"), [(-0.1, "longest"), (0.1, "random")])
def test_the_longest_responses_only_where_they_were_shown_to_be_better(high, plain):
    arms = [SimpleNamespace(name=name) for name in ("selection", "random", "longest")]
    comparison = {"arm": "selection", "against": "longest", "high": high}
    verdict = {
        "primary": "loss", "measures": {"loss": {"by_set": {"all": {"comparisons": [comparison]}}}}
    }  # fmt: skip
    assert plain_choice(SimpleNamespace(arms=arms), verdict).name == plain
