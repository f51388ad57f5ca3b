"""The settings of a run come back as a recipe, whatever texts they hold."""

from mods.runs.export.recipe import recipe_of
from mods.settings.layers import make_settings
from mods.settings.recipes import parse_toml


def test_a_recipe_makes_the_same_settings_again(toy_settings, tmp_path):
    settings = toy_settings(
        columns={"output": 'the "answer"\\\x7f\u202e', "instruction": "a b"},
        quality="toy-length:pause=0.5",
        against=["a.jsonl"],
        tuning={"template_kwargs": {"enable_thinking": True}},
    ).as_dict()
    text = recipe_of(settings)
    again = make_settings(("the recipe", parse_toml(text, "recipe"))).as_dict()
    assert again == settings


def test_a_template_is_named_by_its_hash_and_not_made_up(toy_settings):
    settings = toy_settings(tuning={"template": "{{ messages }}"}).as_dict()
    text = recipe_of(settings)
    assert "# template: a file or Jinja text with the hash sha256:" in text
    assert "template" not in parse_toml(text, "recipe")["tuning"]
