from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from support.tiny_models import tiny_gpt2, tiny_llama

from mods import Record, SettingsError, Unscorable
from mods.testing import check_quality_scorer, sample_records
from mods_plugins.scorers.ifd import IFD

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_llama(tmp_path_factory.mktemp("llama")))


def test_keeps_the_rules(llama: str) -> None:
    check_quality_scorer(IFD(model=llama, device="cpu"))


def test_is_the_ratio_of_perplexities(llama: str, tmp_path: Path) -> None:
    """By hand, one row at a time: the mean loss of the same tokens with and without prompt."""
    gpt2 = str(tiny_gpt2(tmp_path / "gpt2"))
    record = Record.from_instruction("Name a fruit.", "A ripe pear")
    for model, template in ((llama, None), (gpt2, "{{ messages[0].content }}: ")):
        scorer = IFD(model=model, device="cpu", template=template and TEMPLATE)
        lm = scorer._lm
        ids = lm.tokenizer("A ripe pear", add_special_tokens=False)["input_ids"]
        (row,) = lm.encode([record])
        prompt = row.prompt
        assert row.response[: len(ids)] == ids

        def loss(
            start: list[int], ids: list[int] = ids, network: torch.nn.Module = lm.model
        ) -> float:
            tokens = torch.tensor([start + ids])
            with torch.inference_mode():
                logits = network(input_ids=tokens).logits[0]
            first = max(1, len(start))
            return float(
                torch.nn.functional.cross_entropy(logits[first - 1 : -1], tokens[0, first:])
            )

        want = math.exp(loss(prompt)) / math.exp(loss(scorer._start))
        assert scorer.score([record]) == [pytest.approx(want, rel=1e-4)]


TEMPLATE = (
    "{% for message in messages %}{{ message.content }}{% if message.role == 'assistant' %}"
    "{{ eos_token }}{% else %}: {% endif %}{% endfor %}"
)


def test_cuts_long_rows_and_sets_aside_those_without_a_token(llama: str) -> None:
    empty, single, long = (
        Record.from_instruction("q", response) for response in ("", "x", "word " * 100)
    )
    scores = IFD(model=llama, max_length=64, device="cpu").score([empty, single, long])
    assert isinstance(scores[0], Unscorable)
    assert isinstance(scores[1], Unscorable)
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
    assert own.identity() == IFD(model=llama, batch_size=1).identity()
    rows = sample_records()[:1]
    assert own.score(rows) != other.score(rows)
