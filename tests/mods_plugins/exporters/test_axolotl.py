"""axolotl's rows and configuration, as its documentation has them."""

import json

import yaml
from support.exports import FULL, HALF, SEEING, UNRULY, exported, loaded, reasons
from support.turns import MULTI_TURN

from mods.settings.options import Tuning
from mods.testing import check_exporter
from mods_plugins.exporters.axolotl import Axolotl


def test_every_turn_says_whether_it_is_learned(tmp_path):
    check_exporter(Axolotl())
    rows = exported(Axolotl(), [FULL, MULTI_TURN], tmp_path)
    assert [m["train"] for m in rows[0]["messages"]] == [False] * 6 + [True]
    [every] = Axolotl(turns="all").rows([FULL])
    assert [m["train"] for m in every["messages"]] == [
        False,
        False,
        True,
        False,
        False,
        False,
        True,
    ]
    assert rows[0]["messages"][2] == {
        "role": "assistant",
        "content": "",
        "reasoning_content": "look",
        "tool_calls": [
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "warmth", "arguments": '{"city":"Oslo"}'},
            }
        ],
        "train": False,
    }
    assert json.loads(rows[0]["tools"])[0]["function"]["parameters"] == {"n": 1}
    assert loaded(tmp_path) == rows


def test_the_configuration_names_the_columns_and_the_tuning_of_the_run(tmp_path):
    exported(Axolotl(Tuning(method="full", epochs=2), model="org/a: b"), [FULL], tmp_path)
    config = yaml.safe_load((tmp_path / "axolotl.yaml").read_text())
    (data,) = config["datasets"]
    assert (data["path"], data["ds_type"], data["type"]) == ("train.jsonl", "json", "chat_template")
    assert (data["field_messages"], data["field_tools"]) == ("messages", "tools")
    assert (data["roles_to_train"], data["message_field_training"]) == ([], "train")
    assert (config["base_model"], config["num_epochs"]) == ("org/a: b", 2)
    assert config["micro_batch_size"] * config["gradient_accumulation_steps"] == 128
    assert "adapter" not in config


def test_what_has_no_place_is_refused():
    found = reasons(Axolotl(), HALF, SEEING, UNRULY)
    for word, reason in zip(("weight 0.5", "media", "role 'critic'"), found, strict=True):
        assert word in reason
