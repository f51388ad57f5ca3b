"""Texts of the page: every row has one, in the order of the receipts."""

import json
import zlib

from mods.runs.report import texts
from mods.runs.report.texts import pack_texts
from mods.runs.saved import SavedRun


def test_each_row_has_its_conversation_what_it_repeats_or_what_stood_there(
    select, rows, tmp_path, monkeypatch
):
    selection = select([*rows, "no row"], output=tmp_path / "run")
    monkeypatch.setattr(texts, "CHUNK", 500)
    saved = SavedRun.load(tmp_path / "run")
    chunks, characters = pack_texts(saved, tmp_path / "run")
    assert len(chunks) > 5
    told = []
    for chunk in chunks:
        found = json.loads(zlib.decompress(chunk.packed, wbits=-15))
        assert (chunk.first, chunk.rows) == (len(told), len(found))
        told += found
    assert [[id, reason] for id, reason, *_ in told] == [
        [r["id"], r["reason"]] for r in saved.receipts.to_pylist()
    ]
    for row, (_, _, text, *_), length in zip(rows[:40], told, characters, strict=False):
        turns = [["user", row["instruction"]], ["assistant", row["output"]]]
        assert text == {"turns": turns}
        assert length == len(row["output"])
    answered = {id: answer for id, _, _, *answers in told for answer in answers}
    assert answered == selection.answers
    assert len(answered) == 22
    assert [text for _, _, text in told[40:]] == [3, '"no row"']
    assert characters[40:] == [len(rows[3]["output"]), -1]
