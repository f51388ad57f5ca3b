"""Does what a bad day does to runs, bounded in time, and says in a table what held.

Usage: python tools/torture.py [--seconds N] [--seed N] [EXPERIMENT ...]

Kills at random moments, signals, a disk and a memory that end, flipped bits in the cache, links and
pipes in the place of locks, and hostile configurations, run folders and data. Every experiment runs
the `mods` command in processes of its own on small made-up data, with the plug-ins of the tests, in
a temporary folder. Exit code 1 if something did not hold. `docs/reliability.md` says what is
promised; a short form runs with the tests.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOY = ROOT / "tests" / "support" / "toy.py"
ROWS = 60
LIMIT = 120
"""Seconds that one command may take before it counts as hung."""


@dataclass
class Table:
    """What was tried and what held."""

    rows: list[tuple[str, int, int]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def add(self, name: str, tried: int, failures: list[str]) -> None:
        """Note one experiment."""
        self.rows.append((name, tried, tried - len(failures)))
        self.failures += [f"{name}: {failure}" for failure in failures]
        print(f"{name:<58} {tried:>6} {tried - len(failures):>6}", flush=True)


class Place:
    """A temporary folder with data, and `mods` commands in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data.jsonl"
        rows = [
            {"instruction": f"Say {i} in words number {i * i}", "output": f"word {i} " * (i % 7 + 1)}
            for i in range(ROWS)
        ]
        self.data.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"cut": \n')

    def run(self, out: str, *more: str, cache: str = "cache") -> list[str]:
        """Return the arguments of a whole run with the toy plug-ins."""
        return [
            "--plugin", str(TOY), "run", str(self.data), "-o", str(self.folder / out),
            "--recipe", "offline", "--quiet", "--cache", str(self.folder / cache),
            "--quality", "toy-length", "--alpha", "top 40", "--embedder", "toy-letters",
            "--selector", "kcenter", "--model", "toy", "--trainer", "toy-trainer",
            "--generator", "toy-generator", "--necessity", "toy-known", "--beta", "bottom 50%",
            "--seeds", "8", "--budget", "14", *more,
        ]  # fmt: skip

    def mods(
        self, *arguments: str, limits: Callable[[], None] | None = None, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "mods", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **more},
            capture_output=True,
            text=True,
            timeout=LIMIT,
            preexec_fn=limits,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "mods", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def clear(self, *names: str) -> None:
        """Remove what runs left."""
        for name in names:
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def result(self, out: str) -> tuple[bytes, ...]:
        """Return what a run selected and wrote receipts of."""
        return tuple((self.folder / out / n).read_bytes() for n in ("selected.jsonl", "pool.parquet"))


def clear_error(done: subprocess.CompletedProcess[str]) -> str:
    """Say what is wrong with how a command failed; nothing if it failed in one clear line."""
    if done.returncode == 0:
        return "it succeeded"
    if "Traceback" in done.stderr:
        return f"a traceback: {done.stderr.strip().splitlines()[-1]}"
    if "error:" not in done.stderr:
        return f"exit {done.returncode} without a word"
    return ""


# --- the experiments ----------------------------------------------------------------------------


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
    """A file that cannot grow ends in one line, and the next run is whole."""
    place.mods(*place.run("whole", cache="other"))
    for size in (0, 1_000, 5_000, 20_000, 60_000):
        place.clear("small", "cache")

        def limit(size: int = size) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        done = place.mods(*place.run("small"), limits=limit)
        problem = "" if done.returncode == 0 else clear_error(done)
        again = place.mods(*place.run("small"))
        if not problem and (again.returncode or place.result("small") != place.result("whole")):
            problem = f"afterwards: exit {again.returncode} {again.stderr.strip()[-200:]}"
        yield problem and f"{size} bytes: {problem}" or None


def little_memory(place: Place, rng: random.Random, until: float) -> Iterator[str | None]:
    """Too little memory ends in one line."""
    big = place.folder / "big.npy"
    script = f"import numpy as np; np.save({str(big)!r}, np.random.default_rng(0).normal(size=(60000, 300)).astype('f4'))"
    subprocess.run([sys.executable, "-c", script], check=True)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))

    arguments = ["kcenter", str(big), "-k", "50", "-o", str(place.folder / "picks.npy"), "-q"]
    done = place.mods(*arguments, limits=limit, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    problem = "" if done.returncode == 0 else clear_error(done)
    yield problem or None


def strange_locks(place: Place, rng: random.Random, until: float) -> Iterator[str | None]:
    """A link or a pipe in the place of the lock is refused, and what it points to is not touched."""
    precious = place.folder / "precious"
    precious.write_text("precious")
    for kind in ("link", "dangling", "pipe"):
        place.clear("locked")
        folder = place.folder / "locked"
        folder.mkdir()
        if kind == "pipe":
            os.mkfifo(folder / ".lock")
        else:
            (folder / ".lock").symlink_to(precious if kind == "link" else place.folder / "nowhere")
        problem = clear_error(place.mods(*place.run("locked")))
        if precious.read_text() != "precious" or (place.folder / "nowhere").exists():
            problem = "the target of the link was written"
        yield problem and f"{kind}: {problem}" or None


def outputs(place: Place, rng: random.Random, until: float) -> Iterator[str | None]:
    """Inputs, folders and devices are not overwritten."""
    place.mods(*place.run("first"))
    selected = place.folder / "first" / "selected.jsonl"
    before = selected.read_bytes()
    again = [str(selected) if a == str(place.data) else a for a in place.run("first", "--overwrite")]
    done = place.mods(*again)
    yield clear_error(done) or (None if selected.read_bytes() == before else "the input changed")
    score = ["--plugin", str(TOY), "score", str(place.data), "--quality", "toy-length", "-q"]
    done = place.mods(*score, "-o", str(place.data))
    yield clear_error(done) or None
    pipe = place.folder / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.DEVNULL)
    place.mods(*score, "-o", str(pipe))
    reader.kill()
    yield None if pipe.is_fifo() else "the pipe was replaced"


