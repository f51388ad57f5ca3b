"""`axolotl mods …`, as axolotl calls it: a command of a click group, found by its entry point."""

import click
from click.testing import CliRunner
from support.pages import ROOT

from mods.doors.axolotl import command
from mods.settings.recipes import parse_toml


def called(*arguments):
    group = click.Group("axolotl", commands={"mods": command})
    return CliRunner().invoke(group, ["mods", *map(str, arguments)])


def test_the_entry_point_names_the_command():
    project = parse_toml((ROOT / "pyproject.toml").read_text(encoding="utf-8"), "pyproject")
    named = project["project"]["entry-points"]["axolotl.cli_commands"]
    assert named == {"mods": "mods.doors.axolotl:command"}
    assert isinstance(command, click.Command)


def test_options_of_mods_are_for_mods(toy_run, data, tmp_path):
    done = called(*toy_run(data, tmp_path / "run", "--json"))
    assert done.exit_code == 0, done.output
    assert '"selected": 14' in done.output
    assert "Usage: axolotl mods run" in called("run", "--help").output
    assert "Commands:" in called("--help").output


def test_errors_are_told_in_one_line(tmp_path):
    done = called("show", tmp_path / "none")
    assert done.exit_code == 1
    assert done.output.startswith("error: ")
    assert done.output.count("\n") == 1
