"""Selected rows as tables: every value as it was, each with what the run says of it."""

import json

import pytest

from mods import DataError, RunFolderError, SettingsError
from mods.runs.shown.rows import as_arrow, as_pandas, marks_of


@pytest.fixture
def mixed(select, rows):
    """A selection of rows that do not all have the same columns."""
    more = [dict(row, id=2**60 + i) if i % 2 else row for i, row in enumerate(rows)]
    return select([{**row, "tags": [row["output"][:3], "é"]} for row in more])


def test_rows_come_in_order_of_pick_whole_and_with_their_scores(mixed):
    score = {(r.source, r.row): r.scores["quality_toy_length"] for r in mixed.receipts if r.scores}
    own = ["instruction", "input", "output", "id", "tags"]
    for table in (mixed.to_arrow(), mixed.to_dataset()):
        told = list(table.to_pylist() if hasattr(table, "to_pylist") else table)
        assert [{k: row[k] for k in own} for row in told] == [
            {k: row.get(k) for k in own} for row in mixed.rows
        ]
        assert [row["mods_order"] for row in told] == list(range(1, 15))
        assert [row["mods_reason"] for row in told] == ["seed"] * 8 + ["necessary"] * 6
        where = [(row["mods_source"], row["mods_row"]) for row in told]
        assert [row["mods_quality_toy_length"] for row in told] == [score[at] for at in where]
    frame = mixed.to_pandas()
    assert list(frame["id"]) == [row.get("id") for row in mixed.rows]  # no float, no NaN
    assert list(frame["tags"]) == [row["tags"] for row in mixed.rows]
    assert frame["mods_necessity_toy_known"].isna().sum() == 8  # seeds are not reviewed


def test_the_rows_alone_are_what_was_read(mixed):
    own = list(dict.fromkeys(name for row in mixed.rows for name in row))
    assert mixed.to_arrow(marks=False).column_names == own
    assert list(mixed.to_pandas(marks=False).columns) == own


def test_what_fits_no_table_is_told(select, rows):
    odd = select([{**row, "note": i if i % 2 else "x"} for i, row in enumerate(rows)])
    with pytest.raises(DataError, match=r"the column 'note' .* take `rows` or `to_pandas\(\)`"):
        odd.to_arrow()
    assert list(odd.to_pandas()["note"]) == [row["note"] for row in odd.rows]
    named = select([{**row, "mods_order": 1} for row in rows])
    with pytest.raises(SettingsError, match=r"'mods_order' of their own: give `marks=False`"):
        named.to_pandas()
    assert named.to_dataset(marks=False).num_rows == 14


def test_rows_of_another_run_are_refused(select):
    selection = select()
    marks = marks_of(selection._told().receipts)
    for form in (as_arrow, as_pandas):
        with pytest.raises(RunFolderError, match="not the files of one run"):
            form(json.loads(json.dumps(selection.rows[:3])), marks)
