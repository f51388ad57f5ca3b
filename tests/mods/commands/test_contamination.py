"""`mods contamination`: rows that repeat prompts, for people and for machines."""

import json

import pytest


@pytest.fixture
def sets(tmp_path):
    """Two sets of prompts; rows 3 and 9 of the data ask one each."""
    for name, text in (("one", "paint the candle"), ("two", "explain the apple")):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"prompt": text}))
    return [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]


def test_json_is_a_list_of_what_was_found(mods, data, sets):
    shown = mods("contamination", data, "--against", *sets, "--json", "-q").output
    assert json.loads(shown) == [
        {
            "source": str(data), "row": row, "set": name, "prompt": 1, "kind": "whole",
            "overlap": text, "share": 1.0,
        }
        for row, name, text in ((3, "one", "paint the candle"), (9, "two", "explain the apple"))
    ]  # fmt: skip


def test_a_table_is_for_people_and_safe_to_show(mods, data, sets, tmp_path):
    strange = tmp_path / "a\x1b[31m.jsonl"
    data.rename(strange)
    shown = mods("contamination", strange, "--against", *sets, "-q").output
    assert "one:1   whole  1.00   paint the candle" in shown
    assert "2 of 41 rows repeat 2 of 2 prompts (one 1, two 1); 1 broken rows" in shown
    assert "\x1b" not in shown
    sets[0].write_text('{"prompt": "nothing of the kind"}')
    shown = mods("contamination", strange, "--against", sets[0], "-q").output
    assert shown == "0 of 41 rows repeat 0 of 1 prompts; 1 broken rows were not compared\n"


def test_the_exit_code_is_3_only_where_it_is_asked_for_and_something_was_found(mods, data, sets):
    found = ["contamination", data, "-q", "--against", *sets]
    mods(*found)
    mods(*found, "--fail", code=3)
    sets[0].write_text('{"prompt": "nothing of the kind"}')
    mods("contamination", data, "-q", "--fail", "--against", sets[0])


def test_an_empty_file_is_an_error_that_names_it(mods, data, sets):
    sets[1].write_text("\n")
    told = mods("contamination", data, "--against", *sets, "--fail", code=1).output
    assert f"error: {sets[1]} holds no prompts" in told


def test_near_needs_an_embedder(mods, data, sets):
    told = mods("contamination", data, "--against", *sets, "--near", "0.9", code=2).output
    assert "--near needs --embedder" in told


def test_a_run_takes_several_files_too(mods, toy_run, data, sets, tmp_path):
    shown = mods(*toy_run(data, tmp_path / "run", "--against", *sets)).output
    assert "contamination         0         2            0" in shown
    steps = json.loads(
        mods(*toy_run(data, tmp_path / "x", "--against", *sets, "--dry-run", "--json")).output
    )["steps"]
    assert steps[0] == {
        "stage": "contamination", "work": "compare", "part": "words of 2 prompts", "rows": 40,
    }  # fmt: skip
