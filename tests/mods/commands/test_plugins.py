"""`mods plugins`: what can be chosen, and where it comes from."""

import json

from conftest import TOY


def test_plugins_are_listed_with_package_version_and_options(mods):
    listed = json.loads(mods("--plugin", TOY, "plugins", "--json").output)
    toy = next(row for row in listed if row["name"] == "toy-trainer")
    assert (toy["kind"], toy["package"], toy["module"]) == ("trainer", "toy.py", str(TOY))
    assert toy["version"].startswith("sha256:")
    assert toy["options"] == ["model", "seed"]
    kcenter = next(row for row in listed if row["name"] == "kcenter")
    assert (kcenter["kind"], kcenter["package"]) == ("selector", "mods")


def test_a_person_reads_a_line_a_plugin(mods):
    lines = mods("--plugin", TOY, "plugins").output.splitlines()
    (toy,) = [line for line in lines if "toy-generator" in line]
    assert toy.split()[:3] == ["generator", "toy-generator", "toy.py"]
