"""`mods score`: a score or a reason for every row, without a run."""

import json

import pyarrow.parquet as pq
import pytest

SEEDED = """
from mods import hookimpl

class Seeded:
    def __init__(self, seed=0):
        self.value = seed * FACTOR

    def score(self, records):
        return [RESULT for r in records]

@hookimpl
def register_quality_scorers(register):
    register("seeded", Seeded)
"""


@pytest.fixture
def scored(mods, data, tmp_path):
    """Score with a plug-in of this factor or result; returns the different scores."""

    def scores(*more, factor=1, result="float(self.value)", source=data):
        plugin, out = tmp_path / "seeded.py", tmp_path / "scores.parquet"
        plugin.write_text(SEEDED.replace("FACTOR", str(factor)).replace("RESULT", result))
        mods("--plugin", plugin, "score", source, "--quality", "seeded", "-o", out, "-q", *more)
        return set(pq.read_table(out)["score"].to_pylist()) - {None}

    return scores


def test_every_row_gets_a_score_or_a_reason(data, mods, tmp_path):
    out = tmp_path / "new" / "scores.parquet"
    told = mods("score", data, "--quality", "response-length", "-o", out, "--json").stdout
    assert json.loads(told) == {"output": str(out), "rows": 42, "scored": 41}
    table = pq.read_table(out)
    assert table.column_names == ["id", "source", "row", "score", "reason"]
    rows = table.to_pylist()
    assert [r["row"] for r in rows] == list(range(1, 43))
    assert rows[40]["score"] == rows[3]["score"]
    assert rows[41]["score"] is None
    assert "JSON" in rows[41]["reason"]


def test_the_cache_tells_seeds_and_versions_of_a_plugin_apart(scored):
    assert scored("--seed", "1", factor=10) == {10.0}
    assert scored("--seed", "2", factor=10) == {20.0}
    assert scored("--seed", "2", factor=100) == {200.0}


def test_equal_ids_with_another_split_of_the_prompt_do_not_share_results(scored, tmp_path):
    rows = [{"instruction": "How?\nwhy?", "output": "so"},
            {"instruction": "How?", "input": "why?", "output": "so"}]  # fmt: skip
    found = []
    for i, row in enumerate(rows):
        data = tmp_path / f"{i}.jsonl"
        data.write_text(json.dumps(row))
        found.append(scored(result="float(len(r.instruction))", source=data))
    assert found == [{9.0}, {4.0}]


def test_no_input_is_overwritten(data, mods, tmp_path):
    before = data.read_bytes()
    told = mods("score", data, "--quality", "response-length", "-o", data, code=1).output
    assert f"--output {data} would overwrite {data}" in told
    mods("score", data.parent, "--quality", "response-length", "-o", data, code=1)
    assert data.read_bytes() == before
    told = mods("score", data, "--quality", "response-length", "-o", tmp_path, code=1).output
    assert f"{tmp_path} is a folder" in told


def test_a_scorer_that_breaks_a_rule_writes_nothing(mods, data, tmp_path):
    plugin, out = tmp_path / "bad.py", tmp_path / "s"
    plugin.write_text(SEEDED.replace("FACTOR", "1").replace("RESULT", "float('nan')"))
    failed = mods("--plugin", plugin, "score", data, "--quality", "seeded", "-o", out, code=1)
    assert f"quality plug-in 'seeded' ({plugin})" in failed.output
    assert "scores must be finite" in failed.output
    assert not out.exists()
