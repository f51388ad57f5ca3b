"""`mods bench`: speed on the user's own machine and data."""

import json
from pathlib import Path

import numpy as np
import pytest


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["-k", "0"], 2, "--k"),
        (["--repeats", "0"], 2, "--repeats"),
        (["--threads", "-1"], 2, "--threads"),
        (["--k", "9", "--rows", "8"], 1, "k = 9 is outside 1..8"),
        (["--embeddings", "none.npy"], 1, "none.npy: no such file"),
        (["--embeddings", "text.npy"], 1, "not a .npy file"),
        (["--embeddings", "wide.npy", "--k", "2"], 1, "wide.npy: x must be float32"),
        (["--embeddings", "flat.npy", "--k", "2"], 1, "2-D"),
    ],
)
def test_mistakes_are_named(options, code, message, mods):
    Path("text.npy").write_text("no array")
    np.save("wide.npy", np.ones((4, 2)))
    np.save("flat.npy", np.ones(4, np.float32))
    assert message in mods("bench", "kcenter", *options, code=code).output


def test_the_rows_given_are_measured_and_the_picks_checked(mods, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32))
    told = mods(
        "bench", "kcenter", "--embeddings", tmp_path / "x.npy", "--k", "5", "--repeats", "1",
        "--json",
    ).output  # fmt: skip
    assert json.loads(told)["rows"] == 60
    assert json.loads(told)["checked"]
