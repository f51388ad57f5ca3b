"""Progress on standard error: rate and time left, or nothing when asked to be quiet."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Progress:
    """Shows bars and notes; results go to standard output and never mix with them."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.notices: list[str] = []

    @contextmanager
    def bar(
        self, label: str, total: int | None, *, done: int = 0
    ) -> Iterator[Callable[[int], None]]:
        """Show a bar of `total` rows; yields a function that advances it by a number of rows."""
        from tqdm import tqdm

        interval = 0.2 if sys.stderr.isatty() else 15.0  # a log file wants few lines
        with tqdm(
            desc=label,
            total=total,
            initial=done,
            unit=" rows",
            disable=self.quiet,
            mininterval=interval,
            dynamic_ncols=True,
            file=sys.stderr,
        ) as bar:
            yield lambda rows: void(bar.update(rows))

    def note(self, text: str) -> None:
        """Tell something worth knowing; it also goes into the manifest."""
        self.notices.append(text)
        if not self.quiet:
            print(f"note: {text}", file=sys.stderr)

    def say(self, text: str) -> None:
        """Tell what happens now."""
        if not self.quiet:
            print(text, file=sys.stderr)


def void(_: object) -> None:
    """Drop a value."""
