"""Files are written whole or not at all, locks hold, hashes are of the content."""

from __future__ import annotations

import contextlib
import datetime
import errno
import hashlib
import json
import math
import os
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

from mods import DataError, OutputError
from mods.files import (
    default_cache,
    file_digest,
    from_json,
    holds_bytes,
    json_digest,
    locked,
    make_folder,
    read_array,
    remove_drafts,
    to_json,
    write_array,
    write_file,
    write_json,
    write_lines,
    write_table,
    writing,
)

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX system")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_failing_writer_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_file(target, lambda file: file.write(b"old"))

    def fail(file: IO[bytes]) -> None:
        file.write(b"new")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_file(target, fail)
    assert (target.read_bytes(), names(tmp_path)) == (b"old", ["a.txt"])


def test_nobody_sees_a_file_that_is_being_written(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"

    def look(file: IO[bytes]) -> None:
        file.write(b"half")
        file.flush()
        assert not target.exists()
        (draft,) = names(tmp_path)
        assert draft.startswith(".a.txt.")
        assert draft.endswith(".part")

    write_file(target, look)
    assert names(tmp_path) == ["a.txt"]


@posix
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_follow_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_json(tmp_path / "a.json", {})
    finally:
        os.umask(before)
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == mode


@posix
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link, real = tmp_path / "link", tmp_path / "real" / "a.txt"
    link.symlink_to(real)
    for text in (b"one", b"two"):  # the target is not there at first
        write_file(link, lambda file, text=text: file.write(text))  # type: ignore[misc]
        assert link.is_symlink()
        assert real.read_bytes() == text
    assert names(tmp_path / "real") == ["a.txt"]


@posix
def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_file(pipe, lambda file: file.write(b"rows"))
    reader.join(timeout=10)
    assert read == [b"rows"]
    assert pipe.is_fifo()
    assert names(tmp_path) == ["pipe"]


@posix
def test_a_device_is_written_to_and_not_replaced() -> None:
    own, other = os.openpty()
    with contextlib.closing(os.fdopen(own, "rb", buffering=0)) as terminal:
        device = Path(os.ttyname(other))
        write_file(device, lambda file: file.write(b"rows\n"))
        assert device.is_char_device()
        assert terminal.read(4) == b"rows"
        os.close(other)


def test_what_cannot_be_written_names_the_path_and_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for write in (
        lambda: write_json(tmp_path / "gone" / "a.json", {}),
        lambda: make_folder(tmp_path / "file" / "folder"),
        lambda: write_json(tmp_path, {}),
    ):
        with pytest.raises(
            OutputError, match=f"cannot write {tmp_path}.*; choose another `output`"
        ):
            write()
    with (
        pytest.raises(OutputError, match=r"cannot write a\.txt: No space left.*free space on that"),
        writing(Path("a.txt")),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_drafts_of_killed_processes_are_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in (".a.json.123.part", "b.part", ".c", "d.json"):
        (tmp_path / name).write_text("")
    remove_drafts(tmp_path)
    assert names(tmp_path) == [".c", "b.part", "d.json"]


def test_json_and_lines_hold_every_text(tmp_path: Path) -> None:
    values: list[dict[str, Any]] = [{"a": "é雪"}, {"a": "\ud83d"}]
    write_lines(tmp_path / "a.jsonl", values)
    lines = (tmp_path / "a.jsonl").read_bytes().splitlines()
    assert [json.loads(line) for line in lines] == values
    assert lines[0] == '{"a": "é雪"}'.encode()
    write_json(tmp_path / "a.json", values[1])
    assert json.loads((tmp_path / "a.json").read_bytes()) == values[1]


def test_tables_and_arrays_come_back(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pa.table({"a": [1, 2]})
    write_table(tmp_path / "a.parquet", table)
    assert parquet.read_table(tmp_path / "a.parquet").equals(table)
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    write_array(tmp_path / "a.npy", values)
    np.testing.assert_array_equal(read_array(tmp_path / "a.npy"), values)


def test_arrays_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.npy: no such file"):
        read_array(tmp_path / "gone.npy")
    for content in (b"", b"text", b"\x93NUMPY"):
        (tmp_path / "a.npy").write_bytes(content)
        with pytest.raises(DataError, match=r"a\.npy is not a \.npy file of numbers"):
            read_array(tmp_path / "a.npy")
    for content, kind in (
        (b"PK\x03\x04", "it is an archive, as .npz and .pt files are; save the array alone"),
        (b"PAR1", "it is Parquet"),
        (b"\x80\x04", "it is a pickle, .* which is not opened"),
        (b"\x89HDF", "it is an HDF5 file"),
        (b"\x1f\x8b", "it is packed with gzip"),
        (b"\x40" + bytes(7) + b'{"a":', "it is a safetensors file"),
        (b"0.5,0.25", "it is text"),
        (b"\xfe\xff", "it is of no kind that is known here"),
        (b"", "it is empty"),
    ):
        (tmp_path / "a.npy").write_bytes(content)
        with pytest.raises(DataError, match=rf"a\.npy is not a \.npy file of numbers: {kind}"):
            read_array(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"not a \.npy file of numbers"):
        read_array(tmp_path / "a.npy")


# --- JSON of values that JSON does not know -----------------------------------------------------


def test_what_json_cannot_hold_is_written_so_that_it_loads() -> None:
    row = {
        "bytes": b"\xff\x00", "nested": [{"b": bytearray(b"a")}], "nan": [float("nan"), math.inf],
        "day": datetime.date(2024, 5, 1), "price": Decimal("1.50"), "half": "\ud83d",
        "array": np.array([1.5, np.nan]), "number": np.float32(0.5), "keys": {(1, 2): 3},
    }  # fmt: skip
    assert json.loads(to_json(row)) == {
        "bytes": "/wA=", "nested": [{"b": "YQ=="}], "nan": [None, None],
        "day": "2024-05-01", "price": "1.50", "half": "\ud83d",
        "array": [1.5, None], "number": 0.5, "keys": {"(1, 2)": 3},
    }  # fmt: skip
    assert [name for name, value in row.items() if holds_bytes(value)] == ["bytes", "nested"]


@pytest.mark.parametrize(
    "text", ['{"a": "b"}', '{"a": 1, "b": [0.5]}', '{"a": "\\ud83d"}', '{"a": NaN}', "[1]",
             '{"a": 123456789012345678901234567890}', '{"a": [{"b": -18446744073709551616}]}']
)  # fmt: skip
def test_json_is_read_as_the_standard_library_reads_it(text: str) -> None:
    assert repr(from_json(text.encode())) == repr(json.loads(text))


def test_a_row_that_holds_itself_is_an_error() -> None:
    row: dict[str, Any] = {}
    row["a"] = [row]
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (row, {"a": deep}):
        with pytest.raises(DataError, match="holds itself"):
            to_json(value)


# --- locks --------------------------------------------------------------------------------------

HOLD = """
import sys
from decimal import Decimal
from pathlib import Path
from mods.files import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextlib.contextmanager
def held_elsewhere(lock: Path) -> Any:
    """Hold a lock in another process."""
    command = [sys.executable, "-c", HOLD, str(lock)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@posix
def test_a_second_process_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with held_elsewhere(lock) as process:
        with pytest.raises(BlockingIOError, match="locked by another process"), locked(lock):
            pass
        process.kill()  # however it ends
        process.wait()
        with locked(lock) as has_locks:
            assert has_locks


@posix
def test_a_second_process_waits_if_it_says_so(tmp_path: Path) -> None:
    lock, waited = tmp_path / "lock", []
    with held_elsewhere(lock) as process:

        def waiting() -> None:
            waited.append(process.poll())
            process.stdin.close()  # lets the other one go on, and so end

        with locked(lock, waiting=waiting) as has_locks:
            assert has_locks
    assert waited == [None]


@posix
def test_a_lock_keeps_what_is_in_its_file_and_can_be_taken_again(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("mine")
    for _ in range(2):
        with locked(lock):
            pass
    assert lock.read_text() == "mine"


@posix
def test_a_link_is_no_lock_and_its_target_is_untouched(tmp_path: Path) -> None:
    target, lock = tmp_path / "precious", tmp_path / "lock"
    target.write_text("precious")
    lock.symlink_to(target)
    with pytest.raises(OSError, match="lock"), locked(lock):
        pass
    assert target.read_text() == "precious"
    target.unlink()
    with pytest.raises(OSError, match="lock"), locked(lock):
        pass
    assert not target.exists()


@posix
def test_a_pipe_as_a_lock_is_refused_and_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lock")
    with pytest.raises(OSError, match="no plain file"), locked(tmp_path / "lock"):
        pass


@posix
def test_a_file_system_without_locks_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("mods.files.fcntl.flock", refuse)
    with locked(tmp_path / "lock") as has_locks:
        assert not has_locks


# --- hashes -------------------------------------------------------------------------------------


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000  # more than one block
    (tmp_path / "a").write_bytes(content)
    assert file_digest(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_the_digest_of_a_value_does_not_depend_on_the_order_of_its_keys() -> None:
    assert json_digest({"a": 1, "b": Path("x")}) == json_digest({"b": "x", "a": 1})
    assert json_digest({"a": 1}) != json_digest({"a": 2})
    assert len(json_digest([])) == 32
    with pytest.raises(TypeError):
        json_digest({"a": 1, 2: 3})


def test_the_usual_folder_can_be_named_in_the_environment(monkeypatch):
    monkeypatch.setenv("MODS_CACHE", "~/here")
    assert default_cache() == Path("~/here").expanduser()
    monkeypatch.delenv("MODS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert default_cache() == Path("/somewhere/mods")
