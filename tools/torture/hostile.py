"""What others put in the way: locks, outputs, settings, data and run folders with a will."""

from __future__ import annotations

import gzip
import json
import os
import random
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tools.torture.place import TOY, Place, clear_error


def strange_locks(place: Place, rng: random.Random, until: float) -> Iterator[str | None]:
    """A link or a pipe as lock is refused, and what it points to is not touched."""
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
        yield (problem and f"{kind}: {problem}") or None


def outputs(place: Place, rng: random.Random, until: float) -> Iterator[str | None]:
    """Inputs, folders and devices are not overwritten."""
    place.mods(*place.run("first"))
    selected = place.folder / "first" / "selected.jsonl"
    before = selected.read_bytes()
    again = [
        str(selected) if a == str(place.data) else a for a in place.run("first", "--overwrite")
    ]
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
        yield (problem and f"{name}: {problem}") or None


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
