"""Rows are kept as they were written, and records are made of them again, the same each time."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mods.data.build import record_of
from mods.data.kept import NO_SPLIT, KeptRecords, identity_of, parsed, plain_identity
from mods.data.layout import Layout
from mods.data.overview import SourceView
from mods.data.reading import _Collector
from mods.data.values import RowError
from mods.records import RawRow

TEXTS = st.text(max_size=12) | st.sampled_from(
    [
        "",
        " ",
        "a\nb",
        "<think>a</think>b",
        "</think>",
        "é\u2028",
        '\x00\x1f\x7f"\\/',
        "\ud83d",
        "😀",
    ]
)
VALUES = TEXTS | st.none() | st.booleans() | st.integers() | st.floats() | st.just([])
PLAIN = st.fixed_dictionaries(
    {"instruction": VALUES, "output": VALUES}, optional={"input": VALUES, "x": VALUES}
)
COLUMNS = st.sampled_from(
    ["instruction", "question", "input", "context", "output", "answer", "system", "history",
     "messages", "prompt", "completion", "chosen", "label", "weight", "reasoning", "x"]
)  # fmt: skip
TURN = st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "system"]),
                              "content": TEXTS})  # fmt: skip
ANY = st.dictionaries(COLUMNS, VALUES | st.lists(TURN, max_size=3), max_size=6)


@settings(max_examples=3000, deadline=None)
@given(PLAIN)
def test_the_fast_way_finds_the_same_identity_as_building_the_record(row):
    assignment = Layout().assign(row)
    if assignment is None or assignment.plain is None:
        return
    fast = plain_identity(row, assignment.plain)
    if fast is not None:
        assert fast == identity_of(record_of(row, assignment))


def test_the_fast_way_is_taken_by_plain_rows_and_no_others():
    columns = ("instruction", "input", "output")
    row = {"instruction": "é", "input": "b", "output": "c"}
    assert plain_identity(row, columns) is not None
    for change in ({"output": 3}, {"output": " "}, {"output": "<think>"}, {"instruction": "\ud83d"},
                   {"input": None}):  # fmt: skip
        assert plain_identity({**row, **change}, columns) is None


@settings(max_examples=1000, deadline=None)
@given(st.lists(ANY, max_size=4), st.booleans())
def test_records_are_made_again_as_reading_made_them(rows, as_text):
    collector, first = _Collector(Layout(), False, None), []
    for number, data in enumerate(rows, 1):
        text = None
        if as_text:
            try:
                text = orjson.dumps(data)
            except TypeError:
                continue
            data = orjson.loads(text)
        assignment = collector.layout.assign(data)
        before = len(collector.reading.records)
        try:
            made = record_of(data, assignment, source="s", row=number) if assignment else None
        except RowError:
            made = None
        collector._take(RawRow(number, data, text), "s", _view(collector))
        if len(collector.reading.records) > before:
            first.append((made, data, text))
    records = collector.reading.records
    assert [records[i] for i in range(len(records))] == [made for made, _, _ in first]
    assert list(records) == records[:]
    for record, head, (made, data, text) in zip(records, records.heads(), first, strict=True):
        assert repr(record.raw) == repr(data)
        assert record.text == text
        assert (head.id, head.source, head.row, head.key) == (made.id, "s", made.row, made.key)


def _view(collector):
    return collector.reading.views.setdefault("s", SourceView())


def kept(*rows):
    records, layout = KeptRecords(), Layout()
    for number, row in enumerate(rows, 1):
        text = row if isinstance(row, bytes) else None
        data = parsed(row) if text else row
        assignment = layout.assign(data)
        found = identity_of(record_of(data, assignment))
        records.add(*found, RawRow(number, data, text), f"s{number % 2}", assignment)
    return records


def test_rows_come_back_byte_for_byte():
    text = b'{ "output":"a\\u00e9\\/", "instruction":"b", "x": 1e999, "y": 0.10000000000000000001}'
    record = kept(text)[0]
    assert record.text == text
    assert record.response == "aé/"
    assert kept(text).content(0) == text


def test_places_slices_and_the_first_of_each_id():
    row = {"instruction": "a", "output": "b", "input": "c"}
    records = kept(row, {**row, "output": "d"}, dict(row))
    assert len(records) == 2
    assert records[-1].response == "d"
    assert [record.response for record in records[::-1]] == ["d", "b"]
    assert [records.head(i) for i in range(2)] == [("s1", 1), ("s0", 2)]
    assert [head.key for head in records.heads()] == [record.key for record in records]
    assert json.loads(records.content(0)) == row
    with pytest.raises(IndexError):
        records[2]


def test_a_split_prompt_has_a_key_of_its_own():
    one = record_of(row := {"instruction": "a", "input": "b", "output": "c"}, Layout().assign(row))
    two = record_of(row := {"instruction": "a\nb", "output": "c"}, Layout().assign(row))
    assert identity_of(one)[0] == identity_of(two)[0]
    assert identity_of(one)[1] != identity_of(two)[1] == NO_SPLIT
