"""TRL learns what our tuning learns: held against TRL's own trainer and collator."""

import json
import runpy
import sys

import pytest
from support.templates import DEAF, DUAL, KNOWING, OPENING, STRICT
from support.tiny_models import CHAT_TEMPLATE, tiny_llama, tiny_tokenizer
from support.turns import CALLING, MULTI_TURN, RICH

from mods import Message, Record, SettingsError, Unscorable
from mods.interfaces.exports import Exported
from mods.runs.export.folder import write_rows
from mods.settings.options import Tuning
from mods.testing import check_exporter
from mods_plugins.exporters.trl import trl
from mods_plugins.hf.chat.format import ChatFormat
from mods_plugins.hf.chat.templates import template_identity

TEMPLATES = {"plain": CHAT_TEMPLATE, "strict": STRICT, "deaf": DEAF, "opening": OPENING,
             "dual": DUAL, "knowing": KNOWING, "none": None}  # fmt: skip
THOUGHT = Record.from_turns(
    [Message("user", "why?"), Message("assistant", "so", reasoning="because")], "why?"
)
PLAIN = Record.from_instruction("say", "hello", input="to all")
ROWS = [PLAIN, MULTI_TURN, CALLING, THOUGHT]


def expected(template, records, *, turns="last", longest=512):
    """Ids and labels as our tuning has them."""
    from mods_plugins.hf.tuning.training import example

    chat = ChatFormat(tiny_tokenizer(template))
    rows = chat.encode(records, longest, all_turns=turns == "all")
    return [(e["input_ids"], e["labels"]) for e in map(example, rows)]


def trained(exporter, records, model, folder, monkeypatch):
    """Export records, run the script up to its training; ids and labels of TRL's batches."""
    pytest.importorskip("trl", reason="TRL is not installed")
    rows = list(exporter.rows(records))
    assert not [row for row in rows if isinstance(row, Unscorable)]
    write_rows(folder / "train.jsonl", rows)
    columns = tuple(dict.fromkeys(column for row in rows for column in row))
    (text,) = exporter.files(Exported("x", "train.jsonl", len(rows), columns)).values()
    # A machine without an accelerator; everything else is as users get it.
    text = text.replace("SFTConfig(", 'SFTConfig(use_cpu=True, bf16=False, report_to="none",')
    (folder / "train.py").write_text(text)
    monkeypatch.setattr(sys, "argv", ["train.py", str(model)])
    monkeypatch.setenv("HF_DATASETS_CACHE", str(folder / "cache"))
    trainer = runpy.run_path(str(folder / "train.py"))["trainer"]
    found = []
    for row in trainer.train_dataset:
        batch = trainer.data_collator([row])
        found.append((batch["input_ids"][0].tolist(), batch["labels"][0].tolist()))
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("turns", ["last", "all"])
@pytest.mark.parametrize("template", TEMPLATES)
def test_with_a_model_trl_learns_the_very_tokens(template, turns, tmp_path, monkeypatch):
    model = tiny_llama(tmp_path / "model", TEMPLATES[template])
    exporter = trl(Tuning(max_length=512, turns=turns), model=str(model))
    found = trained(exporter, ROWS, model, tmp_path, monkeypatch)
    assert found == expected(TEMPLATES[template], ROWS, turns=turns)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("template", "records"),
    [
        ("plain", [PLAIN, MULTI_TURN]),
        ("knowing", ROWS),
        ("dual", [PLAIN, MULTI_TURN]),
    ],
)
def test_of_conversations_trl_learns_the_same_and_what_the_template_writes_after_it(
    template, records, tmp_path, monkeypatch
):
    model = tiny_llama(tmp_path / "model", TEMPLATES[template])
    found = trained(trl(Tuning(max_length=512)), records, model, tmp_path, monkeypatch)
    after = tiny_tokenizer().encode("\n")
    own = expected(TEMPLATES[template], records)
    assert found == [(ids + after, labels + after) for ids, labels in own]


def test_parts_of_turns_are_carried_over_and_others_refused():
    exporter = trl()
    check_exporter(exporter)
    check_exporter(trl(turns="all"))
    [row, media] = exporter.rows([CALLING, RICH])
    assert row["prompt"][2]["tool_calls"][0]["function"] == {
        "name": "warmth", "arguments": {"city": "Oslo"}
    }  # fmt: skip
    assert row["completion"][0]["reasoning_content"] == "brr"
    assert json.loads(row["tools"])[0]["function"] == {"name": "warmth"}
    assert row["chat_template_kwargs"] == {"enable_thinking": True}
    assert "media" in media.reason
    weighted = Record.from_turns(
        [Message("user", "a"), Message("assistant", "b", weight=0.0), Message("user", "c"),
         Message("assistant", "d")], "c",
    )  # fmt: skip
    unasked = Record.from_turns([Message("assistant", "hello")], "")
    bad = Record.from_turns(
        [Message("user", "a"), CALLING.context[2]._replace(tool_calls=(
            CALLING.context[2].tool_calls[0]._replace(arguments="oslo"),))], "a",
    )  # fmt: skip
    assert "prompt" in exporter.rows([weighted])[0]
    assert [row.reason for row in trl(turns="all").rows([weighted])] == [
        "an earlier answer has the weight 0: all answers are learned, or the last"
    ]
    reasons = [row.reason for row in exporter.rows([unasked, bad])]
    assert "no turn before the reply" in reasons[0]
    assert "no JSON object" in reasons[1]


def test_tokens_are_cut_as_in_tuning_and_weights_that_labels_cannot_say_are_refused(tmp_path):
    model = tiny_llama(tmp_path)
    exporter = trl(Tuning(max_length=24), model=str(model))
    [row] = exporter.rows([PLAIN])
    assert [(row["input_ids"], row["labels"])] == expected(CHAT_TEMPLATE, [PLAIN], longest=24)
    reply = Message("assistant", "so", weight=0.5)
    half, none = (
        Record.from_turns([Message("user", "why?"), reply._replace(weight=weight)], "why?")
        for weight in (0.5, 0.0)
    )
    reasons = [row.reason for row in exporter.rows([half, none])]
    assert reasons == [
        "a turn has a weight other than 0 and 1: tokens are learned or not",
        "nothing would be learned from it",
    ]


def test_the_template_of_the_run_is_asked_for_and_checked(tmp_path):
    model = str(tiny_llama(tmp_path))
    file = tmp_path / "t.jinja"
    file.write_text(KNOWING)
    tuning = Tuning(template=f"sha256:{template_identity(KNOWING)}")
    with pytest.raises(SettingsError, match="give it as template=FILE"):
        trl(tuning, model=model)
    with pytest.raises(SettingsError, match="is not the template of the run"):
        trl(tuning, model=model, template="alpaca")
    [row] = trl(tuning, model=model, template=str(file)).rows([THOUGHT])
    assert [(row["input_ids"], row["labels"])] == expected(KNOWING, [THOUGHT])
    with pytest.raises(SettingsError, match="template= goes with model="):
        trl(template="alpaca")
    with pytest.raises(SettingsError, match="expected last or all"):
        trl(turns="some")
