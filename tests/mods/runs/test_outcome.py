"""What `mods what-if` tells adds up."""

import pytest

from mods import SettingsError
from mods.runs.outcome import outcome_of


def test_what_comes_and_goes_is_the_difference_to_the_run(select, registry, rows, tmp_path):
    select(output=tmp_path / "run")
    found = outcome_of(tmp_path / "run", {"budget": 20, "beta": "bottom 80%"}, registry)
    assert found["exact"]
    assert found["asked"] == {"alpha": "top 30", "beta": "bottom 80%", "seeds": 8, "budget": 20}
    assert found["rows"]["selected"] == 20
    assert found["in this run"]["selected"] == 14
    assert len(found["enter"]) - len(found["leave"]) == 6
    assert found["sources"] == {"<python>": 20}
    real = select(budget=20, beta="bottom 80%")
    assert found["rows"]["characters"] == sum(len(row["output"]) for row in real.rows)
    guess = outcome_of(tmp_path / "run", {"beta": "bottom 80%"}, registry, estimate=True)
    assert not guess["exact"]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"seeds": 0}, "at least one seed"),
        ({"budget": 3}, "below `seeds` 8"),
        ({"alpha": "x"}, "`alpha`"),
    ],
)
def test_settings_without_sense_are_refused(wanted, message, select, registry, tmp_path):
    select(output=tmp_path / "run")
    with pytest.raises(SettingsError, match=message):
        outcome_of(tmp_path / "run", wanted, registry)
