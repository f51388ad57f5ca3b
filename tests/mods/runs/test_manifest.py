"""The manifest: all that makes a selection, and what came out."""

import json

from conftest import HERE

from mods.data.reading import read_rows
from mods.runs.manifest import inputs, source_digest


def test_the_manifest_is_plain_and_says_what_makes_the_run_and_what_came_out(select):
    manifest = select().manifest
    assert json.loads(json.dumps(manifest)) == manifest
    assert manifest["status"] == "done"
    makes = manifest["makes"]
    assert makes["settings"]["quality"] == {"name": "toy-length"}
    assert makes["plugins"]["trainer"]["identity"] == {"model": "toy"}
    assert manifest["rows"]["in"] == 41 == sum(manifest["rows"]["totals"].values())
    assert manifest["thresholds"]["alpha"]["asked"] == "top 30"
    assert manifest["environment"]["libraries"].keys() >= {"numpy", "pyarrow"}


def test_where_work_is_done_is_not_what_makes_a_run(select, registry):
    registry.register("executor", HERE, "mine", registry.get("executor", "local").factory)
    assert select(executor="mine").manifest["makes"] == select().manifest["makes"]


def test_rows_from_python_are_told_apart_by_their_whole_content():
    row = {"instruction": "question", "output": "so", "note": 1}
    one, same, other = (read_rows([r]) for r in (row, dict(row), dict(row, note=2)))
    assert inputs(one) == inputs(same)
    assert one.records[0].id == other.records[0].id
    assert inputs(one)["content"] != inputs(other)["content"]


def test_files_are_told_apart_by_their_bytes(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"{}")
    assert source_digest(file) == (
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    )
    assert source_digest(tmp_path) is None
