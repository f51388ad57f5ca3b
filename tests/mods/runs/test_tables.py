"""The tables a run leaves: receipts, the pool with its map and neighbours, scores by themselves."""

import numpy as np
import pytest

from mods import Pool, Record, Unscorable
from mods.data.reading import read_rows
from mods.runs.tables import map_columns, pool_table, projection, receipt_table, score_table
from mods.selection.receipts import Receipt


def test_receipts_are_a_row_an_input_row_with_a_column_a_score():
    table = receipt_table([
        Receipt("a", "x\x1b", 1, "selected", "coverage", "seed", {"b": 1.0, "a": 2.0}, 1, 0.5),
        Receipt(None, "x\x1b", 2, "quarantined", "reading", "cut\x07"),
    ])  # fmt: skip
    assert table.column_names[-2:] == ["a", "b"]
    first, second = table.to_pylist()
    assert (first["order"], first["radius"], first["b"]) == (1, 0.5, 1.0)
    assert (second["id"], second["order"], second["b"]) == (None, None, None)
    assert (first["source"], second["reason"]) == (r"x\x1b", r"cut\x07")


@pytest.mark.parametrize("dimensions", [1, 5])
def test_rows_are_projected_as_they_are_asked_for(dimensions):
    x = np.random.default_rng(0).normal(size=(40, dimensions)).astype(np.float32)
    project = projection(x)
    everything = project(slice(None))
    assert everything.shape == (40, 2)
    np.testing.assert_allclose(project(slice(3, 7)), everything[3:7])
    assert everything[:, 0].var() >= everything[:, 1].var()
    assert map_columns(x)["x"].tolist() == everything[:, 0].astype(np.float32).tolist()


def test_the_pool_names_the_nearest_other_selected_row():
    records = [Record.from_instruction(f"q{n}", "a", source="f", row=n) for n in range(1, 5)]
    places = np.array([[0], [1], [3], [7]], dtype=np.float32)
    pool = Pool(records, embeddings=places, tokens=np.arange(4))
    table = pool_table(pool, [records[3], records[1]])
    assert table["nearest_row"].to_pylist() == [2, 4, 2, 2]
    assert table["distance"].to_pylist() == [1, 6, 2, 6]
    assert table["nearest_source"].to_pylist() == ["f"] * 4
    assert table["tokens"].to_pylist() == [0, 1, 2, 3]
    alone = pool_table(pool, [records[1]])
    assert alone["nearest_row"].to_pylist() == [2, None, 2, 2]
    assert alone["distance"].null_count == 1


def test_what_no_part_asked_for_is_null():
    records = [Record.from_instruction("q", "a", source="f", row=1)]
    (row,) = pool_table(Pool(records), records).to_pylist()
    assert {name for name, value in row.items() if value is None} == {
        "x", "y", "tokens", "nearest_source", "nearest_row", "distance",
    }  # fmt: skip


def test_every_input_row_has_a_score_or_a_reason():
    rows = [{"instruction": f"question {n}", "output": "so"} for n in (1, 2, 1)]
    reading = read_rows([rows[0], "no row", *rows[1:]])
    table = score_table(reading, [0.5, Unscorable("odd")])
    assert table.column_names == ["id", "source", "row", "score", "reason"]
    assert table["row"].to_pylist() == [1, 2, 3, 4]
    assert table["score"].to_pylist() == [0.5, None, None, 0.5]
    assert [bool(reason) for reason in table["reason"].to_pylist()] == [False, True, True, False]
