"""Options that several commands share, and settings shown as options."""

import click
import pytest
from click.testing import CliRunner

from mods import SettingsError
from mods.cli import main
from mods.commands.options import Several, TakesSeveral, as_options, parse_columns


def test_columns_are_taken_as_they_are():
    def read(text):
        return parse_columns(None, None, text)

    assert read(None) == {}
    assert read("instruction=Q, long, output= a ") == {"instruction": "Q, long", "output": " a "}
    for wrong, message in (
        ("output=a,output=b", "'output' is named twice"),
        ("output", "not FIELD=COLUMN"),
    ):
        with pytest.raises(SettingsError, match=message):
            read(wrong)


def test_settings_are_shown_as_options_and_other_words_as_they_are():
    text = "`seeds` and `embed_text`, but `name` is no setting"
    assert as_options(text) == text
    with click.Context(main):
        assert as_options(text) == "--seeds and --embed-text, but `name` is no setting"


def test_every_kind_that_a_run_chooses_has_an_option_with_its_usual_choice():
    shown = CliRunner().invoke(main, ["run", "--help"]).output
    for kind in ("quality", "embedder", "selector", "necessity", "trainer", "generator"):
        assert f"--{kind} NAME[:k=v,…]" in shown
    assert "Where the work on rows is done. [default: local]" in " ".join(shown.split())
    assert "--reader" not in shown


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("x --with a b --flag", "x | a b"),
        ("--with a b --flag x", "x | a b"),
        ("x --with a --with b y", "x | a b y"),
        ("--with a b -- x -y", "x -y | a b"),
        ("x --with=a y", "x y | a"),
        ("x --with - -", "x | - -"),
    ],
)
def test_an_option_takes_several_values_up_to_the_next_option(given, found):
    @click.command(cls=TakesSeveral)
    @click.argument("rest", nargs=-1)
    @click.option("--with", "several", cls=Several)
    @click.option("--flag", is_flag=True)
    def command(rest, several, flag):
        click.echo(f"{' '.join(rest)} | {' '.join(several)}")

    assert CliRunner().invoke(command, given.split()).output == f"{found}\n"
