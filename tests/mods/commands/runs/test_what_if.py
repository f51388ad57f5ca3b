"""`mods what-if`: the numbers in a terminal, exact or said to be an estimate."""

import json


def test_what_would_be_selected_is_told(data, mods, toy_run, tmp_path):
    run = tmp_path / "run"
    given = toy_run(data, run)
    plugin = given[:2]
    mods(*given)
    told = mods(*plugin, "what-if", run, "--budget", 12).output
    assert "selected                 14           12" in told
    assert "2 rows go: " in told
    assert "exact: a run selects these rows" in told
    told = mods(*plugin, "what-if", run, "--alpha", "top 20").output
    assert "estimate: the model would be tuned on other seeds" in told
    found = json.loads(mods(*plugin, "what-if", run, "--seeds", 6, "--budget", 6, "--json").output)
    assert (found["exact"], found["rows"]["selected"]) == (True, 6)
    assert (
        "no selection: 35 seeds"
        in mods(*plugin, "what-if", run, "--seeds", 35, "--budget", 40).output
    )
    refused = mods(*plugin, "what-if", run, "--budget", 2, code=1).output
    assert "--budget 2 is below --seeds 8" in refused
