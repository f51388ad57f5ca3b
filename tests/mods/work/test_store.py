"""The cache: one file an identity, all of a batch or nothing, and clear about its own trouble."""

from pathlib import Path

import pytest

from mods import CacheError, PluginError
from mods.work.columns import SCORES, vectors
from mods.work.store import Store, default_cache, digest
from mods.work.work import decoded


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


def test_a_damaged_file_is_named_with_the_remedy(store, tmp_path):
    store.put([("x", b"1")])
    store.close()
    store.path.write_bytes(b"not a database" * 100)
    for extra in ("-wal", "-shm"):
        store.path.with_name(store.path.name + extra).unlink(missing_ok=True)
    with pytest.raises(CacheError, match=r"the cache .*sqlite cannot be used.*with `cache`"):
        Store(tmp_path / "new", "scores", {"a": 1})
    with pytest.raises(CacheError, match="cannot be used"):
        Store(store.path, "scores", {})  # a file where the folder should be


@pytest.mark.parametrize("column", [SCORES, vectors()])
def test_a_value_cut_short_is_a_damaged_cache(column, store):
    store.put([("x", b"cut")])
    with pytest.raises(CacheError, match=r"scores-.*sqlite cannot be used.*delete that file"):
        decoded(store, column, ["x"])


def test_an_identity_must_be_plain():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    with pytest.raises(PluginError, match=r"identity\(\) must give plain JSON"):
        digest({1: "a", "b": 2})


def test_the_usual_folder_can_be_named_in_the_environment(monkeypatch):
    monkeypatch.setenv("MODS_CACHE", "~/here")
    assert default_cache() == Path("~/here").expanduser()
    monkeypatch.delenv("MODS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert default_cache() == Path("/somewhere/mods")
