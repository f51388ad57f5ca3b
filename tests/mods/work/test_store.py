"""The cache: a file an identity, all of a batch or nothing, no row that was changed meanwhile."""

import sqlite3
from contextlib import closing

import pytest

from mods import CacheError, PluginError
from mods.work.store import Store, digest


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "new", "scores", {"a": 1})
    yield store
    store.close()


def test_results_are_kept_by_identity(store, tmp_path):
    ids = [str(i) for i in range(1200)]
    store.put((i, i.encode()) for i in ids)
    again, other = (
        Store(tmp_path / "new", "scores", identity) for identity in ({"a": 1}, {"a": 2})
    )
    assert again.get([*ids, "unknown"]) == {i: i.encode() for i in ids}
    assert other.get(ids) == {}
    again.close()
    other.close()


def test_a_batch_that_fails_leaves_nothing(store):
    with pytest.raises(ZeroDivisionError):
        store.put((str(i), bytes(1 // (2 - i))) for i in range(4))
    store.put([("3", b"x")])
    assert store.get(["0", "1", "2", "3"]) == {"3": b"x"}


def test_a_damaged_file_is_set_aside_and_told(store, tmp_path):
    store.put([("x", b"1")])
    store.close()
    store.path.write_bytes(b"not a database" * 100)
    for extra in ("-wal", "-shm"):
        store.path.with_name(store.path.name + extra).unlink(missing_ok=True)
    with closing(Store(tmp_path / "new", "scores", {"a": 1})) as again:
        assert again.get(["x"]) == {}
        (note,) = again.noticed
        assert "was damaged" in note
        assert again.path.with_suffix(".damaged").read_bytes().startswith(b"not a database")
        again.put([("x", b"2")])
        assert again.get(["x"]) == {"x": b"2"}


def test_a_row_that_was_changed_is_not_given_out(store):
    store.put([("x", b"1"), ("y", b"2")])
    with closing(sqlite3.connect(store.path)) as other:
        other.execute("UPDATE results SET value = ? WHERE id = 'x'", [b"3"])
        other.execute("UPDATE results SET id = 'z' WHERE id = 'y'")
        other.commit()
    assert store.get(["x", "y", "z"]) == {}
    assert store.noticed[0].startswith("rows damaged in the cache")


def test_notes_are_kept_with_the_results_they_belong_to(store):
    store.put([("x", b"1"), ("y", b"1")], ["texts were cut", "slow"])
    store.put([("z", b"1")], ["slow"])
    assert store.notes(["x", "y", "z"]) == ["slow", "texts were cut"]
    assert store.notes(["z"]) == ["slow"]
    assert store.notes(["unknown"]) == []


def test_a_place_that_cannot_hold_a_cache_is_named_with_the_remedy(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CacheError, match=r"file.*sqlite cannot be used.*with `cache`"):
        Store(tmp_path / "file", "scores", {})


def test_an_identity_must_be_plain():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    with pytest.raises(PluginError, match=r"identity\(\) must give plain JSON"):
        digest({1: "a", "b": 2})


def test_a_file_that_another_run_sets_up_at_the_moment_is_waited_for(tmp_path, monkeypatch):
    connect, locked = sqlite3.connect, [True, True]

    class Busy(sqlite3.Connection):
        def execute(self, sql, *values):
            if "journal_mode" in sql and locked:
                locked.pop()
                raise sqlite3.OperationalError("database is locked")
            return super().execute(sql, *values)

    monkeypatch.setattr(
        sqlite3, "connect", lambda *path, **options: connect(*path, factory=Busy, **options)
    )
    with closing(Store(tmp_path, "scores", {"a": 1})) as store:
        store.put([("1", b"one")])
        assert store.get(["1"]) == {"1": b"one"}
    assert not locked
