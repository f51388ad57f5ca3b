from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.tiny_classifiers import tiny_bert, tiny_deberta, tiny_llama_reward

from mods import ModsError, Record, SettingsError, Unscorable
from mods.testing import check_quality_scorer, sample_records
from mods_plugins.scorers.reward_model import RewardModel

MAKERS = {"bert": tiny_bert, "deberta": tiny_deberta, "llama": tiny_llama_reward}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {
        name: str(make(tmp_path_factory.mktemp(f"{name}-reward"))) for name, make in MAKERS.items()
    }


def scores_of(scorer: RewardModel, records: Sequence[Record]) -> np.ndarray[Any, Any]:
    scores = scorer.score(records)
    assert not [score for score in scores if isinstance(score, Unscorable)]
    return np.array(scores)


@pytest.mark.parametrize("name", MAKERS)
def test_keeps_the_rules(models: dict[str, str], name: str) -> None:
    check_quality_scorer(RewardModel(model=models[name], device="cpu"))


@pytest.mark.parametrize("name", MAKERS)
def test_neither_batch_nor_order_moves_a_score(models: dict[str, str], name: str) -> None:
    records = sample_records()
    alone = scores_of(RewardModel(model=models[name], batch_size=1, device="cpu"), records)
    eight = scores_of(RewardModel(model=models[name], batch_size=8, device="cpu"), records)
    turned = scores_of(RewardModel(model=models[name], batch_size=5, device="cpu"), records[::-1])
    assert alone.std() > 0.05
    np.testing.assert_allclose(eight, alone, atol=1e-4)
    np.testing.assert_allclose(turned[::-1], alone, atol=1e-4)


def test_scores_are_the_model_s_own_output(models: dict[str, str]) -> None:
    """The library called by hand on one row: pair form, and chat form with the last token."""
    record = sample_records()[-2]
    for name in ("deberta", "llama"):
        scorer = RewardModel(model=models[name], device="cpu")
        tokenizer, network = scorer._tokenizer, scorer._network
        if name == "llama":
            turns = [{"role": turn.role, "content": turn.content} for turn in record.messages]
            text = tokenizer.apply_chat_template(turns, tokenize=False)
            ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
            states = network.model(input_ids=ids).last_hidden_state
            want = network.score(states)[0, -1, 0].item()
        else:
            inputs = tokenizer(record.prompt, record.response, return_tensors="pt")
            want = network(**inputs).logits.item()
        (other,) = scorer.score_responses([record], ["Something else."])
        (got,) = scorer.score([record])
        assert got == pytest.approx(want, abs=1e-5)
        assert isinstance(other, float)
        assert abs(other - want) > 1e-4


def test_a_long_row_loses_the_end_of_its_response_or_is_set_aside(models: dict[str, str]) -> None:
    row = Record.from_instruction("Count.", "one two three four five six seven")
    other = Record.from_instruction("Count.", "one two three four, and so on")
    too_long_prompt = Record.from_instruction("Count " * 20, "one")
    for name, limit in (("bert", 24), ("llama", 44)):
        cut = RewardModel(model=models[name], max_length=limit, device="cpu")
        # Rows that agree up to the cut score the same: nothing after it was read.
        first, second, third = cut.score([row, other, too_long_prompt])
        assert first == pytest.approx(second, abs=1e-5)
        assert isinstance(third, Unscorable)
        assert "leaves no room" in third.reason
        fitted, is_cut = cut._fit(row)
        assert is_cut
        assert not isinstance(fitted, Unscorable)
        assert len(fitted.ids) == limit
        # The closing tokens are still there.
        assert fitted.ids[-1] == cut._tokens(row).ids[-1]
        strict = RewardModel(
            model=models[name], max_length=limit, too_long="quarantine", device="cpu"
        )
        (refused,) = strict.score([row])
        assert isinstance(refused, Unscorable)
        assert str(limit) in refused.reason


def test_memory_errors_halve_the_batch(
    models: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = RewardModel(model=models["bert"], batch_size=8, device="cpu")
    records = sample_records()
    want, work, sizes = scores_of(scorer, records), scorer._batch, []

    def small_memory(rows: Sequence[Any]) -> Any:
        sizes.append(len(rows))
        if len(rows) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return work(rows)

    monkeypatch.setattr(scorer, "_batch", small_memory)
    with pytest.warns(UserWarning, match="out of memory: batches of [42]"):
        np.testing.assert_allclose(scores_of(scorer, records), want, atol=1e-4)
    assert sizes[:3] == [8, 4, 2]


def test_not_a_reward_model(models: dict[str, str], tmp_path: Path) -> None:
    two = tiny_bert(tmp_path / "two", outputs=2)
    with pytest.raises(ModsError, match=r"two has 2 outputs; a reward model has one"):
        RewardModel(model=str(two)).score(sample_records())
    with pytest.raises(ModsError, match="there is no such folder or file"):
        RewardModel(model=str(tmp_path / "nothing"), template="pair").score(sample_records())
    with pytest.raises(SettingsError, match="no chat template"):
        RewardModel(model=models["bert"], template="chat").score(sample_records())
    with pytest.raises(SettingsError, match="too_long"):
        RewardModel(too_long="drop")  # type: ignore[arg-type]


def test_a_number_that_is_none_is_never_a_score(models: dict[str, str]) -> None:
    scorer = RewardModel(model=models["bert"], device="cpu")
    with torch.no_grad():
        scorer._network.classifier.bias.fill_(float("nan"))
    (score,) = scorer.score(sample_records()[:1])
    assert score == Unscorable("the reward model gave nan")


def test_identity_follows_weights_and_form_not_batches(
    models: dict[str, str], tmp_path: Path
) -> None:
    def identity(**options: Any) -> dict[str, Any]:
        return RewardModel(model=models["bert"], **options).identity()

    assert identity(batch_size=1) == identity(batch_size=64)
    assert identity(max_length=8) != identity()
    assert identity(template="pair") != identity()
    json.dumps(identity())
    torch.manual_seed(1)
    assert RewardModel(model=models["deberta"]).identity() != identity()
