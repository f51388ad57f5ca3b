"""Messages hold every part: what mods reads back has the same ids."""

import pytest
from support.exports import FULL, HALF, INLINE, SEEING, UNMARKED, UNRULY, exported, loaded, reasons
from support.turns import CALLING, MULTI_TURN, RICH

import mods
from mods.testing import check_exporter
from mods_plugins.exporters.messages import Datasets, Messages

ROWS = [FULL, HALF, SEEING, UNMARKED, CALLING, MULTI_TURN, RICH]


@pytest.mark.parametrize("exporter", [Messages(), Datasets()], ids=["jsonl", "parquet"])
def test_rows_read_back_are_the_same_records(exporter, tmp_path):
    check_exporter(exporter)
    rows = exported(exporter, ROWS, tmp_path)
    name = next(path.name for path in tmp_path.iterdir() if path.is_file())
    found = mods.read(tmp_path / name, quiet=True)
    assert [record.id for record in found.records] == [record.id for record in ROWS]
    assert list(loaded(tmp_path, name)) == rows


def test_other_roles_are_kept_and_content_without_a_file_is_refused():
    [row] = Messages().rows([UNRULY])
    assert row["messages"][1] == {"role": "critic", "content": "b"}
    assert reasons(Messages(), INLINE) == ["an image stands in the row itself, not in a file"]
