"""What is reckoned from a probe."""

import pytest

from mods.selection.estimate import Estimate, Forecast, Sample, Span, Tuning


def test_a_sample_stands_for_rows_of_all_lengths_and_loading_counts_once():
    sample = Sample(rows=48, a_row=[1.0, 2.0, 6.0], tokens=50, constant=10.0)
    assert sample.seconds(100, 100).likely == 10 + 300
    assert sample.seconds(100, 0) == Span()


def test_the_range_is_wider_where_the_halves_of_the_sample_differ():
    even, odd = Sample(4, [1.0] * 4, 0, 0.0), Sample(4, [1.0, 3.0, 1.0, 3.0], 0, 0.0)
    assert (even.doubt, odd.doubt) == (0, 1.0)
    assert even.seconds(1, 1) == Span(1 / 1.2, 1.0, 1.2)
    assert odd.seconds(1, 1) == Span(1.0, 2.0, 4.0)


def forecast(selecting, whole, chosen):
    def step(seconds):
        return Estimate("quality", "score", "x", 1, 1, 0, Span.around(seconds))

    return Forecast([step(selecting / 2), step(selecting / 2)], step(whole), step(chosen), 1.0)


def test_selecting_pays_once_it_has_saved_what_it_cost():
    found = forecast(1000, whole=450, chosen=50)
    assert found.selecting.likely == 1000
    assert found.saves.likely == 400
    assert found.pays_from[1] == 3
    best, _, worst = found.pays_from
    assert best <= 3 <= worst


def test_selecting_never_pays_where_it_saves_nothing():
    assert forecast(1000, whole=40, chosen=50).pays_from[1:] == (None, None)
    assert forecast(0, whole=450, chosen=50).pays_from[1] == 1
    assert Forecast([], None, None, 0.0).saves is None


def test_tuning_grows_with_rows_and_their_length():
    tuning = Tuning(constant=5.0, a_token=0.01, tokens=200, known=True)
    whole = tuning.on("whole pool", "hf", rows=1000, longer=1.5)
    assert whole.tokens == 300_000
    assert whole.seconds.likely == pytest.approx(5 + 3000)
    assert Tuning(5.0, 2.0, 1.0, known=False).on("x", "hf", 10).tokens == 0


def test_money_is_seconds_at_a_rate_an_hour():
    told = Span(1800, 3600, 7200).as_dict(rate=2.5)
    assert told["money"] == {"low": 1.25, "likely": 2.5, "high": 5.0}
    assert Span().as_dict() == {"seconds": {"low": 0, "likely": 0, "high": 0}}
