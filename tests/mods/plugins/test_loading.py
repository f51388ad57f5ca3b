"""Every hook, every way to bring a plug-in, and every rule a plug-in can break."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import TOY

from mods import PluginError, SettingsError, hookspecs
from mods.plugins import HOOKS, Choice, load_plugins

SCORER = """
from mods import hookimpl

class Mine:
    def score(self, records):
        return {result}

@hookimpl
def {hook}(register):
    register("mine", Mine)
"""


@pytest.fixture
def write(tmp_path):
    """Write a plug-in file with a scorer; returns its path."""

    def plugin(result="[1.0] * len(records)", hook="register_quality_scorers", name="mine.py"):
        path = tmp_path / name
        path.write_text(SCORER.format(result=result, hook=hook))
        return path

    return plugin


def test_the_toy_plugin_uses_every_hook_and_all_are_found():
    registry = load_plugins(files=[TOY])
    found = {(p.kind, p.name) for p in registry if p.origin.module == str(TOY)}
    assert {kind for kind, _ in found} == set(HOOKS)
    assert list(registry.commands([]).commands) == ["toy-hello"]
    specified = {name for name in dir(hookspecs) if name.startswith("register_")}
    assert specified == {*HOOKS.values(), "register_commands"}


def test_a_reader_and_a_command_of_a_plugin_work(tmp_path, mods):
    (tmp_path / "a.lines").write_text("one\ntwo\n")
    out = tmp_path / "s.parquet"
    mods("--plugin", TOY, "score", tmp_path / "a.lines", "--quality", "toy-length", "-o", out)
    assert "hello from a plug-in" in mods("--plugin", TOY, "toy-hello").output
    assert "toy-hello" in mods("--plugin", TOY, "--help").output


def test_a_ten_line_scorer_works_from_a_folder(write, data, tmp_path, mods):
    write("[float(len(r.response)) for r in records]")
    out = tmp_path / "scores.parquet"
    result = mods(
        "--plugins-dir", tmp_path, "score", data, "--quality", "mine", "-o", out, "--json"
    )
    assert json.loads(result.stdout) == {"output": str(out), "rows": 42, "scored": 41}


def test_a_plugin_from_an_installed_package_is_found(tmp_path, data):
    """A wheel with an entry point, installed the real way into a folder of its own."""
    wheel, site = tmp_path / "my_scorer-1.5-py3-none-any.whl", tmp_path / "site"
    with zipfile.ZipFile(wheel, "w") as file:
        info = "my_scorer-1.5.dist-info"
        file.writestr(
            "my_scorer.py",
            SCORER.format(result="[2.0] * len(records)", hook="register_quality_scorers"),
        )
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: my-scorer\nVersion: 1.5\n")
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/entry_points.txt", "[mods]\nmine = my_scorer\n")
        file.writestr(f"{info}/RECORD", "")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(site), str(wheel)], check=True, capture_output=True)
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from mods.cli import main; main()"
    listed = subprocess.run(
        [sys.executable, "-c", code, str(site), "plugins", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    mine = next(row for row in json.loads(listed.stdout) if row["name"] == "mine")
    assert (mine["package"], mine["version"]) == ("my-scorer", "1.5")


@pytest.mark.parametrize(
    ("result", "rule"),
    [
        ("[1.0]", "returned 1 scores for 40 records"),
        ("[float('nan')] * len(records)", "scores must be finite"),
        ("['good'] * len(records)", "expected a float"),
        ("[True] * len(records)", "expected a float"),
        ("1.0", "expected one float per record"),
        ("__import__('numpy').ones((len(records), 1))", "shape (40, 1)"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_bad_result_names_the_plugin_and_the_rule(result, rule, write, data, tmp_path, mods):
    path = write(result)
    failed = mods(
        "--plugin", path, "score", data, "--quality", "mine", "-o", tmp_path / "s", code=1
    )
    assert f"quality plug-in 'mine' ({path})" in failed.output
    assert rule in failed.output
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("import no_such_module", "ModuleNotFoundError"),
        ("def f(:", "SyntaxError"),
        ("x = 1", "implements no hook: put @hookimpl"),
        (SCORER.format(result="1", hook="register_quality_scorer"),
         "'register_quality_scorer', which is no hook (did you mean 'register_quality_scorers'?)"),
        (SCORER.format(result="1", hook="register_embedders").replace('"mine"', '"a b"'),
         "a name is made of letters"),
        (SCORER.format(result="1", hook="register_embedders").replace('"mine", Mine', '"mine", 3'),
         "expected a class or function"),
    ],
)  # fmt: skip
def test_a_broken_plugin_file_is_named_with_what_is_wrong(content, message, tmp_path):
    path = tmp_path / "broken.py"
    path.write_text(content)
    with pytest.raises(PluginError) as error:
        load_plugins(files=[path])
    assert str(path) in str(error.value)
    assert message in str(error.value)


def test_a_name_registered_twice_names_both(write):
    one, two = write(), write(result="[2.0]", name="other.py")
    with pytest.raises(PluginError, match=r"mine\.py.*other\.py"):
        load_plugins(files=[one, two])
    bad = write(name="third.py")
    bad.write_text(bad.read_text().replace('"mine"', '"random"'))
    with pytest.raises(PluginError, match="two quality plug-ins are called 'random'"):
        load_plugins(files=[bad])


def test_unknown_names_and_options_are_told_with_what_there_is():
    registry = load_plugins(files=[TOY])
    with pytest.raises(SettingsError, match=r"toy-lenght.*did you mean 'toy-length'"):
        registry.create("quality", Choice("toy-lenght"))
    with pytest.raises(SettingsError, match=r"no option 'pth' \(did you mean 'path'\?\)"):
        registry.create("model", Choice("toy-model", {"pth": "x"}))


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("mine", Choice("mine")),
        ("mine:a=1,b=x y,c=true,d=0.5", Choice("mine", {"a": 1, "b": "x y", "c": True, "d": 0.5})),
        ("mine:model=a/b,url=http://x:1/?q=1,2",
         Choice("mine", {"model": "a/b", "url": "http://x:1/?q=1,2"})),
        ("package:llm/x.gguf:dtype=bf16", Choice("package:llm/x.gguf", {"dtype": "bf16"})),
        ("./models/a:b", Choice("./models/a:b")),
    ],
)  # fmt: skip
def test_choices_are_read_as_written(text, choice):
    assert Choice.parse(text) == choice


def test_plugins_are_listed_with_package_and_version(mods):
    listed = json.loads(mods("--plugin", TOY, "plugins", "--json").output)
    toy = next(row for row in listed if row["name"] == "toy-model")
    assert toy["package"] == "toy.py"
    assert toy["version"].startswith("sha256:")
    assert toy["options"] == ["path"]
    kcenter = next(row for row in listed if row["name"] == "kcenter")
    assert (kcenter["kind"], kcenter["package"]) == ("selector", "mods")


def test_every_hook_has_a_heading_in_the_documentation():
    page = (Path(__file__).parent.parent / "docs" / "plugins.md").read_text()
    for hook in [*HOOKS.values(), "register_commands"]:
        assert f"`{hook}`" in page
