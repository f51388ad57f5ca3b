"""LLaMA-Factory's rows and configuration, as its documentation has them."""

import json

import yaml
from support.exports import CROSSED, FULL, HALF, SEEING, UNMARKED, exported, loaded, reasons
from support.turns import MULTI_TURN

from mods import Message, Record, ToolCall
from mods.settings.options import Tuning
from mods.testing import check_exporter
from mods_plugins.exporters.llama_factory import LlamaFactory


def test_calls_results_and_thoughts_have_their_places(tmp_path):
    check_exporter(LlamaFactory())
    rows = exported(LlamaFactory(), [FULL, MULTI_TURN, SEEING], tmp_path)
    turns = rows[0]["conversations"]
    assert [turn["from"] for turn in turns] == [
        "human", "function_call", "observation", "gpt", "human", "function_call"
    ]  # fmt: skip
    thoughts, call = turns[1]["value"].split("</think>\n\n")
    assert thoughts == "<think>\nlook\n"
    assert json.loads(call) == {"name": "warmth", "arguments": {"city": "Oslo"}}
    assert rows[0]["system"] == "be kind"
    assert json.loads(rows[0]["tools"])[0]["function"]["name"] == "warmth"
    assert (rows[1]["tools"], rows[2]["images"]) == ("", ["a.png"])
    assert loaded(tmp_path) == rows
    info = json.loads((tmp_path / "dataset_info.json").read_text())
    assert info["mine"]["file_name"] == "train.jsonl"
    assert set(info["mine"]["columns"].values()) == set(rows[0]) | {"images"}


def test_the_configuration_names_the_data_and_what_is_learned(tmp_path):
    for turns, masked in (("last", True), ("all", False)):
        exported(LlamaFactory(Tuning(turns=turns), model="org/a"), [MULTI_TURN], tmp_path)
        config = yaml.safe_load((tmp_path / "llama_factory.yaml").read_text())
        assert config["mask_history"] is masked
        assert (config["dataset"], config["dataset_dir"]) == ("mine", ".")
        assert (config["model_name_or_path"], config["finetuning_type"]) == ("org/a", "lora")


def test_what_has_no_place_is_refused():
    said = Record.from_turns(
        [Message("user", "a"), Message("assistant", "b", tool_calls=(ToolCall("f", "{}"),))], "a"
    )
    twice = Record.from_turns(
        [Message("user", "a"), Message("user", "b"), Message("assistant", "c")], "b"
    )
    late = Record.from_turns(
        [Message("user", "a"), Message("system", "b"), Message("assistant", "c")], "a"
    )
    found = reasons(LlamaFactory(), HALF, UNMARKED, CROSSED, said, twice, late)
    wanted = ("weight 0.5", "where its media stand", "order of the calls", "both a text and calls",
              "do not follow each other", "not the first")  # fmt: skip
    for word, reason in zip(wanted, found, strict=True):
        assert word in reason
    assert "weight 0" in reasons(LlamaFactory(turns="all"), FULL)[0]
