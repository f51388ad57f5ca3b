"""`mods kcenter`: picks from an array of vectors."""

import json

import numpy as np


def test_picks_are_written_and_go_on_from_fixed_centres(mods, tmp_path):
    x = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    picks, rest, radii = (tmp_path / name for name in ("picks.npy", "rest.npy", "radii.npy"))
    told = mods(
        "kcenter", tmp_path / "x.npy", "--k", "20", "--first", "5", "-o", picks, "--radii", radii,
        "--json",
    ).stdout  # fmt: skip
    whole = np.load(picks)
    assert whole.dtype == np.int64
    assert whole[0] == 5
    assert np.load(radii).dtype == np.float32
    assert json.loads(told)["radius"] == float(np.load(radii)[-1])
    np.save(tmp_path / "initial.npy", whole[:12])
    mods(
        "kcenter", tmp_path / "x.npy", "-k", "8", "--initial", tmp_path / "initial.npy", "-o", rest
    )
    assert np.load(rest).tolist() == whole[12:].tolist()


def test_mistakes_are_told(mods, tmp_path):
    picks = tmp_path / "picks.npy"
    np.save(tmp_path / "x.npy", np.eye(4, dtype=np.float32))
    (tmp_path / "text.npy").write_text("no array")
    for name, k, message in (
        ("x.npy", 5, "k = 5 is outside 1..4"),
        ("text.npy", 1, "not a .npy file"),
        ("none.npy", 1, "none.npy: no such file"),
    ):
        assert message in mods("kcenter", tmp_path / name, "-k", k, "-o", picks, code=1).output
    assert not picks.exists()


def test_no_input_is_overwritten(mods, tmp_path):
    x, initial, picks = (tmp_path / name for name in ("x.npy", "i.npy", "p.npy"))
    np.save(x, np.eye(4, dtype=np.float32))
    np.save(initial, np.array([1]))
    for options in (
        ["-o", x],
        ["-o", tmp_path / "." / "i.npy", "--initial", initial],
        ["-o", picks, "--radii", x],
        ["-o", picks, "--radii", picks],
    ):
        told = mods("kcenter", x, "-k", "2", *options, code=1).output
        assert "would overwrite" in told
        assert "choose another file for --" in told
    assert "is a folder" in mods("kcenter", x, "-k", "2", "-o", tmp_path, code=1).output
    mods("kcenter", x, "-k", "2", "-o", tmp_path / "new" / "deep" / "p.npy")
    assert len(np.load(tmp_path / "new" / "deep" / "p.npy")) == 2
