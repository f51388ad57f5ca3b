"""Before anything is paid for: what is asked is chosen, checked, and refused in plain words."""

import pytest
from conftest import TOY
from support.toy_verdicts import judging

from mods import SettingsError
from mods.verdicts.prepare import Asked, arm_choices, primary_of


def test_the_selection_and_random_rows_are_always_among_the_arms():
    assert [str(c) for c in arm_choices(["longest"])] == ["selection", "random", "longest"]
    assert [str(c) for c in arm_choices(["+kcenter"])][-1] == "kcenter"
    assert len(arm_choices(["+kcenter"])) == len(arm_choices([])) + 1
    assert len(arm_choices(["+longest"])) == len(arm_choices([]))


def test_the_primary_measure_may_be_named_without_its_options(toy_folder, mods):
    asked = "judge:generator=toy-generator,model=toy,opponent=references"
    mods(*judging("verdict", "--measures", asked, "--primary", "judge", "--dry-run"))
    told = mods(*judging("verdict", "--primary", "length"), code=1).output
    assert "--primary 'length' is no measure of this verdict" in told


def test_measures_that_cannot_be_had_are_noted_and_too_few_prompts_refused(toy_folder, mods):
    lines = (toy_folder / "asked.jsonl").read_text().splitlines()
    (toy_folder / "asked.jsonl").write_text("\n".join(lines[:4]) + "\n")
    told = mods(*judging(), code=1).output
    assert "only 4 prompts can be measured; give 5 or more" in told
    (toy_folder / "asked.jsonl").write_text('{"prompt": "paint the apple"}\n' * 3)
    told = mods(
        "--plugin", TOY, "verdict", "run", "--prompts", "asked.jsonl", "-q", "--arms", "random",
        "--measures", "toy-unknown", "checkable", code=1,
    ).output  # fmt: skip
    assert "no measure can be had that says which answers are better" in told


def test_numbers_without_sense_are_refused():
    for name in ("draws", "tuning_seeds"):
        with pytest.raises(SettingsError, match=f"`{name}` 0"):
            Asked(["a"], **{name: 0})
    with pytest.raises(SettingsError, match="`primary` 'x'"):
        primary_of([], "x")
