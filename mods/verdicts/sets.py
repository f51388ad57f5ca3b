"""The prompts of a verdict: sets of records whose reply is the reference, where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mods.api.inputs import prompts_of
from mods.errors import DataError
from mods.files import file_digest
from mods.records import Message, Record

if TYPE_CHECKING:
    from mods.api.inputs import How
    from mods.data.prompts import Prompt
    from mods.plugins.registry import Registry


@dataclass(frozen=True)
class PromptSet:
    """Prompts of one source."""

    name: str
    source: str
    sha256: str | None
    """Of the file; None where the source is none."""
    prompts: Sequence[Record]
    """The reply is the reference, empty where there is none."""
    asked: Sequence[Prompt] = ()
    """The same as they were read."""
    repeats: int = 0
    """Rows that repeat a prompt and its reference, and are not asked again."""

    @property
    def references(self) -> int:
        """How many prompts have a reference."""
        return sum(map(has_reference, self.prompts))

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "prompts": len(self.prompts),
            "references": self.references,
            "file": Path(self.source).name,
            "sha256": self.sha256,
            **({"repeats": self.repeats} if self.repeats else {}),
        }


def has_reference(prompt: Record) -> bool:
    """Say whether a prompt has a reference."""
    return bool(prompt.reply.content)


def read_sets(files: Sequence[str | Path], registry: Registry, how: How) -> list[PromptSet]:
    """Read prompts, a set for each source; see `mods.data.prompts.read_prompts`.

    A prompt that a set repeats with the same reference is taken once: it would count double.
    """
    prompts = prompts_of([str(file) for file in files], registry, how)
    if not prompts:
        raise DataError("no prompts were given: name at least one file with `prompts`")
    by_set: dict[str, list[Prompt]] = {}
    for prompt in prompts:
        by_set.setdefault(prompt.set, []).append(prompt)
    return [set_of(name, prompts) for name, prompts in by_set.items()]


def set_of(name: str, prompts: Sequence[Prompt]) -> PromptSet:
    """Return the prompts of one source as a set."""
    records = [as_record(prompt) for prompt in prompts]
    first: dict[str, Record] = {}
    for record in records:
        first.setdefault(record.key, record)
    path = Path(prompts[0].source)
    digest = file_digest(path) if path.is_file() else None
    repeats = len(records) - len(first)
    return PromptSet(name, str(path), digest, list(first.values()), prompts, repeats)


def as_record(prompt: Prompt) -> Record:
    """Return a prompt as a record."""
    reply = Message("assistant", prompt.reference or "")
    return Record(prompt.conversation, reply, prompt.source, prompt.row, raw=prompt.raw)
