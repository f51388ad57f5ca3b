"""What a person meets on the command line, mistakes included."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from conftest import TOY

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
         "cannot load the model './no/model'"),
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
