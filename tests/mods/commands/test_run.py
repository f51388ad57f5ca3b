"""`mods run`: the whole path from a file to a run folder, killed, changed and gone wrong."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from conftest import TOY, toy_arguments, write_rows

KILLS = {
    "score:3": 4, "embed:2": 4, "tokens:1": 30, "tune:1": 8, "generate:1": 4, "generate:2": 4,
    "losses:2": 16, "review:1": 22,
}  # fmt: skip
"""Which call is killed, and how many rows of its kind may be lost by it."""
TABLES = ("selected.jsonl", "receipts.parquet", "pool.parquet")


def everything(data, out):
    """Arguments of a run in which every kind of call is made."""
    needy = ["--selector", "toy-greedy", "--necessity", "toy-thorough"]
    return toy_arguments(data, out, *needy, "--set", "generation.batch_size=4")


def spawn(arguments, **env):
    """Run `mods` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from mods.cli import main; main()", *map(str, arguments)],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
    )


def selected(folder):
    return [json.loads(line) for line in (folder / "selected.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a run that nobody killed."""
    folder = tmp_path_factory.mktemp("whole")
    before = Path.cwd()
    os.chdir(folder)
    try:
        write_rows(Path("data.jsonl"))
        done = spawn(everything("data.jsonl", "run"), MODS_CACHE=str(folder / "cache"))
    finally:
        os.chdir(before)
    assert done.returncode == 0, done.stderr
    return folder / "run"


def test_every_input_row_has_one_receipt(data, rows, tmp_path, mods, toy_run):
    out = tmp_path / "run"
    result = mods(*toy_run(data, out))
    receipts = pq.read_table(out / "receipts.parquet").to_pylist()
    assert [r["row"] for r in receipts] == list(range(1, len(rows) + 2))
    fates = Counter((r["fate"], r["stage"]) for r in receipts)
    assert fates == {
        ("selected", "coverage"): 8,
        ("selected", "necessity"): 6,
        ("rejected", "necessity"): 16,
        ("rejected", "quality"): 10,
        ("rejected", "reading"): 1,
        ("quarantined", "reading"): 1,
    }
    assert "rows in 42 = 14 selected + 27 rejected + 1 quarantined" in result.output
    assert receipts[40]["reason"] == f"duplicate of {data}:4"
    picked = sorted((r for r in receipts if r["order"]), key=lambda r: r["order"])
    assert [rows[r["row"] - 1] for r in picked] == selected(out)
    assert all(r["quality_toy_length"] is not None for r in picked)
    assert (out / "report.png").read_bytes().startswith(b"\x89PNG")
    quarantined = json.loads((out / "quarantine.jsonl").read_text())
    assert quarantined["row"] == 42
    assert quarantined["text"] == '{"instruction": "cut'


@pytest.mark.parametrize("kill", KILLS)
def test_a_killed_run_resumes_to_the_same_bytes(kill, whole, tmp_path, mods, calls):
    write_rows(tmp_path / "data.jsonl")
    run = everything("data.jsonl", "run")
    killed = spawn(run, MODS_TOY_KILL=kill)
    assert killed.returncode == -9, killed.stderr
    assert not (tmp_path / "run" / "manifest.json").exists()
    before = calls()
    mods(*run)
    for name in TABLES:
        assert (tmp_path / "run" / name).read_bytes() == (whole / name).read_bytes(), name
    # Only the batch in work is done again.
    again = set(before) & set(calls())
    assert {kind for kind, _ in again} == {kill.split(":")[0]}
    assert len(again) <= KILLS[kill]


def test_a_folder_of_another_run_is_refused_and_says_what_differs(data, tmp_path, mods, toy_run):
    out = tmp_path / "run"
    mods(*toy_run(data, out))
    refused = mods(*toy_run(data, out, "--budget", "12"), code=1)
    assert "settings.budget: 14 before, 12 now" in refused.output
    assert "or give --overwrite" in refused.output
    mods(*toy_run(data, out, "--budget", "12", "--overwrite"))
    assert len(selected(out)) == 12
    data.write_text(data.read_text().replace("paint the apple", "paint the pear"))
    refused = mods(*toy_run(data, out, "--budget", "12"), code=1)
    assert "makes" not in refused.output
    assert "inputs.content" in refused.output


def test_amounts_in_tokens_are_told_at_the_end_and_of_every_row(data, tmp_path, mods, toy_run):
    out = tmp_path / "run"
    shown = mods(*toy_run(data, out, "--seeds", "20 tokens", "--budget", "60 tokens")).output
    counted = pq.read_table(out / "receipts.parquet").to_pylist()
    tokens = sum(row["tokens"] for row in counted if row["fate"] == "selected")
    assert f"tokens (trained) {tokens} selected, " in shown
    assert "asked: seeds 20 tokens, budget 60 tokens" in shown
    passed = next(row for row in counted if "passed over" in row["reason"])
    told = mods("why", out, passed["row"]).output
    assert f"tokens    {passed['tokens']}" in told
    assert "passed over: its " in told


def test_a_mistake_neither_blocks_the_folder_nor_harms_a_finished_run(
    data, tmp_path, mods, toy_run
):
    out = tmp_path / "run"
    told = mods(*toy_run(data, out, "--seeds", "35", "--budget", "35"), code=1).output
    assert "--seeds 35, but only 30 of 40 rows pass alpha (top 30)" in told
    mods(*toy_run(data, out))
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    mods(*toy_run(data, out, "--seeds", "35", "--budget", "35", "--overwrite"), code=1)
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before


def test_notes_show_options_and_the_manifest_keeps_settings(data, tmp_path, mods, toy_run):
    arguments = [a for a in toy_run(data, tmp_path / "run", "--alpha", "top 8") if a != "-q"]
    note = "8 rows instead of {} 14: every row that passes alpha is a seed; lower alpha or"
    assert f"note: {note.format('--budget')}" in mods(*arguments).stderr
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["notices"][-1].startswith(note.format("`budget`"))


def test_one_and_two_threads_select_the_same_rows(data, tmp_path, mods):
    runs = []
    for threads in (1, 2):
        runs.append(tmp_path / f"threads-{threads}")
        mods(
            "run", data, "-o", runs[-1], "--recipe", "offline", "--quality", "response-length",
            "--alpha", "0", "--embedder", "tfidf:dim=16", "--seeds", "20", "--budget", "20",
            "--set", f"selector.threads={threads}", "--quiet",
        )  # fmt: skip
    assert selected(runs[0]) == selected(runs[1])
    assert len(selected(runs[0])) == 20


SCORER = """
from mods import hookimpl

class Mine:
    def score(self, records):
        return [FACTOR * len(r.response) for r in records]

@hookimpl
def register_quality_scorers(register):
    register("mine", Mine)
"""


def test_a_changed_plugin_is_another_run(data, tmp_path, mods):
    plugin = tmp_path / "mine.py"
    run = toy_arguments(data, tmp_path / "run", "--quality", "mine", plugins=(TOY, plugin))
    plugin.write_text(SCORER.replace("FACTOR", "1"))
    mods(*run)
    plugin.write_text(SCORER.replace("FACTOR", "2"))
    assert "plugins.quality.version" in mods(*run, code=1).output


def test_strict_stops_at_the_first_broken_row_and_names_it(data, mods, toy_run, tmp_path):
    result = mods(*toy_run(data, tmp_path / "run", "--strict"), code=1)
    assert str(data) in result.output
    assert "42" in result.output


def test_a_run_prints_one_json_object_and_nothing_else_on_standard_output(
    data, mods, toy_run, tmp_path
):
    told = json.loads(mods(*toy_run(data, tmp_path / "run", "--json")).stdout)
    assert (told["folder"], told["in"], told["selected"]) == (str(tmp_path / "run"), 42, 14)
