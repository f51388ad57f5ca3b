"""Files: written in one step or not at all, locked, hashed; the only module that writes one."""

from __future__ import annotations

import base64
import contextlib
import errno
import glob
import hashlib
import json
import math
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mods.errors import DataError, OutputError, SettingsError

try:
    import fcntl
except ImportError:  # no such locks on Windows: two runs at once are the user's to avoid there
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

PART = ".part"
"""The ending of a file that is still being written, hidden beside its place."""
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)
"""What a file system says that has no locks (some network ones)."""
BLOCK = 1 << 20


def default_cache() -> Path:
    """`$MODS_CACHE`, else `mods` in the user's cache folder."""
    if os.environ.get("MODS_CACHE"):
        return Path(os.environ["MODS_CACHE"]).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "mods"


# --- writing ------------------------------------------------------------------------------------


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failing file system into an `OutputError` that names the path and a remedy."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "free space on that disk" if full else "choose another `output`"
        raise OutputError(f"cannot write {path}: {error.strerror or error}; {remedy}") from error


def write_file(target: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Let `write` write a file beside its place, then move it there; raises `OutputError`.

    A killed process leaves the old file whole. Permissions follow the umask. A link is followed,
    and a device or pipe is written to: neither is replaced.
    """
    place = Path(os.path.realpath(target))
    with writing(target):
        if place.exists() and not place.is_file() and not place.is_dir():
            with place.open("wb") as device:
                write(device)
            return
        remove_drafts(place.parent, place.name)
        draft = place.with_name(f".{place.name}.{os.getpid()}{PART}")
        try:
            with draft.open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, place)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


def check_output(setting: str, output: Path, inputs: Iterable[object]) -> None:
    """Refuse an output that is a folder, or that would overwrite one of the files in `inputs`."""
    if output.is_dir():
        raise SettingsError(f"`{setting}` {output} is a folder: name a file, e.g. {output / 'out'}")
    place = os.path.realpath(output)
    for other in inputs:
        if isinstance(other, (str, Path)) and os.path.realpath(other) == place:
            raise SettingsError(
                f"`{setting}` {output} would overwrite {other}, which this command needs: "
                f"choose another file for `{setting}`"
            )


def remove_drafts(folder: Path, name: str = "*") -> None:
    """Remove what killed processes left half-written of a file, or of all files of a folder."""
    for draft in folder.glob(f".{glob.escape(name) if name != '*' else name}.*{PART}"):
        owner = draft.name.split(".")[-2]
        if owner.isdigit() and not _runs(int(owner)):
            with contextlib.suppress(OSError):
                draft.unlink()


def _runs(process: int) -> bool:
    """Say whether a process of that number runs on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def make_folder(folder: Path) -> None:
    """Make a folder and those above it; raises `OutputError`."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)


def to_json(value: Mapping[str, Any], indent: int | None = None) -> bytes:
    """One JSON document and a newline.

    What JSON cannot hold is written so that every reader of JSON takes it: NaN and infinity as
    null, bytes as base64, dates as ISO 8601, other things as text. Lone surrogates, which UTF-8
    cannot hold, stay escaped.
    """
    for ascii_only in (False, True):
        try:
            text = json.dumps(
                value, indent=indent, ensure_ascii=ascii_only, default=_plain, allow_nan=False
            )
            return text.encode("utf-8") + b"\n"
        except UnicodeEncodeError:
            continue
        except RecursionError:
            raise DataError("a row is nested too deeply, or holds itself") from None
        except (TypeError, ValueError) as error:
            if "Circular" in str(error):
                raise DataError("a row holds itself: it cannot be written") from None
            return to_json(_without_nan(value), indent)
    raise AssertionError("ASCII cannot fail to be encoded")


def _plain(value: Any) -> Any:
    """Return what stands for a value that JSON does not know."""
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):  # arrays and numbers of NumPy
        return value.tolist()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def from_json(text: bytes) -> Any:
    """Parse JSON, fast where that gives the same; raises `ValueError`, `RecursionError`.

    The fast parser takes no NaN and no lone surrogates.
    """
    import orjson

    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)
    return exact(value, text)


def exact(value: Any, text: bytes) -> Any:
    """Return what the fast parser made of a text, or parse again what it makes floats of."""
    if type(value) is dict and ONLY_TEXTS.issuperset(map(type, value.values())):
        return value
    return json.loads(text) if LARGE in text.translate(DIGITS) else value


ONLY_TEXTS = frozenset({str})
DIGITS = bytes.maketrans(b"123456789", b"000000000")
LARGE = b"0" * 19
"""Integers from here may be larger than 64 bits."""


def holds_bytes(value: Any) -> bool:
    """Say whether a value holds bytes, which JSON can only hold as base64."""
    if isinstance(value, Mapping):
        return any(map(holds_bytes, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(holds_bytes, value))
    return isinstance(value, (bytes, bytearray))


def _without_nan(value: Any) -> Any:
    """Return a value with null for every number that is none."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return _without_nan(value.tolist())
    return [_without_nan(item) for item in value] if isinstance(value, (list, tuple)) else value


def write_json(target: Path, value: Mapping[str, Any]) -> None:
    """Write one JSON document."""
    write_file(target, lambda file: file.write(to_json(value, indent=2)))


def write_lines(target: Path, values: Iterable[Mapping[str, Any] | bytes]) -> None:
    """Write JSON lines; what is bytes already is a line as it stands."""

    def write(file: IO[bytes]) -> None:
        for value in values:
            file.write(value + b"\n" if isinstance(value, bytes) else to_json(value))

    write_file(target, write)


def write_table(target: Path, table: Any) -> None:
    """Write a pyarrow table as Parquet."""
    import pyarrow.parquet as pq

    write_file(target, lambda file: pq.write_table(table, file, compression="zstd"))


def write_array(target: Path, values: npt.NDArray[np.generic]) -> None:
    """Write a `.npy` file."""
    import numpy as np

    write_file(target, lambda file: np.save(file, values, allow_pickle=False))


def read_array(path: Path) -> npt.NDArray[Any]:
    """Open a `.npy` file memory-mapped; never unpickles. Raises `DataError`."""
    import numpy as np

    try:
        with path.open("rb") as file:
            start = file.read(16)
        if not start.startswith(NPY):
            raise DataError(f"{path} is not a .npy file of numbers: {what_it_is(start)}")
        loaded: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} is not a .npy file of numbers: {error}") from error
    return loaded


