from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mods import RawRow
from mods_plugins.readers.files import BOM
from mods_plugins.readers.json_rows import json_row, line_rows, not_json, too_much


@given(st.lists(st.binary(max_size=9) | st.just(b'{"a": 1}')))
def test_every_line_is_a_row_or_broken_or_blank(lines):
    lines = [line.replace(b"\n", b"") for line in lines]
    found = list(line_rows(lines))
    blank = [not line.removeprefix(BOM if i == 0 else b"").strip() for i, line in enumerate(lines)]
    assert [row.row for row in found] == [i for i, empty in enumerate(blank, 1) if not empty]
    assert all(isinstance(row, RawRow) or row.text.encode() for row in found)


def test_names_of_fields_are_shared_between_rows():
    one, two = (json_row(n, {"".join(["a", "b"]): n}, "") for n in (1, 2))
    assert next(iter(one.data)) is next(iter(two.data))


def test_messages_are_one_line():
    assert too_much(ValueError("so\nlong")) == "not readable: so"
    assert too_much(RecursionError("deep")) == "not readable: the JSON is nested too deeply"
    assert str(not_json("a.json", "Extra data", 2, 3)).startswith(
        "a.json is not JSON at line 2, column 3: Extra data. "
    )
