"""Per-row work through the store: only what is missing is computed, and kept at once."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from mods.checks import checked_vectors
from mods.errors import DataError, ModsError, PluginError, RunFolderError, SettingsError
from mods.interfaces import Unscorable
from mods.plugins import Choice, Plugin, Registry, describe
from mods.store import Store

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.progress import Progress
    from mods.records import Record

Value = TypeVar("Value")

DEFAULT_CHUNK = 256
FAMILY = (ModsError, DataError, SettingsError, PluginError, RunFolderError)
UNSCORABLE = b"unscorable: "
"""Longer than a float64, so that no score starts with it."""


@dataclass(frozen=True)
class Part:
    """A plug-in object at work, with what is needed to name it and to key its results."""

    plugin: Plugin
    object: Any
    options: Mapping[str, Any]
    """All options in force: those given, the seed, and the defaults."""

    @classmethod
    def make(cls, registry: Registry, kind: str, choice: Choice, seed: int) -> Part:
        """Create the object for a choice."""
        plugin = registry.get(kind, choice.name)
        return cls(plugin, registry.create(kind, choice, seed=seed), plugin.effective(choice, seed))

    def __str__(self) -> str:
        """Name it the way error messages do."""
        return str(self.plugin)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What makes its results: the plug-in, its version, and its own identity or options."""
        own = getattr(self.object, "identity", None)
        origin = self.plugin.origin
        return {
            "kind": self.plugin.kind,
            "name": self.plugin.name,
            "package": origin.package,
            "version": origin.version,
            "identity": self.call(own) if callable(own) else dict(self.options),
        }

    def chunk_size(self, default: int = DEFAULT_CHUNK) -> int:
        """How many rows one call gets."""
        size = getattr(self.object, "chunk_size", default)
        if not isinstance(size, int) or size < 1:
            raise PluginError(f"{self}: chunk_size is {size!r}; expected a whole number from 1")
        return size

    def call(self, method: Callable[..., Value], *arguments: Any, **named: Any) -> Value:
        """Call a method of the plug-in; an unexpected failure names the plug-in."""
        try:
            return method(*arguments, **named)
        except ModsError as error:
            family = type(error) if type(error) in FAMILY else PluginError
            raise family(f"{self}: {error}") from error
        except (Exception, SystemExit) as error:
            raise PluginError(f"{self} failed: {describe(error)}") from error


@dataclass(frozen=True)
class Codec(Generic[Value]):
    """How a result becomes bytes and back."""

    encode: Callable[[Value], bytes]
    decode: Callable[[bytes], Value]


def encode_score(value: float | Unscorable) -> bytes:
    """Eight bytes of a float64, or the reason why there is none."""
    if isinstance(value, Unscorable):
        return UNSCORABLE + value.reason.encode("utf-8", "surrogatepass")
    return struct.pack("<d", value)


def decode_score(data: bytes) -> float | Unscorable:
    """Undo `encode_score`."""
    if data.startswith(UNSCORABLE):
        return Unscorable(data[len(UNSCORABLE) :].decode("utf-8", "surrogatepass"))
    return float(struct.unpack("<d", data)[0])


SCORES: Codec[float | Unscorable] = Codec(encode_score, decode_score)
VECTORS: Codec[npt.NDArray[np.float32]] = Codec(
    lambda vector: np.ascontiguousarray(vector, dtype="<f4").tobytes(),
    lambda data: np.frombuffer(data, dtype="<f4"),
)
TEXTS: Codec[str] = Codec(
    lambda text: text.encode("utf-8", "surrogatepass"),
    lambda data: data.decode("utf-8", "surrogatepass"),
)


class VectorChecker:
    """Calls a plug-in for vectors and checks them; the width must stay what it was at first."""

    def __init__(self, part: Part, method: Callable[[Sequence[Record]], Any]) -> None:
        self._part, self._method = part, method
        self._width: int | None = None

    def __call__(self, chunk: Sequence[Record]) -> list[npt.NDArray[np.float32]]:
        """Return one vector per record."""
        vectors = self._part.call(self._method, chunk)
        checked = checked_vectors(vectors, len(chunk), str(self._part), width=self._width)
        self._width = checked.shape[1]
        return list(checked)


def stacked(vectors: Sequence[npt.NDArray[np.float32]], part: Part) -> npt.NDArray[np.float32]:
    """Return vectors, cached ones among them, as one array of shape (n, d)."""
    widths = {len(vector) for vector in vectors}
    if len(widths) > 1:
        raise PluginError(
            f"{part} returned vectors of widths {sorted(widths)}, some of them cached: the width "
            "must not change; if the plug-in changed, its identity() must too"
        )
    return np.stack(vectors)


def compute_cached(
    records: Sequence[Record],
    compute: Callable[[Sequence[Record]], Sequence[Value]],
    *,
    codec: Codec[Value],
    cache: Path,
    name: str,
    identity: Mapping[str, Any],
    chunk_size: int,
    progress: Progress,
    label: str,
) -> list[Value]:
    """Return one value per record, computing only what the store does not hold.

    Records go through `compute` in chunks, longest first. The chunks are those of the whole list,
    so that an interrupted call, started again, computes the very same batches.
    """
    store = Store(cache, name, identity)
    try:
        known = decoded(store, codec, [record.key for record in records])
        if len(known) < len(records):
            order = sorted(records, key=lambda record: (-text_length(record), record.id))
            with progress.bar(label, len(records), done=len(known)) as advance:
                for start in range(0, len(order), chunk_size):
                    chunk = [r for r in order[start : start + chunk_size] if r.key not in known]
                    if not chunk:
                        continue
                    values = compute(chunk)
                    store.put((r.key, codec.encode(v)) for r, v in zip(chunk, values, strict=True))
                    known.update((r.key, v) for r, v in zip(chunk, values, strict=True))
                    advance(len(chunk))
        return [known[record.key] for record in records]
    finally:
        store.close()


def decoded(store: Store, codec: Codec[Value], keys: Sequence[str]) -> dict[str, Value]:
    """Return what the store holds of these keys."""
    try:
        return {key: codec.decode(data) for key, data in store.get(keys).items()}
    except (ValueError, struct.error) as error:
        raise store.broken(error) from error


def text_length(record: Record) -> int:
    """Characters of a whole conversation: what the cost of a forward pass grows with."""
    return sum(len(message.content) for message in record.messages)
