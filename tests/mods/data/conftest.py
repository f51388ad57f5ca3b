"""The built-in readers, and data files of given rows."""

from __future__ import annotations

import json

import pytest
from reader_files import all_readers


@pytest.fixture
def readers():
    return all_readers()


@pytest.fixture
def write(tmp_path):
    def write_lines(name, *rows):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        path.write_text("\n".join(lines), encoding="utf-8")
        return str(path)

    return write_lines
