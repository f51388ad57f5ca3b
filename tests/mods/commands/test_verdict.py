"""`mods verdict`: a table, JSON, and what a verdict would do."""

import json

from support.toy_verdicts import as_made, judging, make_folder


def test_the_table_says_the_word_and_json_is_the_file(tmp_path, mods):
    make_folder(mods)
    told = mods(*judging()).output
    made = as_made(tmp_path / "verdict")
    assert told.startswith(f"{made['word']}: {made['reason']}")
    assert "rows by chance" in told
    printed = json.loads(mods(*judging("verdict", "--json")).stdout)
    assert printed["measures"] == made["measures"]


def test_the_folder_of_the_run_holds_the_verdict_unless_told(tmp_path, mods):
    make_folder(mods)
    mods(*[part for part in judging() if part not in ("-o", "verdict")][:2], "verdict", "run",
         "--prompts", "asked.jsonl", "--arms", "random", "--measures", "toy-unknown", "-q",
    )  # fmt: skip
    assert as_made(tmp_path / "run" / "verdict")["primary"] == "toy-unknown"


def test_a_dry_run_shows_the_arms_and_the_work(tmp_path, mods):
    make_folder(mods)
    lines = mods(*judging("verdict", "--dry-run")).output.splitlines()
    assert [line.split()[:2] for line in lines[1:4]] == [
        ["selection", "1"], ["random", "3"], ["toy-last", "1"]
    ]  # fmt: skip
    assert lines[-2].startswith("at most   5 tunings, 60 losses, 60 answers")
    assert lines[-1].startswith("left      5 tunings, 60 answers, 60 losses: ")
    assert lines[-1].endswith("and what losses take")
    assert not (tmp_path / "verdict").exists()
