"""Every way to bring a plug-in, and what is told of one that cannot be loaded."""

import json
import subprocess
import sys
import zipfile

import pytest
from conftest import TOY

from mods import PluginError
from mods.plugins.loading import load_plugins, plugins_of
from mods.plugins.origin import Sources

SCORER = """
from mods import hookimpl

class Mine:
    def score(self, records):
        return [1.0] * len(records)

@hookimpl
def {hook}({parameter}):
    register("mine", Mine)
"""


def scorer(hook="register_quality_scorers", parameter="register"):
    return SCORER.format(hook=hook, parameter=parameter)


def load(*files, folders=()):
    return load_plugins(Sources(files, folders, defaults=()))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("import no_such_module", "ModuleNotFoundError"),
        ("raise SystemExit('no')", "SystemExit: no"),
        ("def f(:", "SyntaxError"),
        ("x = 1", "implements no hook: put @hookimpl"),
        (scorer(hook="register_quality_scorer"),
         "'register_quality_scorer', which is no hook (did you mean 'register_quality_scorers'?)"),
        (scorer(parameter="regster"),
         "a hook that does not fit, register_quality_scorers(regster): Argument(s) {'regster'}"),
        (scorer().replace("@hookimpl", "@hookimpl(wrapper=True)"), "a hook that does not fit"),
        (scorer().replace('"mine"', '"a b"'), "a name is made of letters"),
        (scorer().replace('"mine", Mine', '"mine", 3'), "expected a class or function"),
    ],
)  # fmt: skip
def test_a_broken_plugin_file_is_named_with_what_is_wrong(content, message, tmp_path):
    path = tmp_path / "broken.py"
    path.write_text(content)
    with pytest.raises(PluginError) as error:
        load(path)
    assert str(path) in str(error.value)
    assert message in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(PluginError, match=r"`plugin` .*none\.py: No such file"):
        load(tmp_path / "none.py")
    with pytest.raises(PluginError, match=r"`plugins-dir` .*none: not a folder"):
        load(folders=(tmp_path / "none",))


def test_a_folder_gives_its_files_but_not_their_helpers(tmp_path):
    (tmp_path / "one.py").write_text("from _words import NAME\n" + scorer())
    (tmp_path / "_words.py").write_text("NAME = 1\n")
    registry = load(tmp_path / "one.py", folders=(tmp_path,))
    assert [plugin.name for plugin in registry] == ["mine"]
    before = registry.get("quality", "mine").origin.version
    (tmp_path / "_words.py").write_text("NAME = 2\n")
    sys.modules.pop("_words")
    assert load(tmp_path / "one.py").get("quality", "mine").origin.version != before


def test_plugins_are_loaded_once_a_process_for_work_from_elsewhere():
    assert plugins_of(Sources((TOY,), defaults=())) is plugins_of(Sources((TOY,), defaults=()))


def wheel(path, name, entries):
    """Write a wheel of one module with entry points."""
    info = f"{name}-1.5.dist-info"
    with zipfile.ZipFile(path / f"{name}-1.5-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", scorer())
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/entry_points.txt", f"[mods]\n{entries}\n")
        file.writestr(f"{info}/RECORD", "")
    return path / f"{name}-1.5-py3-none-any.whl"


@pytest.mark.parametrize(
    "entries", ["mine = my_scorer", "a = my_scorer\nb = my_scorer"], ids=["once", "twice"]
)
def test_a_plugin_from_an_installed_package_is_found(entries, tmp_path):
    """A wheel with an entry point, installed the real way into a folder of its own."""
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    made = wheel(tmp_path, "my_scorer", entries)
    subprocess.run([*pip, "--target", str(site), str(made)], check=True, capture_output=True)
    code = (
        "import sys, json; sys.path.insert(0, sys.argv.pop(1))\n"
        "from mods.plugins.loading import load_plugins, Sources\n"
        "print(json.dumps([vars(p.origin) for p in load_plugins(Sources(defaults=()))]))"
    )
    listed = subprocess.run(
        [sys.executable, "-c", code, str(site)], capture_output=True, text=True, check=True
    )
    (origin,) = json.loads(listed.stdout)
    assert origin == {"module": "my_scorer", "package": "my_scorer", "version": "1.5"}
