"""What a person meets on the command line, mistakes included."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from mods import SettingsError
from mods.commands.options import parse_columns


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "nowhere.jsonl", "-o", "RUN", "--recipe", "offline"], 1, "nowhere.jsonl"),
        (["run", "{data}", "-o", "RUN"], 1, "name it with --model"),
        (["run", "{data}"], 2, "Missing option '--output'"),
        (["run", "{data}", "-o", "RUN", "--recipe", "offlin"], 1, "did you mean 'offline'"),
        (["run", "{data}", "-o", "RUN", "--recipe", "offline", "--quality", "rewardmodel"], 1,
         "did you mean 'reward-model'"),
        (["run", "{data}", "-o", "RUN", "--alpha", "top30%"], 1, "--alpha 'top30%'"),
        (["run", "{data}", "-o", "{data}", "--recipe", "offline", "--seeds", "2", "--budget", "2"],
         1, "a file is in the way"),
        (["run", "{data}", "{data}", "-o", "RUN", "--recipe", "offline"], 1, "given twice"),
        (["score", "{data}", "--quality", "random:sed=1", "-o", "s"], 1, "did you mean 'seed'"),
        (["run", "{data}", "-o", "RUN", "--recipe", "offline", "--model", "./no/model"], 1,
         "./no/model: there is no such folder or file"),
        (["run", "{data}", "-o", "RUN", "--recipe", "offline", "--necessity", "los"], 1,
         "did you mean 'loss'"),
        (["why", "RUN", "1"], 1, "holds no run"),
        (["runn"], 2, "No such command"),
    ],
)  # fmt: skip
def test_mistakes_end_with_one_helpful_line(arguments, code, message, data, mods):
    result = mods(*[a.format(data=data) for a in arguments], code=code)
    assert message in result.output
    assert "Traceback" not in result.output


def test_strict_stops_at_the_first_broken_row_and_names_it(data, mods, toy_run, tmp_path):
    result = mods(*toy_run(data, tmp_path / "run", "--strict"), code=1)
    assert str(data) in result.output
    assert "42" in result.output


def test_why_tells_the_story_of_selected_rejected_and_broken_rows(data, mods, toy_run, tmp_path):
    run = tmp_path / "run"
    mods(*toy_run(data, run))
    receipts = pq.read_table(run / "receipts.parquet").to_pylist()
    chosen = next(r for r in receipts if r["order"] == 9)
    told = mods("why", run, chosen["row"]).output
    assert f"{data}:{chosen['row']}  SELECTED" in told
    assert "picked    9 of 14" in told
    assert "quality_toy_length" in told
    assert "necessity_toy_known" in told
    assert "the nearest other selected row" in told
    assert "duplicate of" in mods("why", run, "41").output
    assert "QUARANTINED" in mods("why", run, f"{data}:42").output
    by_id = json.loads(mods("why", run, chosen["id"][:12], "--json").output)
    assert [r["row"] for r in by_id] == [chosen["row"]]
    assert "names no row" in mods("why", run, "99", code=1).output


def test_text_from_the_data_cannot_drive_the_terminal(mods, toy_run, tmp_path, rows):
    data = tmp_path / "rows.jsonl"
    rows[2]["output"] = 7
    rows[2]["instruction"] = "\x1b[31mred"
    lines = [json.dumps(row) for row in rows]
    data.write_text("\n".join([*lines, '{"\x1b[31m": 1']) + "\n")
    mods(*toy_run(data, tmp_path / "run"))
    for row in (3, 42):
        assert "\x1b" not in mods("why", tmp_path / "run", row).output


def test_score_gives_every_row_a_score_or_a_reason(data, mods, tmp_path):
    out = tmp_path / "scores.parquet"
    mods("score", data, "--quality", "response-length", "-o", out)
    table = pq.read_table(out)
    assert table.column_names == ["id", "source", "row", "score", "reason"]
    rows = table.to_pylist()
    assert [r["row"] for r in rows] == list(range(1, 43))
    assert rows[40]["score"] == rows[3]["score"]
    assert rows[41]["score"] is None
    assert "JSON" in rows[41]["reason"]


def test_kcenter_writes_picks_and_goes_on_from_fixed_centres(mods, tmp_path):
    x = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    picks, rest = tmp_path / "picks.npy", tmp_path / "rest.npy"
    mods("kcenter", tmp_path / "x.npy", "--k", "20", "--first", "5", "-o", picks)
    whole = np.load(picks)
    assert whole.dtype == np.int64
    assert whole[0] == 5
    np.save(tmp_path / "initial.npy", whole[:12])
    mods(
        "kcenter", tmp_path / "x.npy", "-k", "8", "--initial", tmp_path / "initial.npy", "-o", rest
    )
    assert np.load(rest).tolist() == whole[12:].tolist()
    told = mods("kcenter", tmp_path / "x.npy", "-k", "301", "-o", picks, code=1).output
    assert "301" in told
    (tmp_path / "text.npy").write_text("no array")
    assert (
        "not a .npy file"
        in mods("kcenter", tmp_path / "text.npy", "-k", "1", "-o", picks, code=1).output
    )


def test_no_command_overwrites_what_it_reads(data, mods, tmp_path):
    before = data.read_bytes()
    told = mods("score", data, "--quality", "response-length", "-o", data, code=1).output
    assert f"would overwrite {data}" in told
    folder = data.parent
    mods("score", folder, "--quality", "response-length", "-o", data, code=1)
    assert data.read_bytes() == before
    told = mods("score", data, "--quality", "response-length", "-o", tmp_path, code=1).output
    assert f"{tmp_path} is a folder" in told
    x, initial, picks = (tmp_path / name for name in ("x.npy", "i.npy", "p.npy"))
    np.save(x, np.eye(4, dtype=np.float32))
    np.save(initial, np.array([1]))
    for options in (
        ["-o", x],
        ["-o", tmp_path / "." / "i.npy", "--initial", initial],
        ["-o", picks, "--radii", x],
        ["-o", picks, "--radii", picks],
    ):
        told = mods("kcenter", x, "-k", "2", *options, code=1).output
        assert "would overwrite" in told
    assert "is a folder" in mods("kcenter", x, "-k", "2", "-o", tmp_path, code=1).output
    mods("kcenter", x, "-k", "2", "-o", tmp_path / "new" / "deep" / "p.npy")
    assert len(np.load(tmp_path / "new" / "deep" / "p.npy")) == 2


def test_columns_are_taken_as_they_are():
    def read(text):
        return parse_columns(None, None, text)

    assert read(None) == {}
    assert read("instruction=Q, long, output= a ") == {"instruction": "Q, long", "output": " a "}
    for wrong, message in (
        ("output=a,output=b", "'output' is named twice"),
        ("output", "not FIELD=COLUMN"),
    ):
        with pytest.raises(SettingsError, match=message):
            read(wrong)


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["-k", "0"], 2, "--k"),
        (["--repeats", "0"], 2, "--repeats"),
        (["--threads", "-1"], 2, "--threads"),
        (["--k", "9", "--rows", "8"], 1, "k = 9 is outside 1..8"),
        (["--embeddings", "none.npy"], 1, "none.npy: no such file"),
        (["--embeddings", "text.npy"], 1, "not a .npy file"),
        (["--embeddings", "wide.npy", "--k", "2"], 1, "wide.npy: x must be float32"),
        (["--embeddings", "flat.npy", "--k", "2"], 1, "2-D"),
    ],
)
def test_bench_names_mistakes(options, code, message, mods):
    Path("text.npy").write_text("no array")
    np.save("wide.npy", np.ones((4, 2)))
    np.save("flat.npy", np.ones(4, np.float32))
    assert message in mods("bench", "kcenter", *options, code=code).output


def test_bench_measures_the_rows_it_is_given(mods, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32))
    told = mods(
        "bench", "kcenter", "--embeddings", tmp_path / "x.npy", "--k", "5", "--repeats", "1",
        "--json",
    ).output  # fmt: skip
    assert json.loads(told)["rows"] == 60
    assert json.loads(told)["checked"]


def test_doctor_says_what_was_built_and_what_is_missing(mods):
    found = json.loads(mods("doctor", "--json").output)
    assert set(found) == {"mods", "k-center core", "torch devices", "libraries", "optional"}
    assert found["libraries"]["torch"] != "MISSING"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_under_standard_output_is_one_line():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "mods", "plugins"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr == "error: the output cannot be written: No space left on device\n"
