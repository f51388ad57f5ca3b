"""One family of errors, all of which a user can fix."""

from __future__ import annotations

import pytest

import mods
from mods import errors

FAMILY = [
    error
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, errors.ModsError)
]


def test_the_family_is_what_the_package_offers() -> None:
    assert len(FAMILY) == 7
    assert all(getattr(mods, error.__name__) is error for error in FAMILY)
    assert all(error.__doc__ for error in FAMILY)


@pytest.mark.parametrize("error", FAMILY)
def test_a_place_before_the_message_keeps_the_class(error: type[errors.ModsError]) -> None:
    told = error("no vectors").within("selector 'kcenter'")
    assert type(told) is error
    assert str(told) == "selector 'kcenter': no vectors"
    assert str(told.within("run")) == "run: selector 'kcenter': no vectors"
