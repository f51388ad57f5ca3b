"""Data may be named in many ways; what is no data is refused."""

from pathlib import Path

import pytest

import mods as package
from mods import SettingsError


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"instruction": "a", "output": "b"}, "data is a dict: expected files, or rows; give a"),
        (3, "data is 3: expected files, or rows"),
        (None, "data is None: expected files, or rows"),
        ([], "no data: expected at least one file, or rows"),
    ],
)
def test_what_is_no_data_is_refused(data, message, options):
    with pytest.raises(SettingsError) as error:
        package.select(data, recipe="offline", budget=40, **options)
    assert message in str(error.value)


@pytest.mark.parametrize("kind", [str, Path, lambda path: [path], lambda path: (str(path),)])
def test_files_may_be_given_one_or_many_as_text_or_paths(kind, tmp_path, options):
    (tmp_path / "a.lines").write_text("one\nthree\n")
    table = package.score(kind(tmp_path / "a.lines"), quality="toy-length", **options)
    assert table["score"].to_pylist() == [3, 5]
    assert table["source"].to_pylist() == [str(tmp_path / "a.lines")] * 2


def test_rows_may_come_from_a_generator(rows, options):
    assert package.score(iter(rows), quality="toy-length", **options).num_rows == 41
