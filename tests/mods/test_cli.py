"""What a person meets on the command line, mistakes included."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from conftest import TOY, toy_arguments

from mods.cli import main
from mods.commands.options import as_options


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "nowhere.jsonl", "-o", "RUN", "--recipe", "offline"], 1, "nowhere.jsonl"),
        (["run", "{data}", "-o", "RUN"], 1, "name it with --model"),
        (["run", "{data}"], 2, "Missing option '--output'"),
        (["run", "{data}", "-o", "RUN", "--recipe", "offlin"], 1, "did you mean 'offline'"),
        (["run", "{data}", "-o", "RUN", "--recipe", "offline", "--quality", "rewardmodel"], 1,
         "did you mean 'reward-model'"),
        (["run", "{data}", "-o", "RUN", "--recipe", "offline", "--executor", "locl"], 1,
         "did you mean 'local'"),
        (["run", "{data}", "-o", "RUN", "--alpha", "top30%"], 1, "--alpha 'top30%'"),
        (["run", "{data}", "-o", "RUN", "--recipe", "offline", "--seeds", "9", "--budget", "8"], 1,
         "--budget 8 is below --seeds 9"),
        (["run", "{data}", "-o", "RUN", "--recipe", "offline", "--set", "seeds=1"], 1,
         "--set seeds=1: expected STAGE.OPTION=VALUE"),
        (["run", "{data}", "-o", "{data}", "--recipe", "offline", "--seeds", "2", "--budget", "2"],
         1, "--output {data}: a file is in the way"),
        (["run", "{data}", "{data}", "-o", "RUN", "--recipe", "offline"], 1, "given twice"),
        (["score", "{data}", "--quality", "random:sed=1", "-o", "s"], 1, "did you mean 'seed'"),
        (["run", "{data}", "-o", "RUN", "--recipe", "offline", "--model", "./no/model"], 1,
         "./no/model: there is no such folder or file"),
        (["run", "{data}", "-o", "RUN", "--recipe", "offline", "--necessity", "los"], 1,
         "did you mean 'loss'"),
        (["why", "RUN", "1"], 1, "holds no run"),
        (["--plugin", "none.py", "plugins"], 1, "--plugin {here}/none.py: No such file"),
        (["--plugin", "none.py", "--help"], 1, "--plugin {here}/none.py: No such file"),
        (["--plugins-dir", "none", "plugins"], 1, "--plugins-dir {here}/none: not a folder"),
        (["runn"], 2, "No such command"),
    ],
)  # fmt: skip
def test_mistakes_end_with_one_helpful_line(arguments, code, message, data, mods):
    result = mods(*[a.format(data=data) for a in arguments], code=code)
    assert message.format(data=data, here=Path.cwd()) in result.output
    assert "Traceback" not in result.output
    with click.Context(main):
        assert as_options(result.output) == result.output


def test_a_command_of_a_plugin_is_listed_and_works(mods):
    assert "hello from a plug-in" in mods("--plugin", TOY, "toy-hello").output
    assert "toy-hello" in mods("--plugin", TOY, "--help").output


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_under_standard_output_is_one_line():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "mods", "plugins"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr == "error: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError("3 GB"), "error: out of memory: 3 GB; use fewer rows"),
        (RecursionError(), "error: something in the input is nested too deeply"),
        (RuntimeError("can't start new thread"), "error: the system starts no more threads"),
        (OSError(errno.EIO, "Input/output error"), "error: the output cannot be written: Input"),
    ],
)
def test_what_is_no_mistake_of_the_program_is_told_in_a_line(error, told, mods, monkeypatch):
    def fails(*_):
        raise error

    monkeypatch.setattr("mods.commands.doctor.examine", fails)
    output = mods("doctor", code=1).output
    assert told in output
    assert "Traceback" not in output


def test_a_bug_keeps_its_traceback(mods, monkeypatch):
    monkeypatch.setattr("mods.commands.doctor.examine", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        mods("doctor")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_run_says_that_it_goes_on(number, code, data, tmp_path):
    stops = tmp_path / "stops.py"
    stops.write_text(STOPS.format(number=int(number)))
    run = [*toy_arguments(data, tmp_path / "run", "--quality", "stops", plugins=(TOY, stops))]
    done = subprocess.run(
        [sys.executable, "-m", "mods", *map(str, run)],
        env={**os.environ, "MODS_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert done.returncode == code, done.stderr
    assert "interrupted: finished batches are kept, the same command goes on" in done.stderr
    assert "Traceback" not in done.stderr


STOPS = """
import os
from mods import hookimpl

class Stops:
    def score(self, records):
        os.kill(os.getpid(), {number})
        return [0.0] * len(records)

@hookimpl
def register_quality_scorers(register):
    register("stops", Stops)
"""


def test_the_command_line_starts_without_anything_heavy():
    code = (
        "import sys; from mods.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'transformers', 'peft', 'numpy', 'sklearn', 'pyarrow', 'pydantic'}"
        " & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[-1] == "[]"


def test_names_of_files_that_are_no_utf8_work_from_reading_to_the_story(mods, toy_run, rows):
    name = os.fsdecode(b"d\xff.jsonl")
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    mods(*toy_run(name, "RUN"))
    for row in ("3", f"{name}:3"):
        assert r"d\udcff.jsonl:3  " in mods("why", "RUN", row).output
    scored = mods(
        "--plugin", TOY, "score", name, "--quality", "toy-length", "-o", "s.parquet", "-q"
    )
    assert "41 rows, 41 scored" in scored.output
