"""A plug-in of every kind, without any model, that logs its calls and can be killed at one.

MODS_TOY_LOG names a file that gets one line per call; MODS_TOY_KILL is `KIND:N`: the N-th call of
that kind in this process ends with SIGKILL before it returns.
"""

import hashlib
import os
import signal
from collections import Counter
from pathlib import Path

import click
import numpy as np

from mods import Picks, RawRow, Unscorable, hookimpl

calls = Counter()


def log(kind, rows):
    calls[kind] += 1
    if "MODS_TOY_LOG" in os.environ:
        with open(os.environ["MODS_TOY_LOG"], "a") as file:
            file.write("".join(f"{kind} {row}\n" for row in rows))
    if os.environ.get("MODS_TOY_KILL") == f"{kind}:{calls[kind]}":
        os.kill(os.getpid(), signal.SIGKILL)


class Length:
    chunk_size = 4

    def score(self, records):
        log("score", [r.id for r in records])
        return [
            Unscorable("says skip") if "skip" in r.response else float(len(r.response))
            for r in records
        ]


class Letters:
    chunk_size = 4

    def embed(self, texts):
        log("embed", texts)
        rows = [[text.count(c) for c in "abcdefghijklmnopqrstuvwxyz"] for text in texts]
        return np.array(rows, dtype=np.float32)


class ToyBackend:
    def __init__(self, path="toy"):
        self.path = path

    def identity(self):
        return {"path": self.path}

    def tune(self, records, *, tuning, generation, folder, seed):
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "done").exists():
            log("tune", [r.id for r in records])
            (folder / "done").write_text("done")
        return ToyModel({word for r in records for word in r.prompt.split()})


class ToyModel:
    def __init__(self, words):
        self.words = words

    def generate(self, records):
        log("generate", [r.id for r in records])
        return [" ".join(w for w in r.prompt.split() if w in self.words) for r in records]

    def losses(self, records):
        log("losses", [r.id for r in records])
        return np.array([float(len(set(r.prompt.split()) - self.words)) for r in records])


class Known:
    def judge(self, records, model):
        log("judge", [r.id for r in records])
        answers = model.generate(records)
        return [len(a) / max(1, len(r.prompt)) for a, r in zip(answers, records, strict=True)]


class Spread:
    def select(self, pool, k, *, initial):
        taken = set(initial.tolist())
        keys = [hashlib.sha256(r.id.encode()).hexdigest() for r in pool.records]
        order = sorted((i for i in range(len(keys)) if i not in taken), key=keys.__getitem__)
        return Picks(np.array(order[:k], dtype=np.int64))


class NumberedLines:
    def matches(self, source):
        return source.endswith(".lines")

    def read(self, source):
        for number, line in enumerate(Path(source).read_text().splitlines(), 1):
            yield RawRow(number, {"instruction": f"line {number}", "output": line})


@hookimpl
def register_quality_scorers(register):
    register("toy-length", Length)


@hookimpl
def register_embedders(register):
    register("toy-letters", Letters)


@hookimpl
def register_models(register):
    register("toy-model", ToyBackend)


@hookimpl
def register_necessity_models(register):
    register("toy-known", Known)


@hookimpl
def register_selectors(register):
    register("toy-spread", Spread)


@hookimpl
def register_readers(register):
    register("toy-lines", NumberedLines)


@hookimpl
def register_commands(cli):
    @cli.command("toy-hello")
    def hello():
        """Say hello."""
        click.echo("hello from a plug-in")
