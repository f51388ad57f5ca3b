"""Rows that repeat prompts of a verdict leave every arm, the selection among them."""

import json

from support.toy_verdicts import as_made, judging


def test_contaminated_rows_leave_every_arm_and_are_counted(toy_folder, mods):
    lines = (toy_folder / "run" / "selected.jsonl").read_text().splitlines()
    first = json.loads(lines[0])
    with (toy_folder / "asked.jsonl").open("a") as file:
        file.write(json.dumps({"prompt": first["instruction"].upper() + "!"}) + "\n")
    told = mods(*judging()).output
    made = as_made(toy_folder / "verdict")
    assert (made["contamination"]["rows"], made["contamination"]["selected"]) == (1, 1)
    (found,) = made["contamination"]["found"]
    assert (found["set"], found["prompt"], found["kind"]) == ("asked", 13, "whole")
    assert made["arms"]["selection"]["draws"][0]["rows"] == 13
    assert made["arms"]["toy-last"]["draws"][0]["rows"] <= 39
    assert "contamination: 1 rows repeat prompts of asked (1) and are in no arm; 1 were" in told


def test_further_prompts_are_held_against_the_rows_and_not_asked(toy_folder, mods):
    lines = (toy_folder / "run" / "selected.jsonl").read_text().splitlines()
    (toy_folder / "other.jsonl").write_text("\n".join(lines[:3]) + "\n")
    mods(*judging("verdict", "--against", "other.jsonl"))
    made = as_made(toy_folder / "verdict")
    assert made["contamination"]["selected"] == 3
    assert list(made["sets"]) == ["asked"]
    (toy_folder / "other.jsonl").write_text("\n".join(lines) + "\n")
    told = mods(*judging("verdict", "--against", "other.jsonl"), code=1).output
    assert "every selected row repeats a prompt" in told


def test_rows_near_a_prompt_leave_where_that_is_asked_for(toy_folder, mods):
    lines = (toy_folder / "run" / "selected.jsonl").read_text().splitlines()
    letters = json.loads(lines[0])["instruction"][::-1]  # the same to the toy embedder
    with (toy_folder / "asked.jsonl").open("a") as file:
        file.write(json.dumps({"prompt": letters}) + "\n")
    mods(*judging())
    assert as_made(toy_folder / "verdict")["contamination"]["rows"] == 0
    mods(*judging("verdict", "--near", "0.9999"))
    made = as_made(toy_folder / "verdict")["contamination"]
    assert {one["kind"] for one in made["found"] if one["prompt"] == 13} == {"near"}
    assert made["selected"] >= 1
    told = mods(*judging("verdict", "--near", "2"), code=1).output
    assert "--near 2.0: expected a cosine above 0, at most 1" in told
