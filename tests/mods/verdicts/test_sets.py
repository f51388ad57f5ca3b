"""Prompts become sets of records, each prompt once, the reference as the reply."""

import json

import pytest

from mods import DataError
from mods.api.inputs import How, registry_with
from mods.verdicts.sets import has_reference, read_sets


@pytest.fixture
def read():
    registry = registry_with(())

    def make(*files):
        return read_sets(files, registry, How())

    return make


def test_a_prompt_is_asked_once_in_a_set_and_again_in_another(read, tmp_path):
    rows = [{"prompt": "a"}, {"prompt": "b", "reference": "x"}, {"prompt": "a"}]
    for name in ("one", "two"):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    one, two = read(tmp_path / "one.jsonl", tmp_path / "two.jsonl")
    assert [prompt.instruction for prompt in one.prompts] == ["a", "b"]
    assert [has_reference(prompt) for prompt in two.prompts] == [False, True]
    assert two.prompts[1].response == "x"
    told = one.as_dict()
    assert (told["prompts"], told["references"], told["repeats"]) == (2, 1, 1)
    assert (told["file"], len(told["sha256"])) == ("one.jsonl", 64)


def test_a_row_that_asks_nothing_is_an_error(read, tmp_path):
    (tmp_path / "one.jsonl").write_text('{"prompt": "a"}\n{"score": 3}\n')
    with pytest.raises(DataError, match="row 2: no prompt"):
        read(tmp_path / "one.jsonl")
    with pytest.raises(DataError, match="no prompts were given"):
        read()
