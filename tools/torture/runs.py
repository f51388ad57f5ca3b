"""What happens to runs: kills, signals, other runs, flipped bits, a disk and a memory that end."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from tools.torture.place import LIMIT, ROOT, TOY, Place, clear_error


def kills(place: Place, rng: random.Random, until: float) -> Iterator[str | None]:
    """A killed run resumes to the same bytes."""
    whole = place.mods(*place.run("whole", cache="other"))
    assert whole.returncode == 0, whole.stderr
    start = time.monotonic()
    place.mods(*place.run("timed", cache="timed-cache"))
    length = time.monotonic() - start
    while time.monotonic() < until:
        place.clear("killed", "cache")
        process = place.start(*place.run("killed"))
        time.sleep(rng.uniform(0.1, 1.0) * length)
        process.kill()
        process.wait()
        again = place.mods(*place.run("killed"))
        same = again.returncode == 0 and place.result("killed") == place.result("whole")
        drafts = list((place.folder / "killed").glob(".*.part"))
        yield None if same and not drafts else f"exit {again.returncode}, drafts {drafts}"


def overwriting_kills(place: Place, rng: random.Random, until: float) -> Iterator[str | None]:
    """After a killed --overwrite no manifest says done beside another selection."""
    place.mods(*place.run("a"))
    place.mods(*place.run("b", "--budget", "10"))
    old, new = place.result("a")[0], place.result("b")[0]
    while time.monotonic() < until:
        place.clear("over")
        shutil.copytree(place.folder / "a", place.folder / "over")
        process = place.start(*place.run("over", "--budget", "10", "--overwrite"))
        time.sleep(rng.uniform(0.5, 2.5))
        process.kill()
        process.wait()
        manifest = place.folder / "over" / "manifest.json"
        selected = (place.folder / "over" / "selected.jsonl").read_bytes()
        if not manifest.exists():
            yield None
            continue
        budget = json.loads(manifest.read_text())["makes"]["settings"]["budget"]
        right = selected == (old if budget == 14 else new)
        yield None if right else f"the manifest has budget {budget}, the selection is another's"


def signals(place: Place, rng: random.Random, until: float) -> Iterator[str | None]:
    """SIGINT and SIGTERM end a run with 130 and 143, and it goes on afterwards."""
    for number in (signal.SIGINT, signal.SIGTERM):
        place.clear("stopped", "cache")
        process = place.start(*place.run("stopped", "--set", "quality.pause=0.2"))
        time.sleep(2.5)
        process.send_signal(number)
        _, told = process.communicate(timeout=LIMIT)
        expected = 128 + number
        yield (
            None
            if process.returncode == expected and "interrupted" in told
            else f"{number.name}: exit {process.returncode}, {told.strip()[-200:]!r}"
        )


def flipped_bits(place: Place, rng: random.Random, until: float) -> Iterator[str | None]:
    """Flipped bits in the cache never change a selection."""
    place.mods(*place.run("whole"))
    for file in (place.folder / "cache").rglob("*.sqlite*"):
        subprocess.run([sys.executable, "-c", CHECKPOINT, str(file)], check=False)
    while time.monotonic() < until:
        place.clear("flipped", "flipped-cache")
        shutil.copytree(place.folder / "cache", place.folder / "flipped-cache")
        files = sorted((place.folder / "flipped-cache").glob("*.sqlite"))
        for _ in range(rng.randint(1, 4)):
            flip(rng.choice(files), rng)
        again = place.mods(*place.run("flipped", cache="flipped-cache"))
        if again.returncode != 0:
            yield f"exit {again.returncode}: {again.stderr.strip()[-200:]}"
        else:
            same = place.result("flipped") == place.result("whole")
            yield None if same else "another selection, silently"


CHECKPOINT = (
    "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); "
    "c.execute('PRAGMA wal_checkpoint(TRUNCATE)'); c.close()"
)


def flip(file: Path, rng: random.Random) -> None:
    """Flip one bit of a file."""
    content = bytearray(file.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    file.write_bytes(content)


def full_disk(place: Place, rng: random.Random, until: float) -> Iterator[str | None]:
    """A file that cannot grow ends in one line, and the same command then does it whole."""
    from support.chat_server import ChatServer

    place.mods(*place.run("run", cache="usual"))
    with ChatServer() as server:
        for what, (command, files) in writing_commands(place, server.url).items():
            place.clear("whole")
            done = place.mods(*command("whole", "other"))
            assert done.returncode == 0, done.stderr
            for size in (0, 1_000, 20_000):
                place.clear("small", "cache")
                problem = full_at(size, place, command, files)
                yield (problem and f"{what}, {size} bytes: {problem}") or None


Command = Callable[[str, str], list[str]]
"""Gives the arguments of a command that writes to an output and to a cache."""
OF_RUNS = ("selected.jsonl", "pool.parquet", "receipts.parquet")


def writing_commands(place: Place, url: str) -> dict[str, tuple[Command, tuple[str, ...]]]:
    """Return commands that write, with files that do not tell of time and place; `run` is there."""
    served = ["--generator", f"openai:base_url={url},model=tiny,tuned=ignore"]
    asked = place.folder / "asked.jsonl"
    asked.write_text("".join(json.dumps({"instruction": f"Spell {i}"}) + "\n" for i in range(12)))
    verdict = ["--arms", "random", "toy-last", "--measures", "toy-unknown", "toy-echo", "--quiet"]
    run = str(place.folder / "run")
    return {
        "run": (lambda out, cache: place.run(out, cache=cache), OF_RUNS),
        "run with a server": (lambda out, cache: place.run(out, *served, cache=cache), OF_RUNS),
        "verdict": (
            lambda out, cache: [
                *("--plugin", str(TOY), "verdict", run, "--prompts", str(asked), *verdict),
                *("-o", str(place.folder / out), "--cache", str(place.folder / cache)),
            ],
            ("verdict.png",),
        ),
        "report": (
            lambda out, _: ["report", run, "-o", str(place.folder / out / "report.html")],
            ("report.html",),
        ),
        "export": (
            lambda out, _: ["export", run, "--to", "trl", "-o", str(place.folder / out)],
            ("train.jsonl",),
        ),
    }


def full_at(size: int, place: Place, command: Command, files: Sequence[str]) -> str:
    """Say what is wrong after a command whose files had to end at a size; nothing if all is well.

    What it makes without a limit lies in `whole`.
    """

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    done = place.mods(*command("small", "cache"), limits=limit)
    if done.returncode:
        if problem := clear_error(done):
            return problem
        done = place.mods(*command("small", "cache"))
    if done.returncode or place.made("small", files) != place.made("whole", files):
        return f"afterwards: exit {done.returncode} {done.stderr.strip()[-200:]}"
    return ""


def little_memory(place: Place, rng: random.Random, until: float) -> Iterator[str | None]:
    """Too little memory ends in one line."""
    big = place.folder / "big.npy"
    with big.open("wb") as file:
        np.save(file, np.random.default_rng(0).normal(size=(60_000, 300)).astype(np.float32))

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))

    arguments = ["kcenter", str(big), "-k", "50", "-o", str(place.folder / "picks.npy"), "-q"]
    done = place.mods(*arguments, limits=limit, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    problem = "" if done.returncode == 0 else clear_error(done)
    yield problem or None


def shared_cache(place: Place, rng: random.Random, until: float) -> Iterator[str | None]:
    """Two runs at once on one cache do no row twice, and agree."""
    log = place.folder / "log"
    place.clear("one", "two", "cache")
    os.environ["MODS_TOY_LOG"] = str(log)
    processes = [
        place.start(*place.run(out, "--set", "quality.pause=0.02")) for out in ("one", "two")
    ]
    codes = [process.wait(timeout=LIMIT) for process in processes]
    del os.environ["MODS_TOY_LOG"]
    lines = [line for line in log.read_text().splitlines() if not line.startswith("read")]
    twice = len(lines) - len(set(lines))
    same = codes == [0, 0] and place.result("one") == place.result("two")
    yield None if same and not twice else f"exits {codes}, {twice} rows done twice"


TINY_MODEL = (
    "import pathlib, sys; from support.tiny_models import tiny_llama; "
    "tiny_llama(pathlib.Path(sys.argv[1]))"
)
WHOLE_CHECKPOINT = "*/checkpoints/*/mods-complete"


def tuning_kills(place: Place, rng: random.Random, until: float) -> Iterator[str | None]:
    """The real back end, killed 20 times while it tunes, ends with the same adapter."""
    model = place.folder / "model"
    tests = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    subprocess.run([sys.executable, "-c", TINY_MODEL, str(model)], check=True, env=tests)
    real = {"--model": str(model), "--trainer": "hf", "--generator": "hf", "--necessity": "loss"}
    settings = ("tuning.epochs=150", "tuning.batch_size=4", "tuning.micro_batch=2")

    def run(out: str, cache: str) -> list[str]:
        arguments = place.run(out, cache=cache)
        for option, value in real.items():
            arguments[arguments.index(option) + 1] = value
        return [*arguments, *(word for setting in settings for word in ("--set", setting))]

    whole = place.mods(*run("whole", "other"))
    assert whole.returncode == 0, whole.stderr
    checkpoints = place.folder / "cache" / "tuned"
    for _ in range(20):
        process = place.start(*run("killed", "cache"))
        while process.poll() is None and not list(checkpoints.glob(WHOLE_CHECKPOINT)):
            time.sleep(0.05)
        time.sleep(rng.uniform(0, 12))
        process.kill()
        process.wait()
    again = place.mods(*run("killed", "cache"))
    adapters = {
        next((place.folder / cache / "tuned").glob("*/tuned/*.safetensors")).read_bytes()
        for cache in ("other", "cache")
    }
    same = len(adapters) == 1 and place.result("killed") == place.result("whole")
    yield None if again.returncode == 0 and same else f"exit {again.returncode}, same: {same}"
