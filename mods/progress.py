"""Progress on standard error: rate and time left, in a log as lines, or nothing when quiet."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from mods.wording import printable

if TYPE_CHECKING:
    import logging

LISTENED = ("mods", "mods_plugins")
"""Loggers whose information is worth a line; of all others only warnings are."""


ON_SCREEN, IN_LOGS = 0.2, 15.0
"""Seconds between two states of a bar: a log file wants few lines."""


def open_screen() -> bool:
    """Say whether standard error can be written to."""
    # Other programs put streams of their own in its place, which need not know that they are open.
    return sys.stderr is not None and not getattr(sys.stderr, "closed", False)


def live() -> bool:
    """Say whether a line on standard error can be drawn again: on a terminal, in a notebook."""
    if not open_screen():
        return False
    return sys.stderr.isatty() or type(sys.stderr).__module__.startswith("ipykernel")


def tell(text: str) -> None:
    """Write a line to standard error; it may be closed, and then nobody wants to know."""
    if sys.stderr is None:  # print would take standard output instead
        return
    with suppress(OSError, ValueError), _above_bars():
        print(text, file=sys.stderr, flush=True)


def _above_bars() -> Any:
    """Take bars away while a line is written, so that it does not end up in one."""
    tqdm = sys.modules.get("tqdm")
    return tqdm.tqdm.external_write_mode(file=sys.stderr) if tqdm and live() else nullcontext()


def bar(
    label: str, total: int | None, *, done: int = 0, unit: str = "rows", shown: bool = True
) -> Any:
    """Return a bar on standard error: a `tqdm`, with `update(number)` and `close()`.

    A terminal and a notebook show it moving; a log has a line every 15 seconds, and one at the end.
    `done` of the `total` were there before; None where the total is not known.
    """
    screen, lines = _bars()
    settings = {"total": total, "initial": done, "disable": not (shown and open_screen())}
    if live():
        return screen(
            desc=label, unit=f" {unit}", mininterval=ON_SCREEN, dynamic_ncols=True,
            file=sys.stderr, **settings,
        )  # fmt: skip
    # A delay, however short, keeps the first state, in which nothing is done, from being shown.
    return lines(
        desc=label, unit=unit, mininterval=IN_LOGS, miniters=1, delay=1e-9, leave=False,
        file=sys.stderr, **settings,
    )  # fmt: skip


@cache
def _bars() -> tuple[Any, Any]:
    """Make the classes of bars for screens and for logs; `tqdm` is imported when first needed."""
    from tqdm import tqdm

    class Screen(tqdm):  # type: ignore[misc]
        of_mods = True

    class Lines(tqdm):  # type: ignore[misc]
        of_mods = True

        def display(self, msg: str | None = None, pos: int | None = None) -> None:
            if msg is None and self.n != self.total:  # the end has a line of its own
                tell(_line(self.format_dict))

        def close(self) -> None:
            if not self.disable:
                tell(_line(self.format_dict, ended=True))
            super().close()

        def clear(self, nolock: bool = False) -> None:
            """A line of a log stays."""

        def moveto(self, n: int) -> None:
            """Nor is one written in another place."""

    return Screen, Lines


def _line(state: Mapping[str, Any], *, ended: bool = False) -> str:
    """Tell the state of a bar in a line: how much is done, how fast, and the time left."""
    from tqdm import tqdm

    n, total, unit, seconds = (state[name] for name in ("n", "total", "unit", "elapsed"))
    rate = (n - state["initial"]) / seconds if seconds else 0.0
    of = "" if total is None or (ended and n == total) else f" of {total:,}"
    share = f" ({n / total:.0%})" if of and total else ""
    words = [f"{state['prefix'].removesuffix(': ')}: {n:,}{of} {unit}{share}"]
    if ended:
        words[0] += f" in {tqdm.format_interval(seconds)}"
    if rate:
        words.append(f"{rate:,.0f} {unit}/s" if rate >= 100 else f"{rate:.3g} {unit}/s")
        if of and not ended:
            words.append(f"{tqdm.format_interval((total - n) / rate)} left")
    return printable(", ".join(words))


_replaced: list[Any] = []
"""What the bars of other libraries begin with, once for every `alone` that is open."""
_replacing = threading.Lock()


@contextmanager
def alone() -> Iterator[None]:
    """Hide the bars of other libraries, in all threads; those of `bar` are shown."""
    from tqdm import tqdm

    with _replacing:
        original = _replaced[0] if _replaced else tqdm.__init__
        _replaced.append(original)

        def init(self: Any, *given: Any, **named: Any) -> None:
            if not getattr(self, "of_mods", False):
                named["disable"] = True
            original(self, *given, **named)

        tqdm.__init__ = init
    try:
        yield
    finally:
        with _replacing:
            _replaced.pop()
            if not _replaced:
                tqdm.__init__ = original


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
        with alone(), bar(label, total, done=done, shown=self._bars) as shown:
            yield shown.update

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
            with warnings.catch_warnings(), redirect_stdout(sys.stderr), alone():
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
    early: dict[int, Any] = field(default_factory=dict)
    """Results of rows, by their places, that are there before the call ends; see `early`."""


_collecting: ContextVar[Noticed | None] = ContextVar("collecting", default=None)


def cut(rows: Iterable[int]) -> None:
    """Say, from within a plug-in, which rows of the call could not be read whole.

    `rows` are places in the list that the method was given, from 0. They are counted, noted and
    marked in the receipts, also when the results come from the cache later.
    """
    noticed = _collecting.get()
    if noticed is not None:
        noticed.cut.update(int(row) for row in rows)


def early(row: int, value: Any) -> None:
    """Say, from within a plug-in, the result of one row before the call ends.

    `row` is its place in the list that the method was given, from 0. Should the call then fail or
    be interrupted, the result is kept all the same. What the method returns must hold it, too.
    """
    noticed = _collecting.get()
    if noticed is not None:
        noticed.early[row] = value


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
