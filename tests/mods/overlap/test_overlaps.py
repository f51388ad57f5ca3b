"""When a row counts as one that repeats a prompt, and when not."""

import pytest

from mods import Conversation, Message, Record
from mods.data.prompts import Prompt
from mods.overlap.overlaps import COMMON, find_overlaps

LONG = "write a story about a brave knight who is on a quest to save the world from evil forces"


def kinds(rows, prompts):
    return [(found.row, found.prompt, found.kind) for found in find_overlaps(rows, prompts)]


def test_a_prompt_is_found_whole_in_a_question_or_an_answer_whatever_its_form(prompts, row):
    rows = [
        row(f"{LONG.capitalize()}!", "Once …", number=1),
        row("hi", f"They asked: “{LONG.upper()}” — so", number=2),
        row("write a story", "about a brave knight who is on a quest", number=3),
    ]
    found = find_overlaps(rows, prompts("other", LONG))
    assert [(f.source, f.row, f.set, f.prompt, f.kind) for f in found] == [
        ("rows.jsonl", 1, "test", 2, "whole"),
        ("rows.jsonl", 2, "test", 2, "whole"),
    ]
    assert (found[0].overlap, found[0].share) == (LONG, 1.0)


def test_short_prompts_count_where_a_row_asks_just_them_or_opens_with_them(prompts, row):
    rows = [
        row("Tell me a joke!", "…", number=1),
        row("Tell me a joke about cats", "…", number=2),
        row("Say it", "Tell me a joke", number=3),
        row("tell me a joke", "No", "Why?", "So", number=4),
        row("Hello", "Hi", "Tell me a joke", "So", number=5),
    ]
    asked = prompts("tell me a joke")
    assert kinds(rows, asked) == [(1, 1, "whole"), (4, 1, "whole")]
    system = Record.from_instruction("tell me a joke", "So", system="Be kind", row=6)
    assert kinds([system], asked) == [(6, 1, "whole")]


WORDS = [f"w{number}" for number in range(60)]
"""A prompt of 53 8-grams and 48 13-grams."""


def run(length):
    """So many of its words in a row."""
    return " ".join(WORDS[7 : 7 + length])


def pieces(number):
    """Pieces of twelve words, none of which holds a 13-gram; each has five more 8-grams."""
    return " so ".join(" ".join(WORDS[at : at + 12]) for at in range(0, 5 * number, 5))


@pytest.mark.parametrize(
    ("said", "kind", "share"),
    [
        (run(24), "13-gram", 12 / 48),
        (run(23), None, 0),
        (pieces(6), "8-gram", 30 / 53),
        (pieces(5), None, 0),
    ],
)
def test_a_quarter_of_the_13_grams_or_half_of_the_8_grams_count(prompts, row, said, kind, share):
    found = find_overlaps([row("q", said)], prompts(" ".join(WORDS)))
    assert [(one.kind, one.share) for one in found] == ([(kind, share)] if kind else [])


def test_eight_words_alone_are_a_turn_of_phrase_unless_they_are_the_prompt(prompts, row):
    rows = [row("q", " ".join(WORDS[:8]))]
    assert find_overlaps(rows, prompts(" ".join(WORDS[:9]))) == []
    assert kinds(rows, prompts(" ".join(WORDS[:8]))) == [(1, 1, "whole")]


def test_words_that_both_have_are_told_with_gaps(prompts, row):
    said = f"{run(12)} and {' '.join(WORDS[30:50])}"
    (found,) = find_overlaps([row("q", said)], prompts(" ".join(WORDS[7:50])))
    assert found.overlap == f"{run(12)} … {' '.join(WORDS[30:50])}"
    assert str(found).startswith("repeats test, row 1 (13-gram, 26%): w7 w8")


def test_boilerplate_of_many_rows_counts_only_as_the_question_itself(prompts, row):
    phrase = "imagine you are a time traveler from the year 3000"
    asked = prompts(f"{phrase} and why")
    few = [row(f"{phrase} then {n}", "a", number=n) for n in range(1, COMMON + 1)]
    assert {kind for _, _, kind in kinds(few, asked)} == {"8-gram"}
    assert len(kinds(few, asked)) == COMMON
    many = [*few, row(f"{phrase} then", "a", number=98), row(f"{phrase} and why", "a", number=99)]
    assert kinds(many, asked) == [(99, 1, "whole")]


def test_a_long_prompt_is_found_whole_however_many_rows_repeat_it(prompts, row):
    rows = [row(f"{n}: {LONG}", "a", number=n) for n in range(1, 3 * COMMON)]
    assert len(kinds(rows, prompts(LONG))) == 3 * COMMON - 1


def test_prompts_that_are_alike_are_all_named(prompts, row):
    assert kinds([row(LONG, "a")], prompts(LONG, "other", f"{LONG}.")) == [
        (1, 1, "whole"),
        (1, 3, "whole"),
    ]


def test_system_texts_are_no_part_of_a_prompt_and_scripts_without_spaces_are_compared(row):
    asked = Conversation.from_instruction("请用三句话介绍一下长城的历史", system=LONG)
    prompt = Prompt("test", "test.jsonl", 1, asked)
    rows = [row(LONG, "a", number=1), row("你好！请用三句话介绍一下长城的历史。", "好", number=2)]
    assert kinds(rows, [prompt]) == [(2, 1, "whole")]


def test_a_conversation_is_found_turn_by_turn(prompts):
    turns = (Message("user", "Hi"), Message("assistant", "Hello"), Message("user", "Bye"))
    prompt = Prompt("test", "test.jsonl", 1, Conversation(turns, "Bye"))
    same = Record(prompt.conversation, Message("assistant", "x"), row=1)
    other = Record(Conversation(turns[:1], "Hi"), Message("assistant", "Hello"), row=2)
    assert kinds([same, other], [prompt]) == [(1, 1, "whole")]


def test_progress_is_told_and_no_prompts_find_nothing(row):
    seen = []
    assert find_overlaps([row("a", "b")] * 1001, [], on_progress=seen.append) == []
    assert seen == [1000, 1]
