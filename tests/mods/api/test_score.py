"""`mods.score` does what the command does."""

import pyarrow.parquet as pq
from conftest import TOY

import mods as package
from mods.api import score


def test_score_equals_the_command_line(data, tmp_path, mods, options):
    out = tmp_path / "scores.parquet"
    mods("--plugin", TOY, "score", data, "--quality", "toy-length", "-o", out)
    table = package.score(data, quality="toy-length", **options)
    assert table.equals(pq.read_table(out))
    assert table.num_rows == 42
    again = package.score(
        str(data), quality={"name": "toy-length"}, output=tmp_path / "b", **options
    )
    assert again.equals(table)
    assert (tmp_path / "b").read_bytes() == out.read_bytes()


def test_the_command_scores_by_what_score_calls(data, tmp_path, mods, monkeypatch, options):
    called = []
    scored = score.score_rows

    def seen(data, quality, *arguments, **named):
        called.append((list(data) if isinstance(data, tuple) else [str(data)], quality))
        return scored(data, quality, *arguments, **named)

    monkeypatch.setattr(score, "score_rows", seen)
    mods("--plugin", TOY, "score", data, "--quality", "toy-length", "-o", tmp_path / "s", "-q")
    package.score(data, quality="toy-length", **options)
    assert called[0] == called[1]
