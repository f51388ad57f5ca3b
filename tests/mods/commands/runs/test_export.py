"""`mods export`: counts, refusals and files, for a person and as JSON."""

import json

from conftest import TOY


def test_an_export_is_told(rows, mods, toy_run, tmp_path):
    for row in rows:
        row["output"] += " refuse" * (len(row["output"]) > 40)
    data = tmp_path / "data.json"
    data.write_text(json.dumps(rows))
    run = tmp_path / "run"
    mods(*toy_run(data, run))
    told = mods("--plugin", TOY, "export", run, "--to", "toy-pairs").output
    made = json.loads(
        mods("--plugin", TOY, "export", run, "--to", "toy-pairs", "--overwrite", "--json").output
    )
    refused = made["refused"]
    assert len(refused) > 5
    assert made["exported"] + len(refused) == made["selected"] == 14
    assert f"14 rows selected = {made['exported']} exported + {len(refused)} refused" in told
    assert f"{refused[0]['source']}:{refused[0]['row']}  says refuse" in told
    assert f"and {len(refused) - 5} more: refused.jsonl" in told
    assert "train.jsonl" in told
    listed = (tmp_path / "run-toy-pairs" / "refused.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in listed] == [{**r, "source": "data.json"} for r in refused]
    assert {r["source"] for r in refused} == {str(data)}


def test_an_exporter_that_is_not_there_is_told_with_those_that_are(mods, toy_run, data, tmp_path):
    mods(*toy_run(data, tmp_path / "run"))
    told = mods("export", tmp_path / "run", "--to", "tlr", code=1).output
    assert "did you mean 'trl'?" in told
    assert "llama-factory" in told
