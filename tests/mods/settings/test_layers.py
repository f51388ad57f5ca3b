import pytest

from mods import SettingsError
from mods.config import Choice, load_recipe, load_toml, make_settings, recipe_names


def settings(*layers, overrides=()):
    base = ("recipe offline", load_recipe("offline"))
    return make_settings(base, *layers, overrides=overrides)


def test_every_recipe_is_complete():
    assert recipe_names() == ["default", "offline", "paper"]
    for name in recipe_names():
        made = make_settings((name, load_recipe(name)), ("cli", {"model": "some/model"}))
        assert made.budget > made.seeds


def test_the_paper_recipe_holds_the_paper_s_values():
    paper = make_settings(("paper", load_recipe("paper")), ("cli", {"model": "m"}))
    assert paper.quality.options["model"] == "OpenAssistant/reward-model-deberta-v3-large-v2"
    assert paper.embedder == Choice("transformer", {"model": "bert-base-uncased", "pooling": "cls"})
    assert (paper.alpha.value, paper.beta.value) == (0.0, 0.0)
    tuning = paper.tuning
    assert (tuning.method, tuning.epochs, tuning.batch_size) == ("full", 3, 128)
    assert (tuning.learning_rate, tuning.warmup) == (2e-5, 0.03)


def test_later_layers_win_and_the_same_plugin_keeps_its_options(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('alpha = "top 10%"\nquality = "reward-model:batch_size=4,model=a/b"\n')
    made = settings(
        (str(file), load_toml(file)),
        ("command line", {"seeds": 9, "quality": "reward-model:batch_size=2"}),
        overrides=["tuning.epochs=5", "embedder.model=x"],
    )
    assert str(made.alpha) == "top 10%"
    assert made.quality == Choice("reward-model", {"batch_size": 2, "model": "a/b"})
    assert (made.seeds, made.tuning.epochs) == (9, 5)
    assert made.embedder.options == {"model": "x"}
    other = settings(("command line", {"quality": "random"}))
    assert other.quality == Choice("random")


@pytest.mark.parametrize(
    ("layer", "overrides", "message"),
    [
        ({"sedes": 3}, [], "mine: unknown setting 'sedes' (did you mean 'seeds'?)"),
        ({"seeds": "many"}, [], "seeds = 'many'"),
        ({"seeds": 0}, [], "--seeds 0"),
        ({"budget": 3}, [], "--budget 3 is below --seeds"),
        ({"embed_text": "all"}, [], "'prompt', 'instruction' or 'both'"),
        ({"quality": {"model": "x"}}, [], "a table with `name`"),
        ({"tuning": {"method": "qlora"}}, [], "tuning.method = 'qlora'"),
        ({}, ["tuning.epochs=0"], "tuning.epochs = 0: Input should be greater than 0"),
        ({}, ["tuning.epoch=1"], "'tuning.epoch' (did you mean 'epochs'?)"),
        ({}, ["tunning.epochs=1"], "(did you mean 'tuning'?)"),
        ({}, ["epochs=1"], "expected STAGE.OPTION=VALUE"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_is_understood(layer, overrides, message):
    with pytest.raises(SettingsError) as error:
        settings(("mine", layer), overrides=overrides)
    assert message in str(error.value)


def test_a_budget_above_the_seeds_needs_a_model():
    with pytest.raises(SettingsError, match="name it with --model"):
        make_settings(("default", load_recipe("default")))


def test_a_toml_mistake_names_file_and_line(tmp_path):
    file = tmp_path / "bad.toml"
    file.write_text("alpha = \n")
    with pytest.raises(SettingsError, match=r"bad\.toml.*line 1"):
        load_toml(file)
    with pytest.raises(SettingsError, match="did you mean 'offline'"):
        load_recipe("ofline")
