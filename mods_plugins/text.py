"""Words and sentences in any script, and records with another response. A helper: no hooks."""

from __future__ import annotations

import re
from dataclasses import replace

from mods import Record

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3041-\u30ff\u31f0-\u31ff"  # Hiragana, Katakana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
"""Scripts that put no spaces between words (a character class): one character is one word."""

_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"
# `\w` leaves out the vowel signs of Hindi, Arabic and others and would cut their words to pieces.

_LETTER = f"(?:[^\\W_{UNSPACED}]|[{_MARKS}])"
_WORD = re.compile(f"[{UNSPACED}]|{_LETTER}+(?:['’]{_LETTER}+)*")
_UNSPACED = re.compile(f"[{UNSPACED}]")
_CASELESS = re.compile("[\u0590-\u08ff\u0900-\u0dff\u1100-\u11ff\u3130-\u318f\uac00-\ud7ff]")

SENTENCE_END = ".!?…。！？؟।॥۔｡"
"""Punctuation that closes a sentence, in Latin, Chinese, Japanese, Arabic, Hindi, Urdu."""
CLOSERS = "\"'”’»)]}」』）】*`"
"""What may follow it: closing quotes, brackets, markup."""

_SENTENCE = re.compile(
    f"[^\\n{SENTENCE_END}]*(?:[{SENTENCE_END}]+[{re.escape(CLOSERS)}]*(?:\\s+|$|(?<=[。！？؟।॥۔｡]))"
    f"|[{SENTENCE_END}]+|\\n+|$)"
)


def words(text: str) -> list[str]:
    """Split a text into lower-case words; in scripts without spaces, into characters.

    Punctuation and white space are left out.
    """
    return _WORD.findall(text.lower())


def sentences(text: str) -> list[str]:
    """Split a text into sentences and lines; joined without separator they are the text."""
    parts: list[str] = []
    open_part = ""
    for piece in _SENTENCE.findall(text):
        open_part += piece
        if piece and (piece[-1].isspace() or piece.rstrip(CLOSERS)[-1:] in "。！？؟।॥۔｡"):
            parts.append(open_part)
            open_part = ""
    return [*parts, open_part] if open_part else parts


def script(text: str) -> int | None:
    """Name the kind of script most letters of a text belong to.

    Returns 0 for scripts with capitals (Latin, Greek, Cyrillic), 1 for those without (Arabic,
    Hebrew, Indic, Hangul), 2 for those without spaces (Han, Kana, Thai), None without letters.
    """
    unspaced = len(_UNSPACED.findall(text))
    caseless = len(_CASELESS.findall(text))
    letters = sum(map(str.isalpha, text))
    if not letters and not unspaced:
        return None
    # One Han character says about as much as two or three Latin letters.
    counts = {0: letters - unspaced - caseless, 1: caseless, 2: 2 * unspaced}
    return max(counts, key=lambda kind: (counts[kind], -kind))


def with_response(record: Record, response: str) -> Record:
    """Return the record with another response, and the id that belongs to it.

    Calls of tools and reasoning of the old one go with it.
    """
    reply = record.reply._replace(content=response, tool_calls=(), reasoning="")
    return replace(record, reply=reply, id="")
