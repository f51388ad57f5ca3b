"""A plug-in or model asked for by name, with options."""

from pathlib import Path

import pytest

from mods import SettingsError
from mods.settings.choice import Choice


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("mine", Choice("mine")),
        ("mine:a=1,b=x y,c=true,d=0.5", Choice("mine", {"a": 1, "b": "x y", "c": True, "d": 0.5})),
        ("mine:model=a/b,url=http://x:1/?q=1,2",
         Choice("mine", {"model": "a/b", "url": "http://x:1/?q=1,2"})),
        ("package:llm/x.gguf:dtype=bf16", Choice("package:llm/x.gguf", {"dtype": "bf16"})),
        ("./models/a:b", Choice("./models/a:b")),
    ],
)  # fmt: skip
def test_choices_are_read_as_written(text, choice):
    assert Choice.parse(text) == choice
    assert Choice.parse(str(choice)) == choice


def test_a_choice_is_a_text_a_path_or_a_table():
    assert Choice.read(Path("a/b.gguf"), "model") == Choice("a/b.gguf")
    made = Choice.read({"name": "mine", "a": 1}, "quality")
    assert made == Choice("mine", {"a": 1})
    assert Choice.read(made.as_dict(), "quality") == made
    for wrong in ({"a": 1}, 3, ["mine"]):
        with pytest.raises(SettingsError, match="quality: expected 'NAME:key=value,…' or a table"):
            Choice.read(wrong, "quality")
    with pytest.raises(SettingsError, match="an empty plug-in name"):
        Choice.parse(" ")
    with pytest.raises(SettingsError, match="`name` is the plug-in itself"):
        Choice.parse("mine:name=other")


def test_a_choice_over_one_of_the_same_plug_in_keeps_its_options():
    below = Choice("mine", {"a": 1, "b": 2})
    assert Choice("mine", {"b": 3}).over(below) == Choice("mine", {"a": 1, "b": 3})
    assert Choice("other").over(below) == Choice("other")
