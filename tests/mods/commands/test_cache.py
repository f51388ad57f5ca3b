"""`mods cache`: what is kept between runs, whether it is sound, and how to be rid of it."""

import json
import sqlite3
from contextlib import closing

import pytest
from conftest import TOY


@pytest.fixture
def scored(mods, data, tmp_path):
    """Score with a toy plug-in, so that the cache holds something."""
    call = ["--plugin", TOY, "score", data, "--quality", "toy-length", "-o", tmp_path / "s", "-q"]
    return lambda: mods(*call)


def test_what_the_cache_holds_is_listed(mods, scored, tmp_path):
    scored()
    found = json.loads(mods("cache", "info", "--json").output)
    assert found["cache"] == str(tmp_path / "cache")
    (entry,) = found["entries"]
    assert (entry["kind"], entry["plugin"], entry["rows"]) == ("quality", "toy-length", 40)
    assert "1 entries" in mods("cache", "info").output
    assert "0 entries" in mods("cache", "info", "--cache", tmp_path / "none").output


def test_damage_is_found_and_mended_by_the_next_run(mods, scored, tmp_path):
    scored()
    assert "0 files damaged" in mods("cache", "verify").output
    (file,) = (tmp_path / "cache").glob("*.sqlite")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(
            "UPDATE results SET value = x'00' WHERE id = (SELECT min(id) FROM results)"
        )
        connection.commit()
    told = json.loads(mods("cache", "verify", "--json", code=1).output)
    assert [(f["path"], f["damaged"]) for f in told["damaged"]] == [(str(file), 1)]
    scored()
    assert "0 files damaged" in mods("cache", "verify").output


def test_clearing_asks_and_takes_only_what_is_old_enough(mods, scored, tmp_path, calls):
    scored()
    mods("cache", "clear", code=1)  # nobody says yes
    assert "0 entries removed" in mods("cache", "clear", "--yes", "--older-than", "1").output
    calls()
    scored()
    assert calls() == []
    assert "1 entries removed" in mods("cache", "clear", "--yes").output
    assert not list((tmp_path / "cache").glob("quality*"))
    scored()
    assert len(calls()) == 40
