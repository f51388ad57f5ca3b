"""What a cache holds, file by file, and how it is emptied."""

import os
import time
from contextlib import closing

import pytest

from mods import CacheError
from mods.work.housekeeping import clear, damaged_rows, entries
from mods.work.store import Store


@pytest.fixture
def cache(tmp_path):
    """A cache with a file of three results and the weights of a model."""
    with closing(Store(tmp_path, "embedding-toy-letters", {"a": 1})) as store:
        store.put([(key, b"1") for key in "xyz"])
    weights = tmp_path / "tuned" / "abc"
    weights.mkdir(parents=True)
    (weights / "tuning.json").write_text('{"model": {"model": "org/model"}}')
    return tmp_path


def test_entries_say_what_they_are(cache):
    results, weights = entries(cache)
    assert (results.kind, results.plugin, results.rows) == ("embedding", "toy-letters", 3)
    assert (weights.kind, weights.plugin, weights.rows) == ("weights", "org/model", 0)
    assert results.bytes == results.path.stat().st_size
    assert weights.bytes == (weights.path / "tuning.json").stat().st_size


def test_what_cannot_be_read_is_listed_as_such(cache):
    results, _ = entries(cache)
    results.path.write_bytes(b"not a database" * 100)
    assert next(entries(cache)).plugin == "toy-letters (cannot be read)"
    damaged, wrong = damaged_rows(results.path)
    assert damaged == 0
    assert "not a database" in wrong


def test_only_what_is_old_enough_is_removed_with_its_side_files(cache):
    results, weights = entries(cache)
    results.path.with_suffix(".lease").write_bytes(b"")
    old = time.time() - 10 * 86_400
    os.utime(results.path, (old, old))
    assert clear(cache, older_than_days=9) == (1, results.bytes)
    assert [entry.kind for entry in entries(cache)] == ["weights"]
    assert not list(cache.glob("embedding*"))
    assert clear(cache) == (1, weights.bytes)
    assert list(entries(cache)) == []


def test_a_cache_that_cannot_be_looked_into_is_told(cache, monkeypatch):
    def denied(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(cache), "stat", denied)
    with pytest.raises(CacheError, match="cannot be read: Permission denied"):
        list(entries(cache))
