"""Pick from rows that are larger than memory should have to hold: a memory-mapped file.

    python -m benchmarks.out_of_core --rows 10000000 --k 1000 --folder /tmp [--keep]

Writes jittered copies of `real_mean` (or of a synthetic set) as one .npy file, picks from the
memory map and prints JSON: seconds, the core's own peak, the peak of anonymous memory of the
process (what must be resident; pages of the file can be evicted) and the share of rows refined.
Then deletes the file.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.vectors import jittered
from mods import _core


def write_rows(path: Path, rows: int, chunk: int = 100_000) -> None:
    out = None
    for start in range(0, rows, chunk):
        block = jittered(min(chunk, rows - start), seed=start)
        if out is None:
            shape = (rows, block.shape[1])
            out = np.lib.format.open_memmap(path, mode="w+", dtype=block.dtype, shape=shape)
        out[start : start + len(block)] = block
    assert out is not None
    out.flush()


def anonymous_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"RssAnon:\s+(\d+)", status)[1])


def measure(x: np.ndarray, k: int) -> dict[str, Any]:
    before = anonymous_bytes()
    peak = before

    def watch(picked: int, radius: float) -> None:
        nonlocal peak
        peak = max(peak, anonymous_bytes())

    start = time.perf_counter()
    indices, radii, statistics = _core.kcenter(
        x, x.dtype.name, k, np.empty(0, np.int64), 0, "euclidean", 0, watch
    )
    seconds = time.perf_counter() - start
    n, d = x.shape
    return {
        "rows": n,
        "dim": d,
        "dtype": x.dtype.name,
        "k": k,
        "picked": len(indices),
        "radius": float(radii[-1]),
        "seconds": seconds,
        "file_bytes": x.nbytes,
        "core_peak_bytes": statistics["peak_bytes"],
        "anonymous_growth_bytes": peak - before,
        "bound_bytes": n * d + 64 * n,
        "refined_per_row": statistics["pairs_refined"] / n,
        "statistics": statistics,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--k", type=int, default=1000)
    parser.add_argument("--folder", type=Path, default=Path("/tmp"))
    parser.add_argument("--keep", action="store_true", help="keep the file for another run")
    options = parser.parse_args()
    path = options.folder / f"mods-rows-{options.rows}.npy"
    try:
        if not path.exists():
            write_rows(path, options.rows)
        print(json.dumps(measure(np.load(path, mmap_mode="r"), options.k), indent=2))
    finally:
        if not options.keep:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
