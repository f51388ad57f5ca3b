"""Pick from rows that do not fit in memory: a memory-mapped file, read from a cold disk.

    python -m benchmarks.out_of_core --rows 10000000 --k 1000 --folder /tmp [--keep] [--check 50]

Writes jittered copies of `real_mean` (or of a synthetic set) as one .npy file, drops it from the
page cache, picks from the memory map and prints JSON: seconds, the memory limit of the process's
control group, the core's own peak, the growth of anonymous memory (what must be resident; pages of
the file can be evicted), bytes read from disk and how many rows were read a second time. Then
deletes the file. Set the limit from outside, for instance

    systemd-run --scope -p MemoryMax=6G python -m benchmarks.out_of_core ...

`--check N` compares the first N picks with those of brute force, at a pass over the file each.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.vectors import jittered
from mods.kcenter.bench import machine_line, run_core


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


def drop_from_cache(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def memory_limit() -> int | None:
    """Bytes that the control group of this process may use, page cache included."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    groups = {kind: path for _, kind, path in (line.split(":", 2) for line in lines)}
    for path in (
        Path(f"/sys/fs/cgroup{groups.get('', '')}/memory.max"),
        Path(f"/sys/fs/cgroup/memory{groups.get('memory', '')}/memory.limit_in_bytes"),
    ):
        if path.exists() and (text := path.read_text().strip()).isdigit():
            return int(text) if int(text) < 1 << 60 else None
    return None


def anonymous_bytes() -> int:
    return 1024 * int(re.search(r"RssAnon:\s+(\d+)", Path("/proc/self/status").read_text())[1])


def bytes_from_disk() -> int:
    return int(re.search(r"\nread_bytes: (\d+)", Path("/proc/self/io").read_text())[1])


def measure(x: np.ndarray, k: int, check: int) -> dict[str, Any]:
    before = peak = anonymous_bytes()

    def watch(picked: int, radius: float) -> None:
        nonlocal peak
        peak = max(peak, anonymous_bytes())

    read, start = bytes_from_disk(), time.perf_counter()
    indices, radii, statistics = run_core(x, k, progress=watch)
    seconds, read = time.perf_counter() - start, bytes_from_disk() - read
    n, d = x.shape
    checked = (
        np.array_equal(run_core(x, check, method="brute")[0], indices[:check]) if check else None
    )
    return {
        "machine": machine_line(),
        "memory_limit_bytes": memory_limit(),
        "rows": n,
        "dim": d,
        "dtype": x.dtype.name,
        "k": k,
        "picked": len(indices),
        "picks_sha256": hashlib.sha256(indices.tobytes()).hexdigest(),
        "radius": float(radii[-1]),
        "seconds": seconds,
        "file_bytes": x.nbytes,
        "disk_read_bytes": read,
        "core_peak_bytes": statistics["peak_bytes"],
        "anonymous_growth_bytes": peak - before,
        "bound_bytes": n * d + 64 * n,
        "rows_read_again": statistics["rows_read"] / n,
        "first_picks_checked": check,
        "first_picks_equal_brute_force": checked,
        "statistics": statistics,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--k", type=int, default=1000)
    parser.add_argument("--folder", type=Path, default=Path("/tmp"))
    parser.add_argument("--keep", action="store_true", help="keep the file for another run")
    parser.add_argument("--check", type=int, default=0, help="picks to compare with brute force")
    options = parser.parse_args()
    path = options.folder / f"mods-rows-{options.rows}.npy"
    try:
        if not path.exists():
            write_rows(path, options.rows)
        drop_from_cache(path)
        found = measure(np.load(path, mmap_mode="r"), options.k, options.check)
        print(json.dumps(found, indent=2))
    finally:
        if not options.keep:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
