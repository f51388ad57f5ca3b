"""Verdicts from end to end, with a tiny model that is really tuned."""

import json

import pytest
from support.tiny_classifiers import tiny_bert

from mods import DataError, RunFolderError, SettingsError


@pytest.fixture(scope="module")
def right(make_run):
    return make_run("right")


@pytest.fixture(scope="module")
def helped(right, judge):
    return judge(right)


def test_a_selection_of_right_answers_helps(helped):
    assert helped["word"] == "helped"
    (found,) = helped["measures"]["loss"]["by_set"]["all"]["comparisons"]
    assert found["against"] == "random"
    assert found["prompts"] == 24
    assert found["low"] > 0


def test_a_selection_of_wrong_answers_hurts(make_run, judge):
    assert judge(make_run("wrong"))["word"] == "hurt"


def test_a_selection_by_chance_is_no_evidence(make_run, judge):
    run = make_run(
        "right", "by-chance", quality="random", selector="random:seed=5", alpha="top 100%"
    )
    assert judge(run, draws=4)["word"] == "no evidence"


def test_arms_have_the_same_tokens_and_updates(right, helped):
    arms = helped["arms"]
    (selection,) = arms["selection"]["draws"]
    assert selection["rows"] == 45
    assert len(arms["random"]["draws"]) == 3
    for draw in arms["random"]["draws"]:
        assert draw["updates"] == selection["updates"] == 48
        assert draw["tokens"] * draw["epochs"] == pytest.approx(selection["tokens"] * 8, rel=1e-5)


def test_the_folder_holds_the_verdict_as_it_was_returned(right, helped):
    written = json.loads((right / "verdict" / "verdict.json").read_text())
    assert written == helped
    assert "helped" in (right / "verdict" / "verdict.md").read_text()
    assert (right / "verdict" / "verdict.png").read_bytes().startswith(b"\x89PNG")


def test_an_arm_that_comes_later_takes_the_others_from_the_cache(right, helped, judge, place):
    tuned = set((place / "cache" / "tuned").iterdir())
    more = judge(right, arms=["random", "longest", "untuned"])
    added = [path for path in (place / "cache" / "tuned").iterdir() if path not in tuned]
    assert len([path for path in added if path.is_dir()]) == 1
    before, after = (v["measures"]["loss"]["by_set"]["all"] for v in (helped, more))
    assert after["comparisons"][0] == {
        **before["comparisons"][0], "p_holm": after["comparisons"][0]["p_holm"]
    }  # fmt: skip
    assert [c["against"] for c in after["comparisons"]] == ["random", "longest", "untuned"]
    assert more["arms"]["untuned"]["draws"] == []


def test_a_reward_model_that_selected_is_told_not_to_be_independent(make_run, judge, place):
    models = [str(tiny_bert(place / name)) for name in ("one", "two")]
    (place / "two" / "README.txt").write_text("another")  # of other content, so another model
    run = make_run("right", "rewarded", quality=f"reward-model:model={models[0]}")
    measures = ["loss", *(f"reward:model={model}" for model in models)]
    made = judge(run, measures=measures, overrides=["generation.max_new_tokens=4"])
    found = [measure["independent"] for measure in made["measures"].values()]
    assert found == [True, False, True]
    told = [note for note in made["notes"] if "not independent" in note]
    assert told == [f"{measures[1]} is not independent: its model also made the selection"]


def test_a_judge_that_babbles_is_counted_and_decides_nothing(right, judge, place):
    babbling = f"judge:generator=hf,model={place / 'model'},opponent=references,max_new_tokens=4"
    made = judge(right, measures=[babbling], overrides=["generation.max_new_tokens=4"])
    assert made["word"] == "no evidence"
    equal, plain = made["measures"].values()
    assert (equal["words"], plain["words"]) == tuple(
        f"pairwise judge: win rate against the references, {how}"
        for how in ("at equal length", "as judged")
    )
    models = 4
    assert plain["counts"] == {
        "asked": 24 * models, "judged": 24 * models, "retried": 48 * models,
        "ties_unparsed": 48 * models,
    }  # fmt: skip
    assert set(plain["by_set"]["all"]["means"].values()) == {0.5}


def test_what_cannot_be_judged_is_told_at_once(right, judge, place, tmp_path):
    (tmp_path / "bare.jsonl").write_text('{"instruction": "name a colour"}\n' * 3)
    with pytest.raises(SettingsError, match="give prompts with references"):
        judge(right, prompts=tmp_path / "bare.jsonl")
    with pytest.raises(RunFolderError, match="holds no run"):
        judge(tmp_path)
    with pytest.raises(SettingsError, match="`draws` 0"):
        judge(right, draws=0)
    (tmp_path / "pool.jsonl").write_text((place / "right.jsonl").read_text().replace("d d", "c c"))
    with pytest.raises(DataError, match="not those of the run: 600 rows were read then, 600 now"):
        judge(right, data=tmp_path / "pool.jsonl")
