from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.templates import DEAF, STRICT
from support.tiny_classifiers import tiny_bert, tiny_deberta, tiny_llama_reward
from support.tiny_models import tiny_tokenizer
from support.turns import CALLING

from mods import Conversation, Message, ModsError, Record, SettingsError, Unscorable
from mods.progress import noticing
from mods.testing import check_quality_scorer, sample_records
from mods_plugins.hf.tokens import Row
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
    alone = scores_of(RewardModel(model=models[name], batch_tokens=1, device="cpu"), records)
    eight = scores_of(RewardModel(model=models[name], batch_tokens=512, device="cpu"), records)
    turned = scores_of(
        RewardModel(model=models[name], batch_tokens=100, device="cpu"), records[::-1]
    )
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
    scorer = RewardModel(model=models["bert"], batch_tokens=100_000, device="cpu")
    records = sample_records()[:8]
    want, work, sizes = scores_of(scorer, records), scorer._batch, []

    def small_memory(rows: Sequence[Any]) -> Any:
        sizes.append(len(rows))
        if len(rows) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return work(rows)

    monkeypatch.setattr(scorer, "_batch", small_memory)
    with pytest.warns(UserWarning, match=r"out of memory: batches of \d+ tokens"):
        np.testing.assert_allclose(scores_of(scorer, records), want, atol=1e-4)
    assert sizes[0] == 8
    assert set(sizes[1:]) <= {1, 2, 4}


def test_not_a_reward_model(models: dict[str, str], tmp_path: Path) -> None:
    two = tiny_bert(tmp_path / "two", outputs=2)
    with pytest.raises(ModsError, match=r"two has 2 outputs; a reward model has one"):
        RewardModel(model=str(two)).score(sample_records())
    with pytest.raises(ModsError, match="there is no such folder"):
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

    assert identity(batch_tokens=1) == identity(batch_tokens=64)
    assert identity(max_length=8) != identity()
    assert identity(template="pair") != identity()
    json.dumps(identity())
    torch.manual_seed(1)
    assert RewardModel(model=models["deberta"]).identity() != identity()


LONG = Record.from_instruction("Count.", "one two three four five six seven " * 40)
SHORT = Record.from_instruction("Count.", "one")


def test_relative_positions_are_read_whole_and_a_limit_given_wins(models: dict[str, str]) -> None:
    """The tiny models are made for 512 tokens; the row has more than 1,000."""
    whole = RewardModel(model=models["deberta"], device="cpu")
    other = Record.from_instruction("Count.", LONG.response[:-10] + "ever after")
    with noticing() as noticed:
        first, second, _ = whole.score([LONG, other, SHORT])
    assert not noticed.cut
    assert first != second
    short = RewardModel(model=models["deberta"], max_length=64, device="cpu")
    with noticing() as noticed:
        scores = short.score([SHORT, LONG])
    assert noticed.cut == {1}
    assert len(short._fit(LONG)[0].ids) == 64  # type: ignore[union-attr]
    assert all(isinstance(score, float) for score in scores)


@pytest.mark.parametrize("name", ["bert", "llama"])
def test_the_usual_limit_is_the_model_s_own_and_cuts_are_counted(
    models: dict[str, str], name: str
) -> None:
    scorer = RewardModel(model=models[name], device="cpu")
    with noticing() as noticed:
        scorer.score([SHORT, LONG, SHORT])
        scorer.score_responses([SHORT, SHORT], ["a", "word " * 999])
    assert noticed.cut == {1}
    row, _ = scorer._fit(LONG)
    assert isinstance(row, Row)
    assert len(row.ids) == 512


def test_a_row_of_ten_megabytes_costs_no_more_than_the_limit(models: dict[str, str]) -> None:
    scorer = RewardModel(model=models["bert"], device="cpu")
    text = "a " * 5_000_000
    huge = [Record.from_instruction("q", text), Record.from_instruction(text, "a")]
    start = time.monotonic()
    first, second = scorer.score(huge)
    assert time.monotonic() - start < 20
    assert isinstance(first, float)
    assert isinstance(second, Unscorable)


def test_a_template_that_refuses_or_skips_a_turn_gets_a_plainer_form(tmp_path: Path) -> None:
    for name, template in (("strict", STRICT), ("deaf", DEAF)):
        scorer = RewardModel(model=reward_with(tmp_path / name, template), device="cpu")
        rows = [Record.from_instruction("q", "a", system=system) for system in ("", "x", "y")]
        scores = scores_of(scorer, rows)
        assert len({round(float(score), 6) for score in scores}) == 3, name
        [joined] = scorer.score([Record.from_instruction("x\n\nq", "a")])
        assert scores[1] == pytest.approx(joined, abs=1e-6)


def test_a_row_that_no_form_can_show_is_set_aside(tmp_path: Path) -> None:
    shown = "{{ m.content if 'NO' not in m.content else raise_exception('no') }}<|end|>"
    form = "{% for m in messages %}" + shown + "{% endfor %}"
    scorer = RewardModel(model=reward_with(tmp_path, form), device="cpu")
    good, bad = scorer.score([SHORT, Record.from_instruction("NO", "a")])
    assert isinstance(good, float)
    assert isinstance(bad, Unscorable)
    assert "refuses" in bad.reason


@pytest.mark.parametrize("name", ["bert", "llama"])
def test_thoughts_are_read_only_where_that_is_asked_for(models: dict[str, str], name: str) -> None:
    reply = Message("assistant", "so", reasoning="hm")
    thoughtful = Record(Conversation.from_instruction("q"), reply)
    plain = Record.from_instruction("q", "so")
    scorer = RewardModel(model=models[name], device="cpu")
    reading = RewardModel(model=models[name], thoughts=True, device="cpu")
    assert scorer.score([thoughtful]) == scorer.score([plain])
    assert reading.score([thoughtful]) != reading.score([plain])
    answer = "<think>\nhm\n</think>\n\nso"
    assert scorer.score_responses([plain], [answer]) == scorer.score([plain])
    assert reading.score_responses([plain], [answer]) == reading.score([thoughtful])
    assert scorer.identity() != reading.identity()
    assert "reasoning" in reading.reads
    assert "reasoning" not in scorer.reads


def test_a_padding_id_without_an_embedding_is_never_used(
    models: dict[str, str], tmp_path: Path
) -> None:
    rows = [SHORT, Record.from_instruction("Count again.", "one two")]
    for name, pad in (("minus", -1), ("big", 10_000)):
        folder = tiny_llama_reward(tmp_path / name)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "pad_token_id": pad}))
        scores = scores_of(RewardModel(model=str(folder), device="cpu"), rows)
        want = scores_of(RewardModel(model=models["llama"], device="cpu"), rows)
        np.testing.assert_allclose(scores, want, atol=1e-5)


def test_the_tools_of_a_row_are_read(models: dict[str, str]) -> None:
    bare = replace(CALLING, conversation=replace(CALLING.conversation, tools=()), id="")
    for name in ("bert", "llama"):
        scorer = RewardModel(model=models[name], device="cpu")
        assert scorer.score([CALLING]) != scorer.score([bare])


def reward_with(folder: Path, template: str) -> str:
    """Write a reward model with another chat template."""
    tiny_llama_reward(folder)
    tiny_tokenizer(template).save_pretrained(folder)
    return str(folder)
