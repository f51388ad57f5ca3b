"""Amounts of rows and of tokens."""

import pytest

from mods import SettingsError
from mods.settings.amount import Amount


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        (2000, 2000, "rows"),
        ("2000", 2000, "rows"),
        ("2_000 rows", 2000, "rows"),
        ("2k", 2000, "rows"),
        ("2M tokens", 2_000_000, "tokens"),
        ("1.5m tokens", 1_500_000, "tokens"),
        (" 500K  Tokens ", 500_000, "tokens"),
        ("1,234,567tokens", 1_234_567, "tokens"),
        ("0.0000001B tokens", 100, "tokens"),
    ],
)
def test_an_amount_is_read_and_written_so_that_it_is_read_again(text, value, unit):
    amount = Amount.parse(text, setting="budget")
    assert amount == Amount(value, unit)
    assert Amount.parse(amount.plain(), setting="budget") == amount
    assert Amount.parse(str(amount), setting="budget") == amount


def test_amounts_are_written_short():
    shown = [str(Amount(n, "tokens")) for n in (2_000_000, 1_500_000, 1_234)]
    assert shown == ["2M tokens", "1500k tokens", "1234 tokens"]
    assert Amount(2000).plain() == 2000


@pytest.mark.parametrize(
    "text", ["", "many", "2.5", "1.5 tokens", "2 M token", "2M tokens 3", True, None, [1], 2.5,
             "1e9", "nan", ",", "9" * 400, float("inf")],
)  # fmt: skip
def test_what_is_no_amount_is_refused_with_what_is_understood(text):
    with pytest.raises(SettingsError, match=r"^budget = .*: `budget` takes a number of rows"):
        Amount.parse(text, setting="budget")


@pytest.mark.parametrize("text", [0, -3, "0 tokens", "-2M tokens"])
def test_nothing_is_no_amount(text):
    with pytest.raises(SettingsError, match="at least one"):
        Amount.parse(text, setting="seeds")
