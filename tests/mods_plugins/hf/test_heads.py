import pytest
import torch
from support.tiny_models import tiny_gpt2, tiny_llama

from mods_plugins.hf.causal_lm import CausalLM
from mods_plugins.hf.heads import only_at

IDS = torch.tensor([[5, 6, 7, 8], [9, 10, 11, 12]])
WANTED = torch.tensor([[False, True, True, False], [False, False, False, True]])


@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt2])
def test_logits_are_those_of_the_wanted_positions_and_whole_again_afterwards(make, tmp_path):
    model = CausalLM.load(str(make(tmp_path)), device="cpu").model
    with torch.inference_mode():
        whole = model(input_ids=IDS).logits
        with only_at(model, WANTED) as only:
            some = model(input_ids=IDS).logits
        assert only
        torch.testing.assert_close(some, whole[WANTED].unsqueeze(0))
        torch.testing.assert_close(model(input_ids=IDS).logits, whole)


def test_a_model_whose_output_layer_is_no_module_gives_all():
    class Odd:
        def get_output_embeddings(self):
            return None

    with only_at(Odd(), WANTED) as only:
        assert not only
