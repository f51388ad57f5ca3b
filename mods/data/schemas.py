"""Schemas: declarations of which fields make a conversation, and in which order they are tried.

| schema              | a row has                                                            |
|---------------------|----------------------------------------------------------------------|
| `messages`          | `messages`: a list of turns                                          |
| `sharegpt`          | `conversations`: a list of turns, of pairs, or of alternating texts  |
| `alpaca`            | `instruction` and `output`, each a text; `input`, `choices`          |
| `prompt-completion` | `prompt` and `completion`, each a text or a list of turns            |
| `preference`        | `chosen`: a text or turns; `prompt`, `input`; `rejected` is aside   |

Every schema takes `system`, `history`, `tools`, `reasoning`, `media`, `weight`, `label` besides.
`mods.data.fields.FIELDS` lists the columns that each field is looked for in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mods.data import build
from mods.data.found import Assignment, Built, Found

COMMON = ("history", "system", "tools", "reasoning", "media", "weight", "label", "rejected")


@dataclass(frozen=True)
class Schema:
    """One way of writing a conversation as a row."""

    name: str
    required: tuple[str, ...]
    """Fields a row must have, the one with the response last."""
    build: Callable[[Found], Built]
    """Makes the conversation of a row."""
    own: tuple[str, ...] = ()
    """Further fields of its own."""
    optional: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Add what every schema takes."""
        object.__setattr__(self, "optional", (*self.own, *COMMON))

    def assigned(
        self, columns: Mapping[str, tuple[str, ...]], unused: tuple[str, ...] = ()
    ) -> Assignment:
        """Return which columns of a row serve its fields, and which serve none."""
        needed = self.required
        return Assignment(self.name, self.build, needed[-1], len(needed), columns, unused)


SCHEMAS: Mapping[str, Schema] = {
    schema.name: schema
    for schema in (
        Schema("messages", ("messages",), build.turns_of("messages"), ("chosen",)),
        Schema("sharegpt", ("conversations",), build.turns_of("conversations"), ("chosen",)),
        Schema("alpaca", ("instruction", "output"), build.alpaca, ("input", "choices")),
        Schema("prompt-completion", ("prompt", "completion"), build.prompt_completion),
        Schema("preference", ("chosen",), build.preference, ("prompt", "input")),
    )
}
"""Every schema by name, in the order in which a row is held against them."""


def understood() -> str:
    """List the schemas with their fields, for messages."""
    return (
        "; ".join(
            f"{schema.name} ({', '.join(schema.required)}"
            f"{'; optional ' + ', '.join(schema.own) if schema.own else ''})"
            for schema in SCHEMAS.values()
        )
        + f"; each with {', '.join(COMMON)}"
    )
