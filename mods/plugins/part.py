"""A plug-in at work: which one, with which options, as data; the object is made where it works."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from mods.errors import ModsError, PluginError
from mods.interfaces import Outcome, kind_named
from mods.plugins.loading import plugins_of
from mods.progress import noticing
from mods.settings.choice import Choice
from mods.spending import spending
from mods.wording import describe

if TYPE_CHECKING:
    from mods.plugins.origin import Sources
    from mods.plugins.registry import Plugin, Registry

Value = TypeVar("Value")

DEFAULT_CHUNK = 256
"""Rows a call gets where the plug-in does not say: long enough for full batches, short enough
that a killed run loses little."""


@dataclass(frozen=True, eq=False)
class Part:
    """A plug-in with its options. It can be pickled: another process makes its own object."""

    plugin: Plugin
    options: Mapping[str, Any]
    """All options in force: those given, values of the run, and defaults."""
    registry: Registry
    """Where it was found, and where it finds what it needs."""

    @classmethod
    def choose(
        cls, registry: Registry, kind: str, choice: Choice, context: Mapping[str, Any]
    ) -> Part:
        """Choose a plug-in; `context` holds values of the run that its factory may ask for."""
        plugin = registry.get(kind, choice.name)
        return cls(plugin, plugin.options(choice, context), registry)

    def __reduce__(self) -> tuple[Any, ...]:
        place, plugin = self.registry.sources.absolute(), self.plugin
        return _elsewhere, (place, plugin.kind, plugin.name, plugin.origin.version, self.options)

    def __str__(self) -> str:
        """Name it the way error messages do."""
        return str(self.plugin)

    @property
    def name(self) -> str:
        """The name it was registered under."""
        return self.plugin.name

    @cached_property
    def object(self) -> Any:
        """The plug-in object, made when first asked for; `PluginError` if it lacks a method."""
        kind = kind_named(self.plugin.kind)
        try:
            made = self.plugin.factory(**self.options)
        except ModsError:
            raise
        except Exception as error:
            raise PluginError(f"{self} could not be made: {describe(error)}") from error
        if not isinstance(made, kind.protocols):
            raise PluginError(
                f"{self} is a {type(made).__name__} without {kind.methods}, which a plug-in of "
                f"the kind {kind.name} has"
            )
        return made

    @cached_property
    def embedder(self) -> Part | None:
        """The embedder that a quality scorer needs, if it needs one."""
        needs = self.needs(()) if self.plugin.kind == "quality" else ()
        if len(needs) > 1:
            raise PluginError(f"{self} needs {len(needs)} embedders; a scorer is given one")
        if not needs:
            return None
        try:
            return Part.choose(self.registry, "embedder", Choice.parse(needs[0]), {})
        except ModsError as error:
            raise error.within(f"{self} needs an embedder") from error

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What makes its results: the plug-in, its version, and its own identity or options."""
        own = getattr(self.object, "identity", None)
        origin = self.plugin.origin
        return {
            "kind": self.plugin.kind,
            "name": self.name,
            "package": origin.package,
            "version": origin.version,
            "identity": self.call(own) if callable(own) else plain(self.options),
            **({"embedder": self.embedder.identity} if self.embedder else {}),
        }

    def check(self) -> None:
        """Have the plug-in look for what would stop it later; a mistake then costs no stage."""
        self.identity  # noqa: B018  (fails now if a model is not to be had)
        own = getattr(self.object, "check", None)
        if callable(own):
            self.call(own)
        if self.embedder is not None:
            self.embedder.check()

    def close(self) -> None:
        """Have the plug-in give back what it holds between calls, such as a server."""
        own = getattr(self.__dict__.get("object"), "close", None)
        if callable(own):
            self.call(own)

    def chunk_size(self, default: int = DEFAULT_CHUNK) -> int:
        """How many rows one call gets."""
        size = getattr(self.object, "chunk_size", default)
        if not isinstance(size, int) or size < 1:
            raise PluginError(f"{self}: chunk_size is {size!r}; expected a whole number from 1")
        return size

    def needs(self, usual: Sequence[str]) -> tuple[str, ...]:
        """What the plug-in says it must be given, else what is usual."""
        needs = getattr(self.object, "needs", usual)
        if isinstance(needs, str) or not all(isinstance(need, str) for need in needs):
            raise PluginError(f"{self}: needs is {needs!r}; expected a tuple of names")
        return tuple(needs)

    def call(self, method: Callable[..., Value], *arguments: Any, **named: Any) -> Value:
        """Call a method of the plug-in; an unexpected failure names the plug-in."""
        try:
            return method(*arguments, **named)
        except ModsError as error:
            raise error.within(str(self)) from error
        except (Exception, SystemExit) as error:
            raise PluginError(f"{self} failed: {describe(error)}") from error

    def each(self, yielded: Iterable[Value]) -> Iterator[Value]:
        """Go through what the plug-in yields; an unexpected failure names the plug-in."""
        values: Iterator[Value] | None = None
        while True:
            try:
                values = iter(yielded) if values is None else values
                value = next(values)
            except StopIteration:
                return
            except ModsError:
                raise
            except Exception as error:
                raise PluginError(f"{self} failed: {describe(error)}") from error
            yield value


def _elsewhere(
    sources: Sources, kind: str, name: str, version: str, options: Mapping[str, Any]
) -> Part:
    """Make the part of another process here; `PluginError` if this machine has another version."""
    registry = plugins_of(sources)
    plugin = registry.get(kind, name)
    if plugin.origin.version != version:
        raise PluginError(
            f"{plugin} is another version where the work is done ({plugin.origin.version}) than "
            f"where it was started ({version}): install the same on every machine"
        )
    return Part(plugin, options, registry)


def plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as plain JSON."""
    return {
        name: asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
        for name, value in options.items()
    }


@dataclass(eq=False)
class PartTask:
    """A method of a part, to be called with chunks of rows; see `mods.interfaces.Task`."""

    part: Part
    method: str
    spread: Callable[[Sequence[Any]], tuple[Any, ...]]
    """Turns a chunk into the arguments of the method; a function of a module, to be pickled."""
    arguments: tuple[Any, ...] = ()
    """Further arguments, the same for every chunk."""
    fit: Sequence[str] | None = None
    """Texts that the plug-in's `fit` sees before the first call."""

    def run(self, chunk: Sequence[Any]) -> Outcome:
        """Call the method with one chunk; a failure after early results is part of the outcome."""
        start = time.monotonic()
        with noticing() as noticed, spending() as spent:
            self._fitted  # noqa: B018
            method, error = getattr(self.part.object, self.method), None
            try:
                values = self.part.call(method, *self.spread(chunk), *self.arguments)
            except BaseException as failure:  # Ctrl-C, too
                if not noticed.early:
                    raise
                values, error = noticed.early, failure
        seconds = time.monotonic() - start
        return Outcome(
            values,
            seconds,
            tuple(noticed.notes),
            tuple(sorted(noticed.cut)),
            tokens=spent.tokens,
            loading=spent.loading,
            device_seconds=seconds if spent.accelerated else 0.0,
            error=error,
        )

    def close(self) -> None:
        """Have the plug-in let go of what it holds, where it is made; see `Part.close`."""
        self.part.close()

    @cached_property
    def _fitted(self) -> bool:
        if self.fit is not None:
            self.part.call(self.part.object.fit, list(self.fit))
        return True

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_fitted"}


def as_they_are(chunk: Sequence[Any]) -> tuple[Any, ...]:
    """Give a method the rows of a chunk as one argument."""
    return (list(chunk),)
