"""What came out is composed: words by set, pairs at equal length, what is missing in the notes."""

from io import BytesIO
from types import SimpleNamespace

import numpy as np

from mods import Scale
from mods.judging.page import page
from mods.judging.picture import draw_picture
from mods.verdicts.measures.measure import Counts
from mods.verdicts.outcome import compose, measured
from mods.verdicts.trial import Found

RNG = np.random.default_rng(0)


def made_plan(sizes):
    sets = [
        SimpleNamespace(name=f"set-{i}", prompts=range(n), as_dict=lambda n=n: {"prompts": n})
        for i, n in enumerate(sizes)
    ]
    settings = SimpleNamespace(as_dict=dict)
    return SimpleNamespace(sets=sets, settings=settings, arms=[], seeds=[0])


def made_measure(name="m", better="higher"):
    scale = Scale("points", better)
    return SimpleNamespace(
        name=name, words=f"measure {name}", scale=scale, lacks="no references", independent=True,
        as_dict=lambda: {"words": f"measure {name}", "unit": "points", "better": better,
                         "range": [None, None]},
    )  # fmt: skip


def values(effect=0.0, prompts=60):
    base = RNG.standard_normal(prompts)

    def arm(add, draws):
        return base + add + 0.1 * RNG.standard_normal((draws, 1, prompts))

    return {"selection": arm(effect, 1), "random": arm(0, 3)}


def composed(plan, measures, found):
    plan.measures = measures
    run = {"folder_name": "run", "rows": 3}
    return compose(plan, found, measures[0].name, run, {}, ["first"], {})


def test_the_word_is_that_of_the_primary_measure_over_all_sets():
    found = {"m": Found(values(2.0), Counts(60, 60)), "n": Found(values(-2.0), Counts(60, 60))}
    made = composed(made_plan([40, 20]), [made_measure("m"), made_measure("n")], found)
    assert made["word"] == "helped"
    assert made["measures"]["n"]["by_set"]["all"]["word"] == "hurt"
    assert list(made["measures"]["m"]["by_set"]) == ["set-0", "set-1", "all"]


def test_lower_is_better_turns_the_word_and_neither_gives_none():
    found = {"m": Found(values(2.0), Counts(60, 60))}
    assert composed(made_plan([60]), [made_measure(better="lower")], found)["word"] == "hurt"
    told, _ = measured(made_measure(better=None), found["m"], made_plan([60]))["m"]
    assert told["by_set"]["all"]["word"] is None


def test_pairs_are_judged_at_equal_length_and_shown_as_judged_besides():
    rng = np.random.default_rng(1)
    longer = {"selection": rng.standard_normal((1, 1, 300)) + 0.8,
              "random": rng.standard_normal((3, 1, 300))}  # fmt: skip
    outcomes = {arm: (x > 0).astype(float) for arm, x in longer.items()}  # longer always wins
    found = {"m": Found(outcomes, Counts(300, 300), longer)}
    made = composed(made_plan([300]), [made_measure()], found)
    assert made["word"] == "no evidence"
    assert made["measures"]["m"]["words"].endswith("at equal length")
    assert made["measures"]["m as judged"]["by_set"]["all"]["word"] == "helped"


def test_what_is_missing_and_what_could_not_be_read_stand_in_the_notes():
    some = values(2.0)
    for arm in some.values():
        arm[..., 40:] = np.nan
    found = {"m": Found(some, Counts(60, 40, 5, 3))}
    notes = composed(made_plan([40, 20]), [made_measure()], found)["notes"]
    assert notes[0] == "first"
    assert "m: 20 of 60 have no number" in notes
    assert "set-1 is not measured by m: no references" in notes
    assert any("3 times the judge said nothing that can be read" in note for note in notes)


def test_where_nothing_can_be_said_there_is_no_evidence_and_the_others_stand():
    nothing = {arm: np.full((1, 1, 6), np.nan) for arm in ("selection", "random")}
    found = {"m": Found(nothing, Counts(6, 0)), "n": Found(values(2.0, 6), Counts(6, 6))}
    made = composed(made_plan([6]), [made_measure(), made_measure("n")], found)
    assert made["word"] == "no evidence"
    assert made["reason"].startswith("nothing can be said: m: 6 of 6 have no number")
    assert made["measures"]["m"]["by_set"] == {}
    assert "all" in made["measures"]["n"]["by_set"]
    assert "nothing can be said" in page(made).replace("\\", "")
    draw_picture(made, BytesIO())
