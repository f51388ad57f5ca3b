from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from support.tiny_models import tiny_gpt2, tiny_llama

from mods import Record, SettingsError, Unscorable
from mods.progress import noticing
from mods.testing import check_quality_scorer, sample_records
from mods_plugins.hf.causal_lm import CausalLM
from mods_plugins.scorers.ifd import IFD, Superfiltering

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_llama(tmp_path_factory.mktemp("llama")))


def test_keeps_the_rules(llama: str) -> None:
    check_quality_scorer(IFD(model=llama, device="cpu"))


def mean_loss(lm: CausalLM, start: str, response: str) -> float:
    """The loss of the tokens of a response in one text, as the published scripts take it."""
    tokenizer = lm.tokenizer
    before = tokenizer(start)["input_ids"] if start else []
    ids = tokenizer(start + response)["input_ids"]
    with torch.inference_mode():
        logits = lm.model(input_ids=torch.tensor([ids])).logits[0]
    first = max(1, len(before))
    return float(
        torch.nn.functional.cross_entropy(logits[first - 1 : -1], torch.tensor(ids[first:]))
    )


ROWS = [
    ("Name a fruit.", "", "A ripe pear"),
    ("Add the numbers.", "2 3", "5, which is two and three"),
    ("Why?", "", "Because it is so."),
]


def test_ifd_is_the_ratio_of_losses_of_cherry_s_script(tmp_path: Path) -> None:
    """Alpaca prompt; the answer alone stands after `### Response:`; ratio of the mean losses."""
    scorer = IFD(model=str(tiny_gpt2(tmp_path / "gpt2")), device="cpu")
    task = "Below is an instruction that describes a task"
    complete = "Write a response that appropriately completes the request."
    for instruction, more, response in ROWS:
        record = Record.from_instruction(instruction, response, input=more)
        paired = ", paired with an input that provides further context. " if more else ". "
        section = f"\n\n### Input:\n{more}" if more else ""
        prompt = f"{task}{paired}{complete}\n\n### Instruction:\n{instruction}{section}"
        given = mean_loss(scorer._lm, f"{prompt}\n\n### Response:", response)
        alone = mean_loss(scorer._lm, "### Response:", response)
        assert scorer.score([record]) == [pytest.approx(given / alone, rel=1e-5)]


def test_superfiltering_is_the_ratio_of_perplexities_of_its_script(tmp_path: Path) -> None:
    """Instruction and input on a line each; the answer alone has nothing before it."""
    scorer = Superfiltering(model=str(tiny_gpt2(tmp_path / "gpt2")), device="cpu")
    for instruction, more, response in ROWS:
        record = Record.from_instruction(instruction, response, input=more)
        prompt = f"{instruction}\n{more}\n" if more else f"{instruction}\n"
        given = mean_loss(scorer._lm, prompt, response)
        alone = mean_loss(scorer._lm, "", response)
        want = math.exp(given) / math.exp(alone)
        assert scorer.score([record]) == [pytest.approx(want, rel=1e-4)]


def test_in_a_chat_the_answer_alone_has_the_header_of_the_assistant(llama: str) -> None:
    scorer = IFD(model=llama, device="cpu")
    lm, record = scorer._lm, Record.from_instruction("Name a fruit.", "Some ripe pear")
    header = "<|start|>assistant\n"
    prompt = f"<|start|>user\nName a fruit.<|end|>\n{header}"
    want = mean_loss(lm, prompt, "Some ripe pear") / mean_loss(lm, header, "Some ripe pear")
    assert scorer.score([record]) == [pytest.approx(want, rel=1e-5)]


def test_the_two_forms_are_told_apart(llama: str) -> None:
    assert IFD(model=llama).identity() != Superfiltering(model=llama).identity()
    check_quality_scorer(Superfiltering(model=llama, device="cpu"))


def test_a_row_that_no_form_can_show_is_set_aside_and_a_cut_one_counted(llama: str) -> None:
    refusing = "{% for m in messages %}{{ m.content if 'NO' not in m.content else " + (
        "raise_exception('no') }}<|end|>{% endfor %}"
    )
    rows = [
        Record.from_instruction("NO", "a b"),
        Record.from_instruction("x", "word " * 100),
        Record.from_instruction("x", "a b"),
    ]
    with noticing() as noticed:
        first, *others = IFD(model=llama, template=refusing, max_length=64, device="cpu").score(
            rows
        )
    assert isinstance(first, Unscorable)
    assert all(isinstance(score, float) for score in others)
    assert noticed.cut == {1}


def test_cuts_long_rows_and_sets_aside_those_without_a_token(llama: str) -> None:
    empty, single, long = (
        Record.from_instruction("q", response) for response in ("", "x", "word " * 100)
    )
    scores = IFD(model=llama, max_length=64, device="cpu").score([empty, single, long])
    assert isinstance(scores[0], Unscorable)
    assert isinstance(scores[1], float)  # the header of the answer predicts it
    assert isinstance(scores[2], float)
    alike = Record.from_instruction("q", "word " * 100 + "and another end")
    assert IFD(model=llama, max_length=64, device="cpu").score([alike]) == [
        pytest.approx(scores[2], rel=1e-5)
    ]
    with pytest.raises(SettingsError, match="max_length"):
        IFD(model=llama, max_length=1)


def test_template_is_part_of_the_identity(llama: str) -> None:
    own, other = IFD(model=llama), IFD(model=llama, template="alpaca")
    assert own.identity() != other.identity()
    assert own.identity() == IFD(model=llama, batch_tokens=1).identity()
    rows = sample_records()[:1]
    assert own.score(rows) != other.score(rows)
