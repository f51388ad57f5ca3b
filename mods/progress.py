"""Progress on standard error: rate and time left, or nothing when asked to be quiet."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mods.wording import printable

if TYPE_CHECKING:
    import logging

LISTENED = ("mods", "mods_plugins")
"""Loggers whose information is worth a line; of all others only warnings are."""


ON_SCREEN, IN_LOGS = 0.2, 15.0
"""Seconds between two states of a bar: a log file wants few lines."""


def open_screen(*, terminal: bool = False) -> bool:
    """Say whether standard error can be written to, or whether it is a terminal."""
    try:
        return sys.stderr is not None and (sys.stderr.isatty() or not terminal)
    except ValueError:  # closed
        return False


def tell(text: str) -> None:
    """Write a line to standard error; it may be closed, and then nobody wants to know."""
    if sys.stderr is None:  # print would take standard output instead
        return
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


class Progress:
    """Shows bars and notes; results go to standard output and never mix with them."""

    def __init__(
        self,
        *,
        quiet: bool = False,
        notes: bool = True,
        bars: bool = True,
        worded: Callable[[str], str] = lambda text: text,
    ) -> None:
        self.quiet = quiet
        self._bars = bars and not quiet
        self._tells = notes and not quiet
        """Whether notes are shown; they are kept in any case."""
        self.notices: list[str] = []
        self._worded = worded
        """How a note is put to who reads it; the notices stay as they are."""

    @contextmanager
    def bar(
        self, label: str, total: int | None, *, done: int = 0
    ) -> Iterator[Callable[[int], object]]:
        """Show a bar of `total` rows; yields a function that advances it by a number of rows."""
        from tqdm import tqdm

        with tqdm(
            desc=label,
            total=total,
            initial=done,
            unit=" rows",
            disable=not self._bars or not open_screen(),
            mininterval=ON_SCREEN if open_screen(terminal=True) else IN_LOGS,
            dynamic_ncols=True,
            file=sys.stderr,
        ) as bar:
            yield bar.update

    def note(self, text: str) -> None:
        """Tell something worth knowing, once; it also goes into the manifest."""
        text = printable(text)
        if text in self.notices:
            return
        self.notices.append(text)
        if self._tells:
            tell(f"note: {self._worded(text)}")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Tell warnings and what plug-ins log the way notes are told, without lines of code."""
        import logging

        listener = _handler(self._log)
        root = logging.getLogger()
        before = {name: logging.getLogger(name).level for name in LISTENED}
        root.addHandler(listener)
        for name in LISTENED:
            logging.getLogger(name).setLevel(logging.WARNING if self.quiet else logging.INFO)
        try:
            # What a plug-in prints must not mix with results on standard output.
            with warnings.catch_warnings(), redirect_stdout(sys.stderr):
                warnings.showwarning = lambda message, *_, **__: self.note(str(message))
                yield
        finally:
            root.removeHandler(listener)
            for name, level in before.items():
                logging.getLogger(name).setLevel(level)

    def _log(self, record: logging.LogRecord) -> None:
        """Say information, note warnings that nobody else collects."""
        import logging

        if record.levelno >= logging.WARNING:
            if _collecting.get() is None:
                self.note(record.getMessage())
        elif record.name.split(".")[0] in LISTENED:
            self.say(record.getMessage())

    def say(self, text: str) -> None:
        """Tell what happens now."""
        if not self.quiet:
            tell(printable(text))


@dataclass
class Noticed:
    """What came up while some work was done: kept with its results."""

    notes: list[str] = field(default_factory=list)
    """Warnings."""
    cut: set[int] = field(default_factory=set)
    """Places of rows, from 0, that could not be read whole; see `cut`."""


_collecting: ContextVar[Noticed | None] = ContextVar("collecting", default=None)


def cut(rows: Iterable[int]) -> None:
    """Say, from within a plug-in, which rows of the call could not be read whole.

    `rows` are places in the list that the method was given, from 0. They are counted, noted and
    marked in the receipts, also when the results come from the cache later.
    """
    noticed = _collecting.get()
    if noticed is not None:
        noticed.cut.update(int(row) for row in rows)


@contextmanager
def noticing() -> Iterator[Noticed]:
    """Collect warnings, logged ones included, and cut rows, instead of telling them."""
    import logging

    noticed = Noticed()
    token = _collecting.set(noticed)

    def collect(record: logging.LogRecord) -> None:
        innermost = _collecting.get()
        if innermost is not None:
            innermost.notes.append(record.getMessage())

    collector = _handler(collect, logging.WARNING)
    logging.getLogger().addHandler(collector)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: noticed.notes.append(str(message))
            yield noticed
    finally:
        logging.getLogger().removeHandler(collector)
        _collecting.reset(token)


def _handler(take: Callable[[logging.LogRecord], None], level: int = 0) -> logging.Handler:
    """Give log records to a function; `logging` is slow to import, so `--help` goes without."""
    import logging

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            take(record)

    return Handler(level)
