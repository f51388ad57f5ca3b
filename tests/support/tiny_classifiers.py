"""Encoders and reward models small enough to make in a test: nothing is downloaded."""

from __future__ import annotations

from pathlib import Path

import torch
from support.tiny_models import CHAT_TEMPLATE, tiny_tokenizer
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DebertaV2Config,
    DebertaV2ForSequenceClassification,
    LlamaConfig,
    LlamaForSequenceClassification,
    PreTrainedTokenizerFast,
)

torch.set_num_threads(1)  # Models this small only lose time to threads.

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
SIZES |= {"intermediate_size": 64, "max_position_embeddings": 512}


def pair_tokenizer() -> PreTrainedTokenizerFast:
    """One token per byte, `[CLS] question [SEP] answer [SEP]` with segment ids, padding id 0."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE({word: i for i, word in enumerate(special + alphabet)}, []))
    core.add_special_tokens(special)
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    core.decoder = decoders.ByteLevel()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 1), ("[SEP]", 2)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
    )


def tiny_bert(folder: Path, outputs: int = 1) -> Path:
    """Write a BERT with a classification head; its encoder also serves as an embedder."""
    tokenizer = pair_tokenizer()
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer), num_labels=outputs, initializer_range=0.2, **SIZES
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tiny_deberta(folder: Path) -> Path:
    """Write a small DeBERTa v3, the kind of the paper's reward model."""
    tokenizer = pair_tokenizer()
    torch.manual_seed(0)
    config = DebertaV2Config(
        vocab_size=len(tokenizer),
        num_labels=1,
        initializer_range=0.2,
        type_vocab_size=0,
        relative_attention=True,
        position_buckets=16,
        position_biased_input=False,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type=["p2c", "c2p"],
        **SIZES,
    )
    DebertaV2ForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tiny_llama_reward(folder: Path) -> Path:
    """Write a Llama with one output, a chat template and, as is common, no padding token."""
    tokenizer = tiny_tokenizer(CHAT_TEMPLATE)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        num_labels=1,
        num_key_value_heads=2,
        initializer_range=0.2,
        **SIZES,
    )
    LlamaForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
