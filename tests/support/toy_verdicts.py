"""Verdicts with the toy plug-ins: no model, a second each."""

import json
from pathlib import Path

from conftest import TOY, toy_arguments, write_rows

ASKED = [
    {"instruction": f"{verb} the {noun} {i}", "output": "so"}
    for i, (verb, noun) in enumerate(
        [("paint", "apple"), ("count", "engine"), ("dig", "forest")] * 4
    )
]


def make_folder(mods):
    """Make a run and the prompts of a verdict in the working folder."""
    write_rows(Path("data.jsonl"))
    Path("asked.jsonl").write_text("\n".join(map(json.dumps, ASKED)) + "\n")
    mods(*toy_arguments("data.jsonl", "run"))


def judging(out="verdict", *more):
    """Arguments of a verdict with the toy plug-ins: five models, two measures."""
    return [
        "--plugin", TOY, "verdict", "run", "--prompts", "asked.jsonl", "-o", out, "-q",
        "--arms", "random", "toy-last", "--measures", "toy-unknown", "toy-echo",
        "--set", "generation.batch_size=4", *more,
    ]  # fmt: skip


def as_made(folder):
    """What a verdict says, without what it cost."""
    made = json.loads((folder / "verdict.json").read_text())
    assert made.pop("costs")
    return made
