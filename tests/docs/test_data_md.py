"""What docs/data.md tells of the mixed pool is what becomes of it."""

import re
from pathlib import Path

import pytest

import mods

ROOT = Path(__file__).parents[2]
POOL = ROOT / "examples/mixed.jsonl"
PAGE = (ROOT / "docs/data.md").read_text(encoding="utf-8")


def blocks() -> list[str]:
    section = PAGE.split("## A mixed pool")[1]
    return [" ".join(b.split()) for b in re.findall(r"```text\n(.*?)```", section, re.DOTALL)]


def test_how_the_mixed_pool_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    reading = mods.read("examples/mixed.jsonl", quiet=True)
    counts = f"{len(reading.records)} records + {len(reading.duplicates)} duplicates"
    total = f"rows in {reading.rows} = {counts} + {len(reading.broken)} broken"
    assert blocks()[0] == " ".join([*reading.told, total])


def test_what_becomes_of_its_rows(tmp_path: Path) -> None:
    selection = mods.select(
        POOL, recipe="offline", quality="response-length", embedder="tfidf", seeds=6, budget=6,
        alpha="top 80%", cache=tmp_path, quiet=True,
    )  # fmt: skip
    fates = {r.row: (r.fate, r.stage, r.reason) for r in selection.receipts}
    assert len(fates) == 30
    for row in (13, 27, 28):
        assert fates[row][:2] == ("quarantined", "reading")
    for row in (18, 19, 20):
        assert fates[row][:2] == ("quarantined", "quality")
        assert "holds media (image)" in fates[row][2]
    assert fates[26] == ("rejected", "reading", f"duplicate of {POOL}:8")
    records = {r.row: r for r in mods.read(POOL, quiet=True).records}
    assert [len(records[row].conversation.tools) for row in (9, 10, 11, 12)] == [1, 1, 1, 0]
    assert all(records[row].reply.reasoning for row in (14, 15, 16, 17))
    assert "7 * 13" not in records[17].response
    assert records[23].response == "The Salted Crumb."
    chosen = [r for r in selection.receipts if r.fate == "selected"]
    assert len(chosen) == len(selection.rows) == 6
