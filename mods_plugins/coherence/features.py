"""The features of one record that `coherence` learns from. A helper: no hooks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from mods import Record
from mods_plugins.text import CLOSERS, SENTENCE_END, script, sentences, words

FEATURES = (
    "encoder cosine",
    "type-token ratio",
    "mean word length",
    "prompt words used",
    "response words from prompt",
    "final punctuation",
    "capital start",
    "digit share",
    "question",
    "refusal",
    "first person",
    "opens with a connective",
    "numbered in order",
    "neighbouring sentences",
)
"""Columns of the features, before the last one (the script). None counts size or markup."""

ABSENT = -1.0
"""Stands for "does not apply to this row": such a feature moves no score. Only in columns whose
values are never negative."""
SIGNED = (FEATURES.index("encoder cosine"), FEATURES.index("neighbouring sentences"))

FIRST_WORDS = 60
"""Words that the type-token ratio is taken of: over a whole text it falls with the length."""
OPENING = 300
"""Characters in which a refusal comes, if it comes at all."""
LONG_WORDS = 12.0
"""A mean word length above this is that of code or addresses, and counts as this."""
SHORT_ANSWER = 3
"""So many words need no full stop."""
LEAST_SENTENCES = 3
"""Fewer have no sentence after the next one to compare with."""

_CONNECTIVES = re.compile(
    "(?:additionally|afterwards|also|and|another|because|but|consequently|conclusion|finally|"
    "furthermore|he|hence|her|his|however|instead|it|its|lastly|meanwhile|moreover|next|or|overall|"
    "second|secondly|she|similarly|so|that|their|then|therefore|these|they|third|thirdly|this|"
    "those|thus|such)"
)
_FIRST_PERSON = re.compile("(?:i|i'm|i've|i'd|i'll|me|my|mine|myself)")
_REFUSAL = re.compile(
    "i'm sorry|i am sorry|i apologize|i cannot|i can't|as an ai|language model|unable to|"
    "not able to|no input|抱歉|无法|申し訳|죄송|lo siento|no puedo|desculpe|je suis désolé|"
    "es tut mir leid|извините|я не могу|عذرا|क्षमा"
)
_NUMBERED = re.compile(r"(?m)(?:^|(?<=[.!?。！？]\s))[ \t]*(?:step )?(\d{1,2})[.):、]\s?")
_WHOLE_WITHOUT_STOP = "}])`>;"
"""Ends of code, tables and formulas that need no full stop."""


def last_turn(record: Record) -> str:
    """Return the text of the turn that the response follows, empty if it follows none."""
    return record.context[-1].content if record.context else ""


def newest_first(record: Record) -> str:
    """Return the turns before the response, the last one first, without system messages."""
    return "\n".join(turn.content for turn in reversed(record.context) if turn.role != "system")


def script_code(record: Record) -> float:
    """Return the script of the response (see `text.script`); without letters, of the prompt."""
    kind = script(record.response)
    if kind is None:
        kind = script(last_turn(record))
    return float(kind or 0)


def text_features(record: Record) -> list[float]:
    """Return the 13 columns between the encoder's and the script; `ABSENT` where one is not."""
    response = record.response.strip()
    found = words(response)
    asked = set(words(last_turn(record)))
    talked = set(words(newest_first(record)))
    lower = response[:OPENING].lower().replace("’", "'")
    parts = [part for part in map(words, sentences(response)) if part]
    return [
        _share(len(set(found[:FIRST_WORDS])), len(found[:FIRST_WORDS])),
        _mean_word_length(found, response),
        _share(len(asked.intersection(found)), len(asked)),
        _share(sum(word in talked for word in found), len(found)),
        _ends_whole(response, found),
        _starts_with_capital(response),
        _share(sum(map(str.isdigit, response)), len(response)),
        float(any(mark in response for mark in "?？؟")),
        float(_REFUSAL.search(lower) is not None),
        _share(sum(_FIRST_PERSON.fullmatch(word) is not None for word in found), len(found)),
        float(bool(found) and _CONNECTIVES.fullmatch(found[0]) is not None),
        _in_order([int(number) for number in _NUMBERED.findall(response)]),
        _neighbours([set(part) for part in parts]),
    ]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _mean_word_length(found: Sequence[str], response: str) -> float:
    if script(response) == 2:
        return ABSENT
    return min(LONG_WORDS, _share(sum(map(len, found)), len(found)))


def _ends_whole(response: str, found: Sequence[str]) -> float:
    """Say whether the response ends like a whole text; a word or two need no full stop."""
    end = response[-1:]
    if end in SENTENCE_END or end in _WHOLE_WITHOUT_STOP:
        return float(bool(response))
    if response.rstrip(CLOSERS)[-1:] in SENTENCE_END:
        return 1.0
    return 0.0 if len(found) > SHORT_ANSWER else ABSENT


def _starts_with_capital(response: str) -> float:
    first = next((character for character in response if character.isalnum()), "")
    if first.isdigit():
        return 1.0
    if first.upper() == first.lower():
        return ABSENT
    return float(first.isupper())


def _in_order(numbers: Sequence[int]) -> float:
    """Return the share of list numbers that follow the one before; 1 where there is no list."""
    if not numbers:
        return 1.0
    if numbers[0] > 1:
        return 0.0
    steps = [b == a + 1 or b <= 1 for a, b in pairwise(numbers)]
    return _share(sum(steps), len(steps)) if steps else 1.0


def _neighbours(parts: Sequence[set[str]]) -> float:
    """Return how much more a sentence shares with the next one than with the one after."""
    if len(parts) < LEAST_SENTENCES:
        return 0.0
    near = [_overlap(a, b) for a, b in pairwise(parts)]
    far = [_overlap(a, b) for a, b in zip(parts, parts[2:], strict=False)]
    return sum(near) / len(near) - sum(far) / len(far)


def _overlap(one: set[str], other: set[str]) -> float:
    return len(one & other) / max(1, min(len(one), len(other)))
