"""The verdict in words: complete, escaped, and the same numbers on the page and in the table."""

import re

import pytest
from support.verdicts import verdict

from mods.judging.page import page, table


@pytest.fixture(scope="module")
def made():
    return verdict()


def test_page_and_table_say_the_word_the_reason_and_every_effect(made):
    for text in (page(made), table(made)):
        plain = text.replace("\\", "")
        assert made["word"] in plain
        assert made["reason"] in plain
        for name in (*made["sets"], "all sets", "the longest responses", "12,345"):
            assert name in plain
        for measure in made["measures"].values():
            assert measure["words"].lower() in plain.lower()
            assert len(re.findall(r"\d \(.\d.* to .\d", plain)) >= 8
            for judgement in measure["by_set"].values():
                assert f"{judgement['comparisons'][0]['effect']:+#.3g}" in plain
        assert "not independent" in plain
        assert made["notes"][0] in plain


def test_every_table_of_the_page_has_one_number_of_cells(made):
    for block in re.findall(r"(?:^\|.*\n)+", page(made), re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_text_from_data_neither_formats_nor_drives_a_terminal(made):
    evil = "a|b<script>*x*[y](http://z.test)\n# h\x1b[31m`"
    changed = {
        **made,
        "notes": [evil],
        "sets": {evil: made["sets"]["vicuna"]},
        "run": {**made["run"], "folder_name": evil},
        "arms": {**made["arms"], "quality": {**made["arms"]["quality"], "words": evil}},
    }
    for text in (page(changed), table(changed)):
        assert "\x1b" not in text
        assert "\n# h" not in text
    text = page(changed)
    assert "<script>" not in text
    assert not re.search(r"(?<!\\)(\]\(|\*x|`)|http://", text)
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_what_is_not_there_is_a_dash_and_what_is_not_done_is_said(made):
    loss = made["measures"]["loss"]
    judgement = {
        "word": "no evidence",
        "reason": "x",
        "means": {},
        "intervals": {},
        "comparisons": [],
    }
    changed = {
        **made,
        "status": "judging",
        "word": None,
        "costs": {},
        "notes": [],
        "measures": {"loss": {**loss, "by_set": {"vicuna": judgement, "all": judgement}}},
    }
    assert "not finished" in page(changed)
    assert "vicuna" in table(changed)
    assert "–" in table(changed)


def test_arms_that_are_not_matched_are_named(made):
    arms = {**made["arms"], "whole": {**made["arms"]["whole"], "matched": False}}
    assert "Not matched by tokens and updates: the whole pool" in page({**made, "arms": arms})
    assert "Not matched" not in page(made)
