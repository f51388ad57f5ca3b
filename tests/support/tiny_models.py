"""Language models small enough to make, tune and ask in a test: nothing is downloaded."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
from transformers import PreTrainedTokenizerFast as Tokenizer

torch.set_num_threads(1)
# Nothing here is large enough for threads, and they wait for each other on a busy machine.

CHAT_TEMPLATE = (
    "{% for message in messages %}<|start|>{{ message.role }}\n{{ message.content }}<|end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)
SPECIAL = ["<|start|>", "<|end|>", "<|bos|>", "<|eos|>"]


def tiny_tokenizer(chat_template: str | None = CHAT_TEMPLATE) -> Tokenizer:
    """One token per byte, plus the merges `he`, `ll` and newline+`a`, plus the special tokens."""
    from tokenizers import AddedToken, decoders, models, pre_tokenizers
    from tokenizers import Tokenizer as Core

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("h", "e"), ("l", "l"), ("Ċ", "a")]
    words = [*alphabet, *("".join(pair) for pair in merges)]
    core = Core(models.BPE({word: i for i, word in enumerate(words)}, merges))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    core.decoder = decoders.ByteLevel()
    core.add_special_tokens([AddedToken(token, normalized=False) for token in SPECIAL])
    end = "<|eos|>" if chat_template is None else "<|end|>"
    tokenizer = Tokenizer(tokenizer_object=core, bos_token="<|bos|>", eos_token=end)
    tokenizer.chat_template = chat_template
    return tokenizer


def tiny_llama(folder: Path, chat_template: str | None = CHAT_TEMPLATE, seed: int = 0) -> Path:
    """Write a Llama of 2 layers and about 40,000 random weights with its tokenizer."""
    tokenizer = tiny_tokenizer(chat_template)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        initializer_range=0.2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tiny_gpt2(folder: Path, chat_template: str | None = None, seed: int = 0) -> Path:
    """Write a GPT-2 of 2 layers with learned positions and, by default, no chat template."""
    tokenizer = tiny_tokenizer(chat_template)
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=512,
        n_embd=32,
        n_layer=2,
        n_head=4,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        initializer_range=0.2,
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
