"""Other endpoints than chat: what an answer holds, or why it holds nothing."""

import json

import pytest

from mods_plugins.openai.endpoints import (
    CLASSIFY,
    COMPLETIONS,
    POOLING,
    Score,
    Written,
    read_classified,
    read_pooled,
    read_written,
)
from mods_plugins.openai.replies import Failed, Refused


def as_body(found):
    return json.dumps(found).encode()


def written(**choice):
    return as_body({"choices": [choice], "usage": {"total_tokens": 7}, "model": "m"})


def pooled(data):
    return as_body({"data": [{"index": 0, "data": data}], "usage": {"total_tokens": 3}})


def test_token_ids_are_read_as_they_are():
    assert read_written(written(token_ids=[5, 0, 9], text="x")) == Written((5, 0, 9), 7, "m")


@pytest.mark.parametrize(
    "body",
    [
        written(text="an old server"),
        written(token_ids=None),
        written(token_ids=[1.5]),
        written(token_ids=[-1]),
        as_body({"choices": []}),
        as_body([]),
        b'{"choices": [{"token_ids": [1,',
    ],
)
def test_an_answer_without_token_ids_is_none(body):
    with pytest.raises(Failed):
        read_written(body)


def test_one_number_is_a_score():
    assert read_pooled(pooled([-2.5])) == Score(-2.5, 3, "")
    found = [{"embedding": [3], "meta_info": {"prompt_tokens": 4}}]
    assert (
        read_classified(as_body(found)) == read_classified(as_body(found[0])) == Score(3.0, 4, "")
    )


@pytest.mark.parametrize("read", [POOLING.read, CLASSIFY.read])
def test_a_classifier_of_several_classes_and_nan_have_no_score(read):
    for data, reason in (([0.1, 0.9], "2 numbers for one row"), ([None], "no finite number")):
        found = {"data": [{"data": data}], "embedding": data}
        with pytest.raises(Refused, match=reason):
            read(as_body(found))


@pytest.mark.parametrize("data", [[], ["x"], [True], 1.0, {}])
def test_anything_else_is_asked_for_again(data):
    for read, found in (
        (read_pooled, {"data": [{"data": data}]}),
        (read_classified, {"embedding": data}),
    ):
        with pytest.raises(Failed):
            read(as_body(found))
    with pytest.raises(Failed):
        read_pooled(b'{"data": [{"data": [NaN]}]}')


def test_the_paths_are_those_of_the_servers():
    paths = [endpoint.path for endpoint in (COMPLETIONS, POOLING, CLASSIFY)]
    assert paths == ["/completions", "/pooling", "/classify"]
