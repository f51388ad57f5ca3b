"""`mods doctor`: what was built, what this machine has, what is missing."""

import json
from importlib import metadata

from mods.commands.doctor import OPTIONAL


def test_what_was_built_and_what_is_there_is_told(mods):
    found = json.loads(mods("doctor", "--json").output)
    assert set(found) == {"mods", "k-center core", "torch devices", "libraries", "optional"}
    assert found["libraries"]["numpy"] == metadata.version("numpy")
    assert found["k-center core"]["isa_chosen"] in found["k-center core"]["isa_available"]


def test_a_missing_part_comes_with_the_line_that_adds_it(mods, monkeypatch):
    def gone(package):
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "version", gone)
    told = mods("doctor").output
    assert "MISSING" in told
    for line in OPTIONAL.values():
        assert f"not installed: {line}" in told
