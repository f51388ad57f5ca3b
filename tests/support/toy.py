"""A plug-in of every kind, without any model, that logs its calls and can be killed at one.

MODS_TOY_LOG names a file that gets one line per call; MODS_TOY_KILL is `KIND:N`: the N-th call of
that kind in this process ends with SIGKILL before it returns.
"""

import hashlib
import multiprocessing
import os
import signal
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import click
import numpy as np

from mods import RawRow, Scale, Unscorable, hookimpl

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

    def __init__(self, pause=0.0):
        self.pause = pause

    def identity(self):
        return {}

    def score(self, records):
        log("score", [r.id for r in records])
        time.sleep(self.pause)
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


class ToyTrainer:
    """Its weights are the words of the prompts it was trained on."""

    def __init__(self, model, seed=0):
        self.model = model

    def identity(self):
        return {"model": self.model}

    def train(self, records, folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "words").exists():
            log("tune", [r.id for r in records])
            words = sorted({word for r in records for word in r.prompt.split()})
            (folder / "words").write_text("\n".join(words))
        return folder

    def count_tokens(self, records):
        log("tokens", [r.id for r in records])
        return [len(r.response.split()) for r in records]


class ToyGenerator:
    """Answers with the words that were seen in training."""

    def __init__(self, model):
        self.model = model

    def identity(self):
        return {"model": self.model}

    def answers(self, conversations, weights):
        log("generate", [c.id for c in conversations])
        known = (weights.path / "words").read_text().split("\n")
        return [" ".join(w for w in c.prompt.split() if w in known) for c in conversations]

    def losses(self, records, weights):
        log("losses", [r.id for r in records])
        known = set((weights.path / "words").read_text().split("\n"))
        return np.array([float(len(set(r.prompt.split()) - known)) for r in records])


class Known:
    def review(self, records, evidence):
        log("review", [r.id for r in records])
        pairs = zip(evidence.answers, records, strict=True)
        return [len(answer) / max(1, len(r.prompt)) for answer, r in pairs]


class Thorough(Known):
    """Looks at all the evidence there is."""

    needs = ("answers", "losses")

    def review(self, records, evidence):
        known = super().review(records, evidence)
        return [share - loss for share, loss in zip(known, evidence.losses, strict=True)]


class Spread:
    def select(self, pool, budget, *, initial):
        taken = set(initial.tolist())
        keys = [hashlib.sha256(r.id.encode()).hexdigest() for r in pool.records]
        order = sorted((i for i in range(len(keys)) if i not in taken), key=keys.__getitem__)
        return budget.take(order, pool)


class Greedy:
    """Asks for everything a pool can hold: short and varied rows first."""

    needs = ("embeddings", "quality", "tokens")

    def select(self, pool, budget, *, initial):
        keys = (pool.scores["quality"], pool.tokens, -pool.embeddings.var(axis=1))
        order = [i for i in np.lexsort(keys) if i not in initial]
        return budget.take(order, pool)


class EveryChunkElsewhere:
    """Runs every chunk in a process of its own, and hands them back in reverse."""

    def map(self, task, chunks):
        chunks = list(chunks)
        for at in reversed(range(len(chunks))):
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                yield at, pool.submit(task.run, chunks[at]).result()


class Last:
    """The rows that were read last."""

    def rank(self, pool):
        return list(reversed(range(len(pool.records))))


class Unknown:
    """How many words of a prompt were never seen in training."""

    needs = ("losses",)

    def scale(self):
        return Scale("words", "lower", (0, None))

    def evaluate(self, prompts, evidence):
        log("evaluate", [p.id for p in prompts])
        return evidence.losses


class Echo:
    """The share of its prompt that an answer repeats."""

    def scale(self):
        return Scale("share", "higher", (0, 1))

    def evaluate(self, prompts, evidence):
        log("echo", [p.id for p in prompts])
        pairs = zip(prompts, evidence.answers, strict=True)
        return [min(1.0, len(answer) / len(p.prompt)) for p, answer in pairs]


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
def register_trainers(register):
    register("toy-trainer", ToyTrainer)


@hookimpl
def register_generators(register):
    register("toy-generator", ToyGenerator)


@hookimpl
def register_necessity_models(register):
    register("toy-known", Known)
    register("toy-thorough", Thorough)


@hookimpl
def register_selectors(register):
    register("toy-spread", Spread)
    register("toy-greedy", Greedy)


@hookimpl
def register_executors(register):
    register("toy-processes", EveryChunkElsewhere)


@hookimpl
def register_arms(register):
    register("toy-last", Last)


@hookimpl
def register_evaluators(register):
    register("toy-unknown", Unknown)
    register("toy-echo", Echo)


@hookimpl
def register_readers(register):
    register("toy-lines", NumberedLines)


class Pairs:
    """Question and answer; refuses rows that say refuse."""

    def rows(self, records):
        return [
            Unscorable("says refuse")
            if "refuse" in r.response
            else {"question": r.prompt, "answer": r.response}
            for r in records
        ]

    def files(self, exported):
        return {"pairs.txt": f"{exported.rows} rows in {exported.data}\n"}


@hookimpl
def register_exporters(register):
    register("toy-pairs", Pairs)


@hookimpl
def register_commands(cli):
    @cli.command("toy-hello")
    def hello():
        """Say hello."""
        click.echo("hello from a plug-in")
