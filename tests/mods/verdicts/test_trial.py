"""A verdict that is stopped in any phase goes on where it was, and ends the same."""

import os
import subprocess
import sys
from collections import Counter

import pytest
from conftest import TOY
from support.toy_verdicts import as_made, judging

KILLS = {"tune:2": 40, "losses:3": 12, "generate:5": 4, "echo:2": 4}
"""Which call is killed in a verdict, and how many rows of its kind may be lost by it."""
BROKEN = "def {0}(self, *given):\n        raise ValueError('broken')\n\n    def _{0}(self"


def spawn(arguments, **env):
    """Run `mods` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from mods.cli import main; main()", *map(str, arguments)],
        env={**os.environ, **env}, capture_output=True, text=True,
    )  # fmt: skip


def test_a_verdict_killed_in_any_phase_goes_on_to_the_same_words(toy_folder, tmp_path, mods, calls):
    calls()
    whole = spawn(judging("whole"), MODS_CACHE=str(tmp_path / "another"))
    assert whole.returncode == 0, whole.stderr
    work = Counter(kind for kind, _ in calls())
    for kill, lost in KILLS.items():
        kind = kill.split(":")[0]
        env = {"MODS_CACHE": str(tmp_path / kind)}
        killed = spawn(judging(f"{kind}-out"), MODS_TOY_KILL=kill, **env)
        assert killed.returncode == -9, killed.stderr
        assert not (tmp_path / f"{kind}-out" / "verdict.json").exists()
        done = spawn(judging(f"{kind}-out"), **env)
        assert done.returncode == 0, done.stderr
        assert as_made(tmp_path / f"{kind}-out") == as_made(tmp_path / "whole")
        again = Counter(kind for kind, _ in calls()) - work
        assert set(again) <= {kind}
        assert again[kind] <= lost


@pytest.mark.parametrize("method", ["train", "answers", "losses"])
def test_a_failure_in_any_phase_is_told_and_the_next_call_goes_on(
    toy_folder, tmp_path, mods, method
):
    faulty = TOY.read_text().replace(f"def {method}(self", BROKEN.format(method))
    assert faulty != TOY.read_text()
    folder = tmp_path / "faulty"
    folder.mkdir()
    (folder / "toy.py").write_text(faulty)
    broken = [folder / "toy.py" if part == TOY else part for part in judging()]
    told = mods(*broken, code=1).output
    assert "toy-" in told
    assert "failed: ValueError: broken" in told
    assert not (tmp_path / "verdict" / "verdict.json").exists()
    mods(*judging())
    assert as_made(tmp_path / "verdict")["status"] == "done"


def test_what_is_done_is_not_done_again(toy_folder, tmp_path, mods, calls):
    mods(*judging())
    before = as_made(tmp_path / "verdict")
    calls()
    mods(*judging())
    assert calls() == []
    assert as_made(tmp_path / "verdict") == before
