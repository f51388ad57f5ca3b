import multiprocessing
import os
from dataclasses import replace

import pytest
from support.tuned import ROWS, TUNING, assert_same_weights, train, trainer, weights_in

from mods import Record, SettingsError
from mods.errors import DataError
from mods.records import Message
from mods.spending import spending

TOGETHER = replace(TUNING, epochs=1, batch_size=5, lora_dropout=0.0)
pytestmark = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core")


def test_two_processes_learn_what_one_does_and_each_token_once(path, tmp_path):
    """Two steps of five rows: the global batch stays, however many share it."""
    train(path, tmp_path / "one", TOGETHER)
    two = trainer(path, TOGETHER, devices="cpu:2")
    with spending() as told:
        assert two.train(ROWS, tmp_path / "two") == tmp_path / "two" / "tuned"
    assert_same_weights(
        weights_in(tmp_path / "one"), weights_in(tmp_path / "two"), rtol=1e-3, atol=1e-5
    )
    assert told.tokens == sum(two.count_all_tokens(ROWS))
    assert two.identity() == trainer(path, TOGETHER).identity()
    assert not multiprocessing.active_children()


def test_an_error_of_one_ends_all(path, tmp_path):
    nothing = Record.from_turns(
        [Message("user", "q"), Message("assistant", "a", weight=0.0)], "nothing"
    )
    with pytest.raises(DataError, match="nothing to learn"):
        trainer(path, TOGETHER, devices="cpu:2").train([nothing], tmp_path)
    assert not multiprocessing.active_children()
    with pytest.raises(SettingsError, match="expected cuda:0"):
        trainer(path, devices="tpu")


def test_states_computed_again_change_nothing(path, tmp_path):
    again = replace(TOGETHER, gradient_checkpointing=True)
    train(path, tmp_path / "kept", TOGETHER)
    train(path, tmp_path / "again", again)
    assert_same_weights(weights_in(tmp_path / "kept"), weights_in(tmp_path / "again"))
    assert trainer(path, again).identity() == trainer(path, TOGETHER).identity()
