import json
from dataclasses import replace

import numpy as np
import pytest
from support.tiny_models import tiny_gpt2, tiny_llama
from support.tuned import GENERATION, ROWS, TUNING, trainer

from mods import ModsError
from mods_plugins.hf.tuning.training import fit
from mods_plugins.hf.tuning.weights import attach_weights, save_weights

ASKED = [row.conversation for row in ROWS]


@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt2])
@pytest.mark.parametrize("method", ["lora", "full"])
def test_what_is_written_and_read_again_is_the_freshly_tuned_model(make, method, tmp_path):
    tuning = replace(TUNING, method=method, epochs=4)
    given = trainer(str(make(tmp_path / "model")), tuning).given
    before = given.load()
    losses = before.mean_losses(before.encode(ROWS))
    fresh = given.load()
    fit(fresh, fresh.encode(ROWS), tuning, folder=tmp_path / "checkpoints", seed=1, micro=2)
    save_weights(fresh, tmp_path / "tuned", "the/base")
    assert not list(tmp_path.glob("*.part"))
    attach_weights(before, tmp_path / "tuned")
    rows = fresh.encode(ROWS)
    assert before.encode(ROWS) == rows
    again = before.mean_losses(rows)
    np.testing.assert_array_equal(again, fresh.mean_losses(rows))
    assert again.mean() < 0.8 * losses.mean()
    assert before.generate(ASKED, GENERATION) == fresh.generate(ASKED, GENERATION)
    assert before.stop_ids == fresh.stop_ids
    if method == "lora":
        config = json.loads((tmp_path / "tuned" / "adapter_config.json").read_text())
        assert config["base_model_name_or_path"] == "the/base"
        assert not (tmp_path / "tuned" / "README.md").exists()


@pytest.mark.parametrize("file", ["adapter_config.json", "config.json"])
def test_weights_that_cannot_be_read_are_explained(file, tmp_path):
    lm = trainer(str(tiny_llama(tmp_path / "model"))).given.load()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / file).write_text("{}")
    with pytest.raises(ModsError, match=r"broken"):
        attach_weights(lm, tmp_path / "broken")