def hostile_settings(place: Place, rng: random.Random, until: float) -> Iterator[str | None]:
    """Hostile configurations end in one line."""
    secret = place.folder / "secret"
    secret.write_text("secret {{ x }}")
    recipes = place.folder / "recipes"
    recipes.mkdir()
    pipe = place.folder / "pipe.toml"
    os.mkfifo(pipe)
    cases: dict[str, str | Path] = {
        "an endless device": Path("/dev/zero"),
        "a pipe": pipe,
        "deep nesting": "a = " + "[" * 100_000,
        "a number of 5,000 digits": f"seeds = {'9' * 5000}",
        "a template elsewhere": f'[tuning]\ntemplate = "{secret}"',
        "a template above": '[tuning]\ntemplate = "../secret"',
        "bytes that are no text": "\udcff",
        "an unknown setting": "seedz = 3",
        "3 MB of settings": "# " + "x" * 3_000_000,
    }
    for number, (name, content) in enumerate(cases.items()):
        path = content if isinstance(content, Path) else recipes / f"config-{number}.toml"
        if isinstance(content, str):
            path.write_bytes(content.encode("utf-8", "surrogateescape"))
        problem = clear_error(place.mods(*place.run("hostile", "--config", str(path))))
        yield problem and f"{name}: {problem}" or None


def hostile_data(place: Place, rng: random.Random, until: float) -> Iterator[str | None]:
    """Data that inflates, nests or never ends is refused or set aside."""
    good = json.dumps({"instruction": "Name a tree", "output": "Oak"}).encode() + b"\n"
    bomb = place.folder / "bomb.jsonl.gz"
    with gzip.open(bomb, "wb", compresslevel=1) as file:
        file.write(good + b'{"instruction": "')
        for _ in range(300):
            file.write(b"x" * (1 << 20))
        file.write(b'", "output": "y"}\n' + good.replace(b"Oak", b"Ash"))
    nested = place.folder / "nested.jsonl"
    nested.write_bytes(good + b'{"instruction": ' + b"[" * 500_000 + b"\n")
    for path, broken in ((bomb, 1), (nested, 1)):

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))

        done = place.mods("read", str(path), "--json", "-q", limits=limit)
        if done.returncode:
            yield f"{path.name}: exit {done.returncode}: {done.stderr.strip()[-200:]}"
        else:
            found = len(json.loads(done.stdout)["broken"])
            yield None if found == broken else f"{path.name}: {found} broken rows"


def hostile_folders(place: Place, rng: random.Random, until: float) -> Iterator[str | None]:
    """`mods why` on a run folder with anything in it ends in an answer or one line."""
    place.mods(*place.run("whole"))
    while time.monotonic() < until:
        place.clear("hostile")
        shutil.copytree(place.folder / "whole", place.folder / "hostile")
        name = rng.choice(["manifest.json", "receipts.parquet", "pool.parquet"])
        file = place.folder / "hostile" / name
        content = bytearray(file.read_bytes())
        for _ in range(rng.randint(1, 8)):
            at = rng.randrange(len(content))
            content[at : at + rng.randint(0, 4)] = rng.randbytes(rng.randint(0, 4))
        file.write_bytes(content)
        done = place.mods("why", str(place.folder / "hostile"), "5")
        escapes = "\x1b" in done.stdout + done.stderr
        problem = "" if done.returncode == 0 else clear_error(done)
        yield problem or ("an escape reached the terminal" if escapes else None)


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


EXPERIMENTS: dict[str, tuple[Callable[[Place, random.Random, float], Iterator[str | None]], float]]
EXPERIMENTS = {
    "kills": (kills, 0.35),
    "overwriting-kills": (overwriting_kills, 0.2),
    "flipped-bits": (flipped_bits, 0.25),
    "hostile-folders": (hostile_folders, 0.2),
    "signals": (signals, 0),
    "shared-cache": (shared_cache, 0),
    "full-disk": (full_disk, 0),
    "little-memory": (little_memory, 0),
    "strange-locks": (strange_locks, 0),
    "outputs": (outputs, 0),
    "hostile-settings": (hostile_settings, 0),
    "hostile-data": (hostile_data, 0),
}
"""By name: the experiment, and its share of the time; those without one have a set number."""


def main() -> int:
    """Run the experiments."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=600, help="time of those that go on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("names", nargs="*", metavar="EXPERIMENT", help=", ".join(EXPERIMENTS))
    arguments = parser.parse_args()
    table = Table()
    print(f"{'experiment':<58} {'tried':>6} {'held':>6}")
    for name in arguments.names or EXPERIMENTS:
        experiment, share = EXPERIMENTS[name]
        with tempfile.TemporaryDirectory() as folder:
            until = time.monotonic() + share * arguments.seconds
            place, rng = Place(Path(folder)), random.Random(f"{arguments.seed}-{name}")
            outcomes = list(experiment(place, rng, until))
        what = (experiment.__doc__ or name).splitlines()[0].rstrip(".")
        table.add(what[:58], len(outcomes), [o for o in outcomes if o])
    for failure in table.failures:
        print(f"did not hold: {failure}")
    return 1 if table.failures else 0


if __name__ == "__main__":
    sys.exit(main())