NPY = b"\x93NUMPY"
SAVE = "save the array alone with numpy.save"
KINDS = {
    b"PK\x03\x04": f"it is an archive, as .npz and .pt files are; {SAVE}",
    b"PAR1": f"it is Parquet; {SAVE}",
    b"ARROW1": f"it is an Arrow file; {SAVE}",
    b"\x89HDF": f"it is an HDF5 file; {SAVE}",
    b"\x1f\x8b": "it is packed with gzip; unpack it first",
    b"BZh": "it is packed with bzip2; unpack it first",
    b"\xfd7zXZ": "it is packed with xz; unpack it first",
    b"\x28\xb5\x2f\xfd": "it is packed with zstd; unpack it first",
    b"\x80": f"it is a pickle, as old .pt files are, which is not opened; {SAVE}",
}
"""What other files are, by how they begin."""


def what_it_is(start: bytes) -> str:
    """Say what a file is that begins with 16 bytes, and what to do."""
    if not start:
        return "it is empty"
    for magic, kind in KINDS.items():
        if start.startswith(magic):
            return kind
    if start[8:10] == b'{"' and start[4:8] == bytes(4):
        return f"it is a safetensors file; {SAVE}"
    try:
        start.decode("ascii")
    except UnicodeDecodeError:
        return f"it is of no kind that is known here; {SAVE}"
    return f"it is text; {SAVE}"


# --- locks --------------------------------------------------------------------------------------


@contextmanager
def locked(path: Path, *, waiting: Callable[[], object] | None = None) -> Iterator[bool]:
    """Hold a lock file; yields whether the file system has locks at all.

    Where another process holds it, this calls `waiting` and waits; without `waiting` it raises
    `BlockingIOError`. The system lets go of the lock when the process ends, however it ends. The
    file is never truncated, and what is no plain file (a link, a pipe) is refused with `OSError`.
    """
    if fcntl is None:
        yield False
        return
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "the lock is no plain file", str(path))
        yield _take(handle, waiting)
    finally:
        os.close(handle)


def _take(handle: int, waiting: Callable[[], object] | None) -> bool:
    """Lock a file; False on a file system without locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in NO_LOCKS:
            return False
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        if waiting is None:
            raise BlockingIOError(error.errno, "locked by another process") from error
        waiting()
        fcntl.flock(handle, fcntl.LOCK_EX)
    return True


def on_network(folder: Path) -> bool:
    """Say whether a folder lies on a network file system, where the system tells (Linux)."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    place = f"{os.path.realpath(folder)}/"
    kinds = {}
    for line in mounts.splitlines():
        _, at, kind, *_ = line.split(" ")
        if place.startswith(f"{at.rstrip('/')}/"):
            kinds[len(at)] = kind
    return bool(kinds) and kinds[max(kinds)].startswith(NETWORK)


NETWORK = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "glusterfs", "lustre", "beegfs", "fuse.sshfs")
"""File systems over a network, by the beginning of their names."""


# --- hashes -------------------------------------------------------------------------------------


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits, read piece by piece."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def json_digest(value: Any) -> str:
    """Return the SHA-256 of a value's JSON with sorted keys, 32 hexadecimal digits.

    Raises `TypeError` for keys of different types, which have no order.
    """
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
