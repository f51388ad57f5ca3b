"""The words of a text, in any script, as they are compared: without case, form and punctuation."""

from __future__ import annotations

import unicodedata

UNSPACED = ("CJK ", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "THAI ", "LAO ", "KHMER ", "MYANMAR ")
"""How the names of characters begin whose scripts put no space between words."""
ASCII = bytes(
    ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else ord(" ")
    for code in range(256)
)
"""What each ASCII character becomes; a table of bytes is several times as fast as one of text."""


class _Separated(dict[int, str]):
    """What each character becomes, found out when it first comes up."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        kind = unicodedata.category(character)
        if kind == "Cf":  # soft hyphens, joiners: they stand within words
            found = ""
        elif kind[0] not in "LMN":
            found = " "
        elif not unicodedata.name(character, "").startswith(UNSPACED):
            found = character
        else:  # vowel signs belong to the letter before
            found = "" if kind[0] == "M" else f" {character} "
        self[code] = found
        return found


_SEPARATED = _Separated()


def words(text: str) -> list[str]:
    """Return the words of a text: NFKC, case folded, punctuation dropped.

    Scripts without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) give one word a letter. A
    text of nothing but signs gives what stands between its blanks.
    """
    if text.isascii():
        return text.encode().translate(ASCII).decode("ascii").split() or text.split()
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return text.translate(_SEPARATED).split() or text.split()
