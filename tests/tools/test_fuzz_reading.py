"""A short run of the fuzzer of the reading layer; `make fuzz` runs a million rows."""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "tools" / "fuzz_reading.py"


@pytest.fixture(scope="module")
def fuzzing():
    spec = importlib.util.spec_from_file_location("fuzz_reading", PATH)
    module = sys.modules["fuzz_reading"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_mutated_rows_of_every_format_are_accounted_for(fuzzing, monkeypatch):
    monkeypatch.setattr(fuzzing, "ROWS_A_FILE", 100)
    found = fuzzing.fuzz(5000, seed=1)
    ends = ("records", "duplicates", "broken", "rows of files refused")
    assert min(found[end] for end in ends) > 0
    assert found["rows"] == 5000


def test_the_rows_that_are_mutated_can_all_be_read(fuzzing):
    reading = fuzzing.read_rows(fuzzing.SEEDS)
    assert not reading.broken
    row = fuzzing.Mutator(random.Random(1), fuzzing.SEEDS).row()
    assert isinstance(row, dict)


def test_a_failure_keeps_its_file(fuzzing, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(fuzzing.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(fuzzing, "check", lambda reading: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fuzzing.fuzz(10, seed=3)
    (kept,) = tmp_path.glob("fuzz-3-*")
    assert str(kept) in capsys.readouterr().err
