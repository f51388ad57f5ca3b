"""A pool of right and wrong answers, a tiny model, and verdicts on selections of it."""

import json
from pathlib import Path

import pytest
from support.tiny_models import tiny_llama
from support.toy_verdicts import make_folder

from mods import select, verdict

KINDS = {"red": "r r r r", "dog": "d d d d", "two": "t t t t"}
QUICK = {
    "method": "full", "learning_rate": 1e-2, "epochs": 8, "batch_size": 8, "micro_batch": 16,
    "max_length": 128,
}  # fmt: skip
PLUGIN = """
from mods import hookimpl

class Marked:
    def __init__(self, mark):
        self.mark = mark

    def score(self, records):
        return [float(record.raw["mark"] == self.mark) for record in records]

@hookimpl
def register_quality_scorers(register):
    register("marked", Marked)
"""


def make_rows(rights):
    """Some of 600 rows have the right answer, in the others the answers are shuffled."""
    names = list(KINDS)
    for i in range(600):
        asked, other = names[i % 3], names[(i + 1) % 3]
        right = i < rights
        answer = KINDS[asked] if right else KINDS[other]
        mark = "right" if right else "wrong"
        yield {"instruction": f"{asked} {i}", "output": answer, "mark": mark}


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """A folder with pools, by what is rare there, prompts, a plug-in and a model."""
    folder = tmp_path_factory.mktemp("verdicts")
    for name, rights in (("right", 45), ("wrong", 555)):
        rows = map(json.dumps, make_rows(rights))
        (folder / f"{name}.jsonl").write_text("\n".join(rows) + "\n")
    prompts = [
        {"instruction": f"{kind} {i}", "input": "", "reference": answer}
        for i in range(700, 708)
        for kind, answer in KINDS.items()
    ]
    (folder / "asked.jsonl").write_text("\n".join(map(json.dumps, prompts)) + "\n")
    (folder / "marked.py").write_text(PLUGIN)
    tiny_llama(folder / "model")
    return folder


@pytest.fixture(scope="session")
def make_run(place):
    """Make the run folder of a selection of 45 rows of what is rare in the pool of that name."""

    def make(name, folder=None, **settings):
        folder = place / (folder or f"run-{name}")
        given = {"quality": f"marked:mark={name}", "alpha": "top 45", "seeds": 45, "budget": 45}
        select(
            place / f"{name}.jsonl", output=folder, recipe="offline", quiet=True,
            cache=place / "cache", plugins=[place / "marked.py"], embedder="tfidf",
            model=str(place / "model"), tuning=QUICK, **{**given, **settings},
        )  # fmt: skip
        return folder

    return make


@pytest.fixture(scope="session")
def judge(place):
    """Make the verdict on a run."""

    def make(run, **asked):
        given = {
            "arms": ["random"], "measures": ["loss"], "cache": place / "cache", "quiet": True,
            "plugins": [place / "marked.py"], "prompts": place / "asked.jsonl", **asked,
        }  # fmt: skip
        return verdict(Path(run), **given)

    return make


@pytest.fixture
def toy_folder(tmp_path, mods):
    """A folder with `run`, `data.jsonl` and `asked.jsonl`, made with the toy plug-ins."""
    make_folder(mods)
    return tmp_path
