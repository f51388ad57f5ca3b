"""The picture of a verdict: every effect where it is, whatever the numbers are."""

from io import BytesIO

import pytest
from matplotlib.figure import Figure
from support.verdicts import SETS, verdict

from mods.judging.picture import draw_measure, draw_picture


@pytest.fixture(scope="module")
def made():
    return verdict()


def drawn(made):
    file = BytesIO()
    draw_picture(made, file)
    return file.getvalue()


def test_the_same_verdict_is_the_same_picture(made):
    assert drawn(made) == drawn(made)
    assert drawn(made).startswith(b"\x89PNG")


def test_every_arm_and_set_has_its_dot_at_its_effect(made):
    axes = Figure().subplots()
    measure = made["measures"]["loss"]
    draw_measure(axes, measure, ["selection", "longest"], ["all", *SETS])
    dots = [
        float(line.get_xdata()[0])
        for line in axes.lines
        if line.get_marker() == "o" and len(line.get_xdata()) == 1
    ]
    found = [
        c["effect"]
        for name in ("all", *SETS)
        for c in (
            measure["by_set"][name]["comparisons"][0],
            next(c for c in measure["by_set"][name]["others"] if c["arm"] == "longest"),
        )
    ]
    assert dots == pytest.approx(found)
    assert axes.get_xlim()[0] < 0 < axes.get_xlim()[1]
    assert "better →" in axes.get_xlabel()
    assert measure["by_set"]["all"]["word"] in axes.get_title()


def test_an_arm_far_away_does_not_squeeze_the_others(made):
    axes = Figure().subplots()
    arms = [arm for arm in made["arms"] if arm != "random"]
    draw_measure(axes, made["measures"]["loss"], arms, ["all"])
    low, high = axes.get_xlim()
    untuned = made["measures"]["loss"]["by_set"]["all"]["others"][-1]
    assert untuned["arm"] == "untuned"
    assert untuned["effect"] < low
    assert high < 0.6
    assert any(text.get_text() == f"{untuned['effect']:+.3g}" for text in axes.texts)


@pytest.mark.parametrize("words", ["$x$ and $\\alpha", "\x1b[31mred\nline", "随机抽取", ""])
def test_any_words_can_be_drawn(made, words):
    arms = {**made["arms"], "longest": {**made["arms"]["longest"], "words": words}}
    assert drawn({**made, "arms": arms, "reason": words})


def test_nothing_to_draw_is_still_a_picture(made):
    nothing = {"word": "no evidence", "reason": "", "means": {}, "intervals": {}, "comparisons": []}
    loss = {**made["measures"]["loss"], "by_set": {"vicuna": nothing}}
    assert drawn({**made, "measures": {"loss": loss}})
    assert drawn({**made, "measures": {}, "word": None})
