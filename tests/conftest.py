"""Fixtures of the command line; tests marked `gpu` never pass by being skipped unseen."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from mods.cli import main

TOY = Path(__file__).parent / "support" / "toy.py"


def pytest_runtest_setup(item):
    """Skip `gpu` tests without a device, loudly; with MODS_REQUIRE_GPU=1 they fail."""
    if item.get_closest_marker("gpu") is None:
        return
    from mods import _core

    if _core.cuda_device_count() > 0:
        return
    message = f"no CUDA device can be used: {_core.why_no_cuda_device()}"
    if os.environ.get("MODS_REQUIRE_GPU") == "1":
        pytest.fail(f"MODS_REQUIRE_GPU=1, but {message}")
    pytest.skip(message)


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """Away from the sources: child processes import what is installed, and leave nothing there."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def rows():
    """Forty different rows in Alpaca's fields, two of them the same."""
    nouns = ["apple", "bridge", "candle", "desert", "engine", "forest", "guitar", "harbour"]
    verbs = ["paint", "explain", "count", "describe", "compare"]
    made = [
        {"instruction": f"{verb} the {noun}", "input": "", "output": f"{noun} " * (i + j + 1)}
        for i, verb in enumerate(verbs)
        for j, noun in enumerate(nouns)
    ]
    return [*made, dict(made[3])]


@pytest.fixture
def data(tmp_path, rows):
    """The rows as JSONL, with one broken line at the end."""
    path = tmp_path / "data.jsonl"
    lines = [json.dumps(row) for row in rows]
    path.write_text(
        "\n".join(
            [*lines, '{"instruction": "cut'],
        )
        + "\n"
    )
    return path


@pytest.fixture
def mods(tmp_path, monkeypatch):
    """Call the command line in this process; returns click's result."""
    monkeypatch.setenv("MODS_CACHE", str(tmp_path / "cache"))

    def call(*arguments, code=0):
        result = CliRunner().invoke(main, [str(a) for a in arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return call


@pytest.fixture
def toy_run(tmp_path):
    """Arguments of a whole run with the toy plug-ins."""

    def arguments(data, out, *more):
        return [
            "--plugin", TOY, "run", data, "-o", out, "--recipe", "offline", "--quiet",
            "--quality", "toy-length", "--alpha", "top 30", "--embedder", "toy-letters",
            "--selector", "toy-spread", "--model", "toy", "--necessity", "toy-known",
            "--trainer", "toy-trainer", "--generator", "toy-generator",
            "--beta", "bottom 50%", "--seeds", "8", "--budget", "14", *more,
        ]  # fmt: skip

    return arguments
