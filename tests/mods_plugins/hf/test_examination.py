import json

import pytest
from support.templates import DEAF, DUAL, KNOWING, OPENING, STRICT
from support.tiny_models import CHAT_TEMPLATE, tiny_llama, tiny_tokenizer

from mods_plugins.hf.chat.format import ChatFormat
from mods_plugins.hf.examination import examine

PARTS = {
    "user and assistant in turn", "system turn", "later system turn", "two user turns in a row",
    "list of tools", "calls of tools", "results of tools", "reasoning of the answer",
    "generation prompt", "end of turn", "training mask",
}  # fmt: skip
RIGHT = {"user and assistant in turn", "generation prompt", "end of turn", "training mask"}


@pytest.mark.parametrize(
    ("template", "works"),
    [
        (KNOWING, PARTS),
        (CHAT_TEMPLATE, PARTS - {"list of tools", "calls of tools", "reasoning of the answer"}),
        (DEAF, RIGHT | {"two user turns in a row"}),
        (STRICT, RIGHT),
        (None, None),
    ],
)
def test_each_part_is_found_out_about(template, works):
    found = examine(ChatFormat(tiny_tokenizer(), template))
    assert {finding.what for finding in found} == PARTS
    if works is not None:
        assert {finding.what for finding in found if finding.works} == works


def test_what_is_done_with_thoughts_is_said():
    for template, said in ((OPENING, "opens a block"), (DUAL, "closes the thoughts")):
        found = {f.what: f.how for f in examine(ChatFormat(tiny_tokenizer(), template))}
        assert said in found["generation prompt"]


def test_the_command_shows_a_table_or_json(mods, tmp_path):
    model = tiny_llama(tmp_path / "model")
    shown = mods("doctor", "--model", model).output
    assert "system turn                  yes  shown" in shown
    found = json.loads(mods("doctor", "--model", model, "--template", "alpaca", "--json").output)
    assert {line["what"] for line in found} == PARTS
    assert (
        "is neither Jinja text nor a file"
        in mods("doctor", "--model", model, "--template", "nothing", code=1).output
    )
    assert "give the" in mods("doctor", "--template", "alpaca", code=1).output
