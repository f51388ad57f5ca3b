"""Fixtures of the command line; tests marked `gpu` never pass by being skipped unseen."""

import importlib.util
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from mods.api.select import run as run_stages
from mods.cli import main
from mods.plugins.loading import load_plugins
from mods.plugins.origin import Origin, Sources
from mods.plugins.part import Part
from mods.progress import Progress
from mods.settings.choice import Choice
from mods.settings.layers import make_settings
from mods.settings.recipes import load_recipe
from mods.work.work import Work
from mods_plugins.hf import devices

TOY = Path(__file__).parent / "support" / "toy.py"
LOCAL = TOY.with_name("local.py")
HERE = Origin("this test", "tests", "1")
"""Where a plug-in comes from that a test registers itself: `registry.register(kind, HERE, …)`."""
TOY_RUN = {
    "quality": "toy-length", "alpha": "top 30", "embedder": "toy-letters",
    "selector": "toy-spread", "model": "toy", "necessity": "toy-known",
    "trainer": "toy-trainer", "generator": "toy-generator", "beta": "bottom 50%",
    "seeds": 8, "budget": 14,
}  # fmt: skip
"""The settings of a whole run with the toy plug-ins."""


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


@pytest.fixture(autouse=True, scope="session")
def same_number_format():
    """Compute in float32 on every CPU: what `auto` means must not decide whether a test passes."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(devices, "CPU_BFLOAT16", ())
        yield


def make_rows():
    """Forty different rows in Alpaca's fields, and the fourth once more."""
    nouns = ["apple", "bridge", "candle", "desert", "engine", "forest", "guitar", "harbour"]
    verbs = ["paint", "explain", "count", "describe", "compare"]
    made = [
        {"instruction": f"{verb} the {noun}", "input": "", "output": f"{noun} " * (i + j + 1)}
        for i, verb in enumerate(verbs)
        for j, noun in enumerate(nouns)
    ]
    return [*made, dict(made[3])]


def write_rows(path):
    """Write the rows as JSONL, with one broken line at the end; returns the path."""
    lines = [json.dumps(row) for row in make_rows()]
    path.write_text("\n".join([*lines, '{"instruction": "cut']) + "\n")
    return path


def toy_arguments(data, out, *more, plugins=(TOY,)):
    """Arguments of a whole run with the toy plug-ins."""
    files = [part for file in plugins for part in ("--plugin", file)]
    given = [part for name, value in TOY_RUN.items() for part in (f"--{name}", value)]
    return [*files, "run", data, "-o", out, "--recipe", "offline", "-q", *given, *more]


@pytest.fixture
def rows():
    """Forty different rows in Alpaca's fields, and the fourth once more."""
    return make_rows()


@pytest.fixture
def data(tmp_path):
    """The rows as JSONL, with one broken line at the end."""
    return write_rows(tmp_path / "data.jsonl")


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
def toy_run():
    """Arguments of a whole run with the toy plug-ins."""
    return toy_arguments


@pytest.fixture
def registry():
    """The toy plug-ins and an executor; none of the default plug-ins."""
    return load_plugins(Sources(files=(TOY, LOCAL), defaults=()))


@pytest.fixture
def toy_settings():
    """Settings of a whole run with the toy plug-ins, some of them changed."""

    def settings(**changed):
        given = {**TOY_RUN, **changed}
        return make_settings(("offline", load_recipe("offline")), ("this test", given))

    return settings


@pytest.fixture
def select(rows, registry, toy_settings, tmp_path):
    """A whole run with the plug-ins of `registry`, as `mods.select` and `mods run` do it."""

    def run(data=None, *, output=None, cache=None, overwrite=False, progress=None, **changed):
        return run_stages(
            rows if data is None else data, toy_settings(**changed), registry,
            cache=cache or tmp_path / "cache", progress=progress or Progress(quiet=True),
            output=output, strict=False, overwrite=overwrite,
        )  # fmt: skip

    return run


@pytest.fixture
def work(registry, tmp_path):
    """Work in this process, with a cache of its own."""
    executor = Part.choose(registry, "executor", Choice("local"), {})
    return Work(tmp_path / "cache", Progress(quiet=True), executor)


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """What the toy plug-ins were called with since last asked: (kind, row), in order."""
    log = tmp_path / "toy.log"
    monkeypatch.setenv("MODS_TOY_LOG", str(log))

    def made():
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [tuple(line.split(" ", 1)) for line in lines]

    return made


@pytest.fixture(scope="module")
def cluster():
    """A Ray cluster of two nodes with a CPU each; see `support.ray_cluster`."""
    if importlib.util.find_spec("ray") is None:  # it is to be imported later, when it can be told
        pytest.skip("needs the extra `ray`")  # to listen on 127.0.0.1 only
    from support.ray_cluster import running

    with running() as made:
        yield made
