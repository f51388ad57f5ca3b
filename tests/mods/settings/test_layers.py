"""Settings in layers: later ones win, and every mistake is told with its place."""

import pytest

from mods import SettingsError
from mods.settings.amount import Amount
from mods.settings.choice import Choice
from mods.settings.layers import make_settings
from mods.settings.options import Tuning
from mods.settings.recipes import load_recipe, load_toml


def settings(*layers, overrides=()):
    base = ("recipe offline", load_recipe("offline"))
    return make_settings(base, *layers, overrides=overrides)


def test_later_layers_win_and_the_same_plugin_keeps_its_options(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('alpha = "top 10%"\nquality = "reward-model:batch_size=4,model=a/b"\n')
    made = settings(
        (str(file), load_toml(file)),
        ("command line", {"seeds": 9, "quality": "reward-model:batch_size=2"}),
        overrides=["tuning.epochs=5", "embedder.model=x"],
    )
    assert str(made.alpha) == "top 10%"
    assert made.parts["quality"] == Choice("reward-model", {"batch_size": 2, "model": "a/b"})
    assert (made.seeds, made.tuning.epochs) == (Amount(9), 5)
    assert made.parts["embedder"].options == {"model": "x"}
    other = settings(("command line", {"quality": "random"}))
    assert other.parts["quality"] == Choice("random")


def test_kinds_with_a_usual_choice_need_not_be_named():
    parts = settings().parts
    assert [parts[kind].name for kind in ("trainer", "generator", "executor")] == [
        "hf", "hf", "local",
    ]  # fmt: skip


def test_tables_may_come_as_the_objects_they_make():
    made = settings(("select()", {"tuning": Tuning(epochs=7)}), overrides=["tuning.warmup=0.5"])
    assert made.tuning == Tuning(epochs=7, warmup=0.5)


def test_a_chat_template_in_a_file_is_part_of_the_settings(tmp_path):
    file = tmp_path / "chat.jinja"
    file.write_text("{{ messages }}")
    assert settings(("mine", {"tuning": {"template": str(file)}})).tuning.template == (
        "{{ messages }}"
    )


@pytest.mark.parametrize(
    ("layer", "overrides", "message"),
    [
        ({"sedes": 3}, [], "mine: unknown setting 'sedes' (did you mean 'seeds'?)"),
        ({"seeds": "many"}, [], "seeds = 'many'"),
        ({"seeds": None}, [], "`seeds` is not set"),
        ({"embed_text": "all"}, [], "'prompt', 'instruction' or 'both'"),
        ({"quality": {"model": "x"}}, [], "mine: quality: expected 'NAME:key=value,…'"),
        ({"tuning": "lora"}, [], "mine: tuning = 'lora': expected a table"),
        ({"tuning": {"method": "qlora"}}, [], "tuning.method = 'qlora'"),
        ({"alpha": "top30%"}, [], "`alpha` 'top30%'"),
        ({}, ["tuning.epochs=0"], "tuning.epochs = 0: Input should be greater than 0"),
        ({}, ["tuning.epoch=1"], "'tuning.epoch' (did you mean 'epochs'?)"),
        ({}, ["tunning.epochs=1"], "(did you mean 'tuning'?)"),
        ({}, ["epochs=1"], "expected STAGE.OPTION=VALUE"),
        ({}, ["tuning.epochs"], "'tuning.epochs' is not key=value"),
        ({"necessity": None}, ["necessity.a=1"], "no necessity is chosen; use `necessity`"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_is_understood(layer, overrides, message):
    with pytest.raises(SettingsError) as error:
        settings(("mine", layer), overrides=overrides)
    assert message in str(error.value)
