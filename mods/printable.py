"""Text from data, made safe to show."""

from __future__ import annotations


def printable(text: str) -> str:
    """Escape control characters and lone surrogates, so that data cannot drive a terminal."""
    return "".join(
        c
        if c.isprintable() or c in " \n"
        else c.encode("unicode_escape", "surrogatepass").decode("ascii")
        for c in text
    )
