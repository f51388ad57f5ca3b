"""Every row of every source is accounted for: a record, a duplicate, or broken with a reason."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reader_files import all_readers

from mods import BrokenRow, DataError
from mods.data.reading import PROBE, Duplicate, Reading, read_rows, read_sources
from mods.files import to_json, write_lines

GOOD = {"instruction": "Say a", "input": "", "output": "a", "extra": [1, None]}
TURNS = [{"role": "user", "content": "Say a"}, {"role": "assistant", "content": "a"}]
OTHER = {"messages": [*TURNS, {"role": "user", "content": "b"}, TURNS[1]]}
EMPTY = {"instruction": "a", "output": ""}
SHARED = Path(os.environ.get("MODS_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))
CASES = SHARED.parent / "cases"


def check(reading: Reading) -> None:
    assert reading.rows == len(reading.records) + len(reading.duplicates) + len(reading.broken)
    ids = [head.id for head in reading.records.heads()]
    assert len(set(ids)) == len(ids)
    assert [record.id for record in reading.records] == ids
    read = len(reading.records) + len(reading.duplicates)
    assert sum(sum(view.schemas.values()) for view in reading.views.values()) == read


def test_mixed_schemas_broken_rows_and_duplicates_across_files(readers, write):
    one = write("one.jsonl", GOOD, "", "oops", OTHER, EMPTY)
    two = write("two.json", {"messages": TURNS}, {"messages": "x"}, GOOD)
    reading = read_sources([one, two], readers)
    check(reading)
    assert reading.rows == 7
    assert [(r.source, r.row, r.raw) for r in reading.records] == [(one, 1, GOOD), (one, 4, OTHER)]
    first = reading.records[0].id
    assert reading.duplicates == [Duplicate(first, two, 1, 0), Duplicate(first, two, 3, 0)]
    schemas = {source: dict(view.schemas) for source, view in reading.views.items()}
    assert schemas == {one: {"alpaca": 1, "messages": 1}, two: {"messages": 1, "alpaca": 1}}
    assert reading.sources == [one, two]
    assert reading.broken == [
        BrokenRow(3, "not JSON: Expecting value at column 1", "oops", one),
        BrokenRow(5, "the response is empty (field 'output')", json.dumps(EMPTY), one),
        BrokenRow(
            2,
            "field 'messages' should be a list of turns, found text",
            '{"messages": "x"}',
            two,
        ),
    ]


def test_strict_stops_at_the_first_broken_row(readers, write):
    file = write("a.jsonl", GOOD, EMPTY, "oops")
    with pytest.raises(DataError, match=r"a\.jsonl, row 2: the response is empty.*`strict` stops"):
        read_sources([file], readers, strict=True)


def test_no_usable_row_gives_the_first_three_reasons(readers, write):
    file = write("a.jsonl", *[EMPTY] * 9)
    with pytest.raises(DataError, match=r"none of the 9 rows(.*the response is empty){3} [^;]*$"):
        read_sources([file], readers)


@pytest.mark.parametrize("strict", [False, True])
def test_an_unknown_dataset_says_what_it_found_and_what_to_do(readers, write, strict):
    file = write("a.jsonl", *[{"text": "a", "url": "b"}] * 3)
    with pytest.raises(DataError) as error:
        read_sources([file], readers, strict=strict)
    asked = "Say which it is with `schema`, or where the fields are with `columns` instruction="
    for part in ("a.jsonl", "text, url", "alpaca (instruction, output;", asked):
        assert part in str(error.value)


def test_an_unknown_dataset_is_given_up_early():
    def rows():
        yield from [{"text": "a"}] * PROBE
        pytest.fail("read on after the first rows")

    with pytest.raises(DataError, match="fit no schema"):
        read_rows(rows())


def test_a_late_start_is_no_unknown_dataset():
    reading = read_rows([{"text": "a"}] * (PROBE - 1) + [GOOD] + [{"text": "a"}] * PROBE)
    assert (len(reading.records), len(reading.broken)) == (1, 2 * PROBE - 1)


def test_forced_schema_and_columns(readers, write):
    file = write("a.jsonl", {"ask": "a", "say": "b"}, GOOD)
    reading = read_sources([file], readers, columns={"instruction": "ask", "output": "say"})
    assert [r.response for r in reading.records] == ["b"]
    assert "missing fields 'ask' and 'say' of schema alpaca" in reading.broken[0].reason
    with pytest.raises(DataError, match="fit not the schema sharegpt"):
        read_sources([file], readers, schema="sharegpt")
    with pytest.raises(DataError, match="fit not the schema alpaca with output=reply"):
        read_sources([file], readers, columns={"output": "reply"})


def test_columns_that_an_index_names_are_used_for_its_file_only(readers, write, tmp_path):
    index = {"mine": {"file_name": "mine.json", "columns": {"prompt": "ask", "response": "say"}},
             "more": {"file_name": "more.json"}}  # fmt: skip
    write("dataset_info.json", index)
    write("mine.json", [{"ask": "a", "say": "b", "input": "n"}])
    write("more.json", [GOOD])
    reading = read_sources([str(tmp_path)], readers)
    check(reading)
    assert [(r.prompt, r.response) for r in reading.records] == [("a\nn", "b"), ("Say a", "a")]
    assert len(reading.notes) == 2
    assert reading.told[:2] == reading.notes
    asked = {"instruction": "say", "output": "ask"}
    with pytest.raises(DataError, match=r"more\.json: the rows fit not"):  # the user's word counts
        read_sources([str(tmp_path)], readers, columns=asked)


def test_rows_that_are_in_python_already():
    datasets = pytest.importorskip("datasets")
    row = {"prompt": "a", "completion": "b"}
    for rows in ([row, "text", row], datasets.Dataset.from_list([row, row])):
        reading = read_rows(rows)
        check(reading)
        (record,) = reading.records
        assert (record.source, record.row, record.raw) == ("<python>", 1, row)
    assert read_rows([GOOD, "a"]).broken == [
        BrokenRow(2, "expected an object, found text", '"a"', "<python>")
    ]
    (broken,) = read_rows([GOOD, {**GOOD, (1, 2): 3}]).broken
    assert broken.reason == "the name of a field should be text, found (1, 2)"


def test_progress_counts_rows_and_ends_with_all():
    seen: list[int] = []
    read_rows(({**GOOD, "output": str(i)} for i in range(2500)), on_progress=seen.append)
    assert seen == [1000, 2000, 2500]


VALUES = st.none() | st.floats() | st.text("ab \ud83d", max_size=3) | st.just(TURNS)
NAMES = st.sampled_from(["instruction", "input", "output", "messages", "prompt", "chosen", "x"])


@given(st.lists(st.dictionaries(NAMES, VALUES) | st.just("no row")))
def test_any_rows_are_accounted_for_and_untouched(rows):
    before = repr(rows)
    reading = read_rows([GOOD, *rows])
    check(reading)
    assert reading.rows == len(rows) + 1
    assert repr(rows) == before
    for record in reading.records:
        assert record.raw is [GOOD, *rows][record.row - 1]
        assert json.loads(to_json(record.raw))
    for row in reading.broken:
        assert row.reason
        assert row.text.encode()


# --- what users reported, and what was published ------------------------------------------------

no_cases = pytest.mark.skipif(not CASES.is_dir(), reason=f"no shared cases in {CASES}")
ACCEPTED = {
    "01_chatglm_history.jsonl": (2, 0),
    "01b_history_dups.jsonl": (3, 0),
    "02_datajuicer.jsonl": (1, 0),
    "03_firefly.jsonl": (2, 0),
    "03b_input_output.jsonl": (2, 0),
    "05_swift_sharegpt.jsonl": (1, 0),
    "06_lf_tools.jsonl": (2, 0),
    "07_lf_images.jsonl": (3, 0),
    "07b_same_text_other_image.jsonl": (5, 0),
    "08c_kto.jsonl": (1, 1),
    "09_openai.jsonl": (5, 0),
    "12_ultrachat.jsonl": (1, 0),
    "12b_lima.jsonl": (1, 0),
    "15_sharegpt.jsonl": (5, 3),
    "17_roles.jsonl": (3, 0),
    "20h_history.csv": (3, 0),
    "20l_unquoted.tsv": (5, 0),
    "20n_emptycols.csv": (2, 0),
    "21g_nan.json": (2, 0),
    "21j_array_one_line.jsonl": (2, 0),
    "21m_number_output.jsonl": (3, 0),
    "22_a.jsonl.bz2": (2, 0),
    "22_b.jsonl.xz": (2, 0),
    "22_d.jsonl.zst": (2, 0),
    "23_struct.parquet": (2, 0),
    "23c_json_string.parquet": (1, 0),
    "23d_ns.parquet": (2, 0),
    "31_system.jsonl": (24, 0),
    "32_think.jsonl": (24, 0),
    "34_long.jsonl": (24, 0),
    "43_emoji_rtl.jsonl": (7, 0),
    "50_lf_data": (1, 0),
    "52_splits": (1, 0),
    "57_xlam.jsonl": (1, 0),
    "60_long_system.jsonl": (24, 0),
}
"""Records and broken rows of each case."""


@no_cases
@pytest.mark.parametrize("name", ACCEPTED)
def test_shared_cases_are_read_and_what_is_written_loads_elsewhere(name, readers, tmp_path):
    datasets, pandas = pytest.importorskip("datasets"), pytest.importorskip("pandas")
    reading = read_sources([str(CASES / name)], readers)
    check(reading)
    assert (len(reading.records), len(reading.broken)) == ACCEPTED[name]
    target = tmp_path / "selected.jsonl"
    write_lines(target, (record.text or record.raw for record in reading.records))
    assert len(pandas.read_json(target, lines=True)) == len(reading.records)
    mixed = {"06_lf_tools.jsonl", "07_lf_images.jsonl"}  # two schemas in one file
    if name not in mixed:
        options = {"split": "train", "cache_dir": str(tmp_path / "cache")}
        loaded = datasets.load_dataset("json", data_files=str(target), **options)
        assert len(loaded) == len(reading.records)


@no_cases
def test_shared_cases_in_another_encoding_are_told_and_read(readers):
    file = str(CASES / "20b_cp1252.csv")
    with pytest.raises(DataError, match=r"is not UTF-8.*may be cp1252: try `encoding` cp1252"):
        read_sources([file], readers)
    rows = read_sources([file], all_readers(encoding="cp1252")).records
    assert [row.response for row in rows] == ["coffee house", "Köln", "Rhine"]


no_data = pytest.mark.skipif(not SHARED.is_dir(), reason=f"no shared data in {SHARED}")


@no_data
def test_real_data(readers):
    files = [str(SHARED / name) for name in ("alpaca_data.json", "mixture.jsonl")]
    reading = read_sources(files, readers)
    check(reading)
    assert (reading.rows, len(reading.broken)) == (89_386, 30)
    assert {row.reason for row in reading.broken} == {"the response is empty (field 'output')"}
    rows = json.loads(Path(files[0]).read_text(encoding="utf-8"))
    assert all(r.raw == rows[r.row - 1] for r in reading.records if r.source == files[0])


@no_data
def test_real_preferences_are_read_on_their_chosen_side(readers):
    for file in sorted((SHARED / "prefs").glob("*.jsonl")):
        reading = read_sources([str(file)], readers)
        check(reading)
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        assert all(r.response == rows[r.row - 1]["chosen"] for r in reading.records)
        assert "kept aside: rejected" in reading.told[0]
