"""What rows share with prompts: the same n-grams as sets of Python tuples, wherever they stand."""

import random

from mods.overlap.index import TEMPLATE, PromptIndex


def grams(words, n):
    return {tuple(words[at : at + n]) for at in range(len(words) - n + 1)}


def test_shared_n_grams_are_those_of_plain_sets(prompts, row):
    rng = random.Random(0)
    letters = [rng.choices("abc", k=rng.randint(1, 60)) for _ in range(60)]
    rows = [rng.choices("abcx", [9, 9, 9, 1], k=200) for _ in range(40)]
    asked = prompts(*map(" ".join, letters))
    index = PromptIndex(asked)
    records = [row("q", " ".join(words)) for words in rows]
    looked = dict(index.look(records))
    pairs = 0
    for at, words in enumerate(rows):
        found = {shared.text: shared for shared in looked.get(at, [])}
        for number, text in enumerate(index.texts):
            shared = found.get(number)
            for n in (8, 13):
                known = set() if shared is None else shared.eights if n == 8 else shared.thirteens
                spelt = {tuple(text.words[place : place + n]) for place in known}
                assert spelt == grams(text.words, n) & grams(words, n)
            pairs += shared is not None
    assert pairs > 500
    assert [len(grams(text.words, 8)) <= text.eights for text in index.texts]


def test_n_grams_do_not_go_across_turns_or_rows(prompts, row):
    text = "one two three four five six seven eight"
    index = PromptIndex(prompts(text))
    half, other = text[:18], text[19:]
    apart = [row(half, other), row("q", half), row(other, "a")]
    assert list(index.look(apart)) == []
    assert [at for at, _ in index.look([*apart, row("q", f"So: {text}!")])] == [3]


def test_the_template_of_a_set_is_not_looked_for(prompts, row):
    template = "answer the following question with one of the letters given below"
    ends = [f"{template} {n} what is it" for n in range(TEMPLATE + 1)]
    index = PromptIndex(prompts(*ends))
    assert list(index.look([row(f"{template} other", "a")])) == []
    ((_, shared),) = index.look([row("q", ends[7])])
    assert [(one.text, len(one.eights)) for one in shared] == [(7, 4)]
    assert index.texts[7].eights == 4
