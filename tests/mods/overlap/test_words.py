"""Words of any script, without case, form and punctuation."""

import pytest

from mods.overlap.words import words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Don't STOP: snake_case, 3.5!", "don t stop snake case 3 5"),
        ("Don’t STOP — “snake_case”, 3.5…", "don t stop snake case 3 5"),  # not ASCII, the same
        ("ﬁne １２３ Straße co\u00adoperate", "fine 123 strasse cooperate"),
        ("e\u0301te\u0301 été", "été été"),
        ("हिन्दी में", "हिन्दी में"),  # vowel signs stay in their word
        ("안녕 하세요", "안녕 하세요"),
        ("你好，world。", "你 好 world"),
        ("ひらカナ漢字", "ひ ら カ ナ 漢 字"),
        ("กินข้าว", "ก น ข า ว"),
        ("+ - 😀", "+ - 😀"),  # nothing but signs
        (" \n", ""),
    ],
)
def test_words_are_what_is_left_of_a_text(text, found):
    assert words(text) == found.split()
