"""The length of answers: judges like long ones, so it stands beside every other measure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mods import Evidence, Record, hookimpl
from mods.interfaces import ANSWERS
from mods.interfaces.trials import Scale
from mods_plugins.text import words
from mods_plugins.thoughts import answer_of

if TYPE_CHECKING:
    from mods.interfaces import Register


class AnswerLength:
    """Words of the answer, without thoughts before it.

    A character of Chinese, Japanese, Thai and other scripts without spaces counts as a word.
    """

    needs = (ANSWERS,)
    words = "length of the answers"
    chunk_size = 8192

    def identity(self) -> dict[str, Any]:
        """Return the unit."""
        return {"unit": "words"}

    def scale(self) -> Scale:
        """Return words, 0 or more; neither way is better."""
        return Scale("words", None, (0.0, None))

    def evaluate(self, prompts: Sequence[Record], evidence: Evidence) -> list[float]:
        """Return the number of words of each answer, shape (len(prompts),)."""
        return [float(len(words(answer_of(answer)))) for answer in evidence.answers]


@hookimpl
def register_evaluators(register: Register) -> None:
    """Register `length`."""
    register("length", AnswerLength)
