"""ms-swift's rows and configuration, as its documentation has them."""

import json

import yaml
from support.exports import CROSSED, FULL, HALF, SEEING, UNMARKED, UNRULY, exported, loaded, reasons
from support.turns import MULTI_TURN

from mods.settings.options import Tuning
from mods.testing import check_exporter
from mods_plugins.exporters.ms_swift import MsSwift


def test_calls_and_results_are_turns_and_answers_say_whether_they_are_learned(tmp_path):
    check_exporter(MsSwift())
    rows = exported(MsSwift(), [FULL, MULTI_TURN, SEEING], tmp_path)
    messages = rows[0]["messages"]
    assert [(m["role"], m.get("loss")) for m in messages] == [
        ("system", None), ("user", None), ("assistant", False), ("tool_call", False),
        ("tool_response", None), ("assistant", False), ("user", None), ("assistant", True),
        ("tool_call", True),
    ]  # fmt: skip
    assert messages[2]["content"] == "<think>\nlook\n</think>\n\n"
    assert json.loads(messages[3]["content"]) == {"name": "warmth", "arguments": {"city": "Oslo"}}
    assert json.loads(rows[0]["tools"])[0]["function"]["name"] == "warmth"
    assert rows[2]["images"] == ["a.png"]
    assert loaded(tmp_path) == rows
    [every] = MsSwift(turns="all").rows([FULL])
    assert [m["loss"] for m in every["messages"] if "loss" in m] == [True, True, False, True, True]


def test_the_configuration_names_the_data_and_the_tuning_of_the_run(tmp_path):
    exported(MsSwift(Tuning(lora_rank=4), model="org/a"), [MULTI_TURN], tmp_path)
    config = yaml.safe_load((tmp_path / "ms_swift.yaml").read_text())
    assert (config["model"], config["dataset"]) == ("org/a", "train.jsonl")
    assert (config["tuner_type"], config["lora_rank"]) == ("lora", 4)


def test_what_has_no_place_is_refused():
    found = reasons(MsSwift(), HALF, UNMARKED, CROSSED, UNRULY)
    wanted = ("weight 0.5", "where its media stand", "order of the calls", "role 'critic'")
    for word, reason in zip(wanted, found, strict=True):
        assert word in reason
