"""The settings of tuning and generation: each has limits, and the defaults keep them."""

from dataclasses import asdict

import pytest

from mods import SettingsError
from mods.settings.layers import checked
from mods.settings.options import Generation, Tuning


@pytest.mark.parametrize("kind", [Tuning, Generation])
def test_the_defaults_keep_their_own_limits(kind):
    assert checked(kind, asdict(kind()), "") == kind()


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Tuning, {"epochs": 0}),
        (Tuning, {"warmup": 1}),
        (Tuning, {"lora_dropout": -0.1}),
        (Tuning, {"max_length": 1}),
        (Generation, {"temperature": -1}),
        (Generation, {"max_new_tokens": 0}),
    ],
)
def test_a_value_out_of_range_is_named_with_its_limit(kind, values):
    (name,) = values
    with pytest.raises(SettingsError, match=rf"here\.{name} = .*: Input should be"):
        checked(kind, values, "here.")
