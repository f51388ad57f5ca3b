"""Recipes: complete, as the paper says, and told apart from files."""

import os
from pathlib import Path

import pytest

from mods import SettingsError
from mods.settings.choice import Choice
from mods.settings.layers import make_settings
from mods.settings.recipes import load_recipe, load_toml, recipe_names


def test_every_recipe_is_complete():
    assert recipe_names() == ["default", "offline", "paper"]
    for name in recipe_names():
        made = make_settings((name, load_recipe(name)), ("cli", {"model": "some/model"}))
        assert made.tunes


def test_the_paper_recipe_holds_the_paper_s_values():
    paper = make_settings(("paper", load_recipe("paper")), ("cli", {"model": "m"}))
    quality, embedder = paper.parts["quality"], paper.parts["embedder"]
    assert quality.options["model"] == "OpenAssistant/reward-model-deberta-v3-large-v2"
    bert = {"model": "bert-base-uncased", "pooling": "cls", "max_length": 96, "dtype": "float32"}
    assert embedder == Choice("transformer", bert)
    assert (paper.alpha.value, paper.beta.value) == (0.0, 0.0)
    tuning = paper.tuning
    assert (tuning.method, tuning.epochs, tuning.batch_size) == ("full", 3, 128)
    assert (tuning.learning_rate, tuning.warmup) == (2e-5, 0.03)


def test_a_recipe_may_be_a_file(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("seeds = 3\n")
    assert load_recipe(str(file)) == {"seeds": 3}


def test_a_recipe_reaches_for_no_file_outside_its_folder(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "secret").write_text("mine")
    (tmp_path / "sub" / "chat.jinja").write_text("{{ messages }}")
    file = tmp_path / "sub" / "mine.toml"
    for template in ("../secret", str(tmp_path / "secret"), "~/secret"):
        file.write_text(f'[tuning]\ntemplate = "{template}"\n')
        with pytest.raises(SettingsError, match="leads out of the folder of the recipe"):
            load_toml(file)
    file.write_text('[tuning]\ntemplate = "chat.jinja"\n')
    assert load_toml(file)["tuning"]["template"] == str(tmp_path / "sub" / "chat.jinja")


def test_a_mistake_in_a_file_names_the_file_and_the_line(tmp_path):
    file = tmp_path / "bad.toml"
    file.write_text("alpha = \n")
    with pytest.raises(SettingsError, match=r"bad\.toml.*line 1"):
        load_toml(file)
    file.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match=r"bad\.toml is not UTF-8"):
        load_toml(file)
    with pytest.raises(SettingsError, match=r"none\.toml: no such file"):
        load_toml(tmp_path / "none.toml")
    with pytest.raises(SettingsError, match="did you mean 'offline'"):
        load_recipe("ofline")


def test_paths_in_a_recipe_are_those_of_the_recipe(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(
        'model = "./tuned"\nagainst = ["./a.jsonl"]\n'
        '[quality]\nname = "ifd"\nmodel = "../base"\nnote = "a/b"\n'
    )
    loaded = load_toml(file)
    assert loaded["model"] == str(tmp_path / "tuned")
    assert loaded["against"] == [str(tmp_path / "a.jsonl")]
    assert loaded["quality"]["model"] == str(tmp_path.parent / "base")
    assert loaded["quality"]["note"] == "a/b"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a = " + "[" * 50_000, "nested too deeply"),
        (f"seeds = {'9' * 5000}", "digits"),
        ("# " + "x" * (1 << 20), "bytes; a file of settings has at most"),
    ],
)
def test_a_file_that_asks_too_much_is_refused(text, told, tmp_path):
    file = tmp_path / "big.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=told):
        load_toml(file)


def test_what_could_go_on_for_ever_is_not_read(tmp_path):
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(SettingsError, match="no plain file"):
            load_toml(path)
