"""The whole path: accounting, resume, caching, determinism."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import mods as mods_package

ROOT = Path(mods_package.__file__).parent.parent
KILLS = ["score:3", "embed:2", "tune:1", "generate:1", "generate:2", "judge:1"]


def spawn(arguments, tmp_path, **env):
    """Run `mods` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from mods.cli import main; main()", *map(str, arguments)],
        env={**os.environ, "MODS_CACHE": str(tmp_path / "cache"), **env},
        capture_output=True,
        text=True,
    )


def selected(folder):
    return [json.loads(line) for line in (folder / "selected.jsonl").read_text().splitlines()]


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
    duplicate = receipts[40]
    assert duplicate["reason"] == f"duplicate of {data}:4"
    picked = sorted((r for r in receipts if r["order"]), key=lambda r: r["order"])
    assert [rows[r["row"] - 1] for r in picked] == selected(out)
    assert all(r["quality_toy_length"] is not None for r in picked)
    assert (out / "report.png").read_bytes().startswith(b"\x89PNG")
    quarantined = json.loads((out / "quarantine.jsonl").read_text())
    assert quarantined["row"] == 42
    assert quarantined["text"] == '{"instruction": "cut'


def test_a_row_that_cannot_be_scored_is_quarantined_with_its_reason(tmp_path, mods, toy_run, rows):
    data = tmp_path / "rows.jsonl"
    rows[5]["output"] = "skip this"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    mods(*toy_run(data, tmp_path / "run"))
    receipt = pq.read_table(tmp_path / "run" / "receipts.parquet").to_pylist()[5]
    assert (receipt["fate"], receipt["stage"]) == ("quarantined", "quality")
    assert receipt["reason"] == "says skip"
    assert receipt["quality_toy_length"] is None


@pytest.mark.parametrize("kill", KILLS)
def test_a_killed_run_resumes_to_the_same_selection(kill, data, tmp_path, toy_run):
    whole = spawn(toy_run(data, tmp_path / "whole"), tmp_path, MODS_CACHE=str(tmp_path / "other"))
    assert whole.returncode == 0, whole.stderr
    run, log = toy_run(data, tmp_path / "run"), tmp_path / "log"
    killed = spawn(run, tmp_path, MODS_TOY_KILL=kill, MODS_TOY_LOG=str(log))
    assert killed.returncode == -9
    assert not (tmp_path / "run" / "selected.jsonl").exists()
    before = log.read_text().splitlines()
    resumed = spawn(run, tmp_path, MODS_TOY_LOG=str(log))
    assert resumed.returncode == 0, resumed.stderr
    assert selected(tmp_path / "run") == selected(tmp_path / "whole")
    # Only the batch in work is done again.
    again = set(before) & set(log.read_text().splitlines()[len(before) :])
    kind = kill.split(":")[0]
    lost = {line.split()[0] for line in again}
    assert lost <= {kind, "judge"}
    limit = {"score": 4, "embed": 4, "tune": 8, "generate": 16, "judge": 16}[kind]
    assert sum(line.startswith(f"{kind} ") for line in again) <= limit


def test_changed_thresholds_and_added_rows_recompute_nothing(
    data, rows, tmp_path, mods, toy_run, monkeypatch
):
    mods(*toy_run(data, tmp_path / "one"))
    log = tmp_path / "log"
    monkeypatch.setenv("MODS_TOY_LOG", str(log))
    mods(*toy_run(data, tmp_path / "two", "--alpha", "top 35", "--budget", "12"))
    assert not any(line.startswith("score") for line in log.read_text().splitlines())
    log.unlink()
    more = tmp_path / "more.jsonl"
    more.write_text(json.dumps({"instruction": "new", "output": "entirely new row"}) + "\n")
    mods(*toy_run(data, tmp_path / "three", more))
    assert sum(line.startswith("score") for line in log.read_text().splitlines()) == 1


def test_a_folder_of_another_run_is_refused_and_says_what_differs(data, tmp_path, mods, toy_run):
    out = tmp_path / "run"
    mods(*toy_run(data, out))
    refused = mods(*toy_run(data, out, "--budget", "12"), code=1)
    assert "settings.budget: 14 before, 12 now" in refused.output
    mods(*toy_run(data, out, "--budget", "12", "--overwrite"))
    assert len(selected(out)) == 12
    data.write_text(data.read_text().replace("paint the apple", "paint the pear"))
    assert "makes" not in (refused := mods(*toy_run(data, out, "--budget", "12"), code=1)).output
    assert "inputs.content" in refused.output


def test_seeds_that_meet_the_budget_need_no_model(data, tmp_path, mods, toy_run, monkeypatch):
    log = tmp_path / "log"
    monkeypatch.setenv("MODS_TOY_LOG", str(log))
    mods(*toy_run(data, tmp_path / "run", "--budget", "8"))
    assert {line.split()[0] for line in log.read_text().splitlines()} == {"score", "embed"}
    assert len(selected(tmp_path / "run")) == 8


