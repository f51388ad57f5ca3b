"""What a run found, as Python gives it."""


def test_rows_come_as_they_were_read_and_totals_add_up(select, rows):
    given = [dict(row, note={"kept": [row["output"]]}) for row in rows]
    selection = select(given)
    assert all(row in given for row in selection.rows)
    assert len(selection.rows) == len(selection.records) == selection.totals["selected"]
    assert selection.totals == {"selected": 14, "rejected": 27, "quarantined": 0}
    assert selection.folder is None
