"""Length of answers."""

from mods import Evidence, Record
from mods_plugins.evaluators.length import AnswerLength


def test_words_of_the_answer_count_and_its_thoughts_do_not():
    prompts = [Record.from_instruction("ask", "")] * 4
    answers = ["", "two words", "<think>a b c</think>one", "東京 tower"]
    found = AnswerLength().evaluate(prompts, Evidence(answers=answers))
    assert found == [0, 2, 1, 3]
    assert AnswerLength().scale().better is None