def test_select_from_python_equals_the_command_line(data, rows, tmp_path, mods, toy_run):
    from conftest import TOY

    mods(*toy_run(data, tmp_path / "run"))
    selection = mods_package.select(
        rows, recipe="offline", plugins=[TOY], quiet=True, quality="toy-length", alpha="top 30",
        embedder="toy-letters", selector="toy-spread", model="toy-model", necessity="toy-known",
        beta="bottom 50%", seeds=8, budget=14, cache=tmp_path / "cache",
    )  # fmt: skip
    assert selection.rows == selected(tmp_path / "run")
    assert selection.totals == {"selected": 14, "rejected": 27, "quarantined": 0}
    assert selection.folder is None


def test_more_seeds_than_rows_says_how_many_there_are(data, tmp_path, mods, toy_run):
    result = mods(*toy_run(data, tmp_path / "run", "--seeds", "35", "--budget", "35"), code=1)
    assert "--seeds 35, but only 30 of 40 rows pass alpha (top 30)" in result.output


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


def test_a_dataset_of_the_datasets_library_is_data(rows, tmp_path):
    datasets = pytest.importorskip("datasets")
    selection = mods_package.select(
        datasets.Dataset.from_list(rows), recipe="offline", quiet=True, quality="response-length",
        embedder="tfidf:dim=16", seeds=5, budget=5, cache=tmp_path,
    )  # fmt: skip
    assert [set(row) for row in selection.rows] == [{"instruction", "input", "output"}] * 5
    assert sum(selection.totals.values()) == len(rows)


def test_a_mistake_neither_blocks_the_folder_nor_harms_a_finished_run(
    data, tmp_path, mods, toy_run
):
    out = tmp_path / "run"
    mods(*toy_run(data, out, "--seeds", "35", "--budget", "35"), code=1)
    mods(*toy_run(data, out))
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    mods(*toy_run(data, out, "--seeds", "35", "--budget", "35", "--overwrite"), code=1)
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before


SEEDED = """
from mods import hookimpl

class Seeded:
    def __init__(self, seed=0, factor=1):
        self.value = seed * FACTOR

    def score(self, records):
        return [float(self.value)] * len(records)

@hookimpl
def register_quality_scorers(register):
    register("seeded", Seeded)
"""


def scores(mods, data, tmp_path, plugin, *more):
    out = tmp_path / "scores.parquet"
    mods("--plugin", plugin, "score", data, "--quality", "seeded", "-o", out, "-q", *more)
    return set(pq.read_table(out)["score"].to_pylist()) - {None}


def test_the_cache_tells_seeds_and_versions_of_a_plugin_apart(data, tmp_path, mods):
    plugin = tmp_path / "seeded.py"
    plugin.write_text(SEEDED.replace("FACTOR", "10"))
    assert scores(mods, data, tmp_path, plugin, "--seed", "1") == {10.0}
    assert scores(mods, data, tmp_path, plugin, "--seed", "2") == {20.0}
    plugin.write_text(SEEDED.replace("FACTOR", "100"))
    assert scores(mods, data, tmp_path, plugin, "--seed", "2") == {200.0}


def test_a_changed_plugin_is_another_run(data, tmp_path, mods):
    plugin = tmp_path / "seeded.py"
    run = ["--plugin", plugin, "run", data, "-o", tmp_path / "run", "--recipe", "offline", "-q",
           "--quality", "seeded", "--alpha", "-1", "--embedder", "tfidf:dim=8",
           "--seeds", "5", "--budget", "5"]  # fmt: skip
    plugin.write_text(SEEDED.replace("FACTOR", "1"))
    mods(*run)
    plugin.write_text(SEEDED.replace("FACTOR", "2"))
    assert "plugins.quality.version" in mods(*run, code=1).output


def test_judgements_follow_the_generation_settings(data, tmp_path, mods, toy_run, monkeypatch):
    mods(*toy_run(data, tmp_path / "one"))
    log = tmp_path / "log"
    monkeypatch.setenv("MODS_TOY_LOG", str(log))
    mods(*toy_run(data, tmp_path / "two", "--set", "generation.max_new_tokens=5"))
    done = {line.split()[0] for line in log.read_text().splitlines()}
    assert done == {"judge", "generate"}


def test_equal_ids_with_another_split_of_the_prompt_do_not_share_results(tmp_path, mods):
    plugin = tmp_path / "seeded.py"
    plugin.write_text(SEEDED.replace("[float(self.value)] * len(records)",
                                     "[float(len(r.instruction)) for r in records]"))  # fmt: skip
    plugin.write_text(plugin.read_text().replace("FACTOR", "1"))
    rows = [{"instruction": "How?\nwhy?", "output": "so"},
            {"instruction": "How?", "input": "why?", "output": "so"}]  # fmt: skip
    found = []
    for i, row in enumerate(rows):
        data = tmp_path / f"{i}.jsonl"
        data.write_text(json.dumps(row))
        found.append(scores(mods, data, tmp_path, plugin))
    assert found == [{9.0}, {4.0}]


def test_why_the_budget_is_not_met_is_told(data, tmp_path, mods, toy_run):
    result = mods(*toy_run(data, tmp_path / "a", "--alpha", "top 8"), code=0)
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    assert result.exit_code == 0
    assert "8 rows instead of --budget 14: every row that passes alpha is a seed" in str(
        manifest["notices"]
    )
