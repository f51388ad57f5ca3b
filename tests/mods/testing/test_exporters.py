"""Every rule of exporters, broken on purpose."""

import itertools

import pytest

from mods import PluginError, Unscorable
from mods.testing import check_exporter, sample_records

counter = itertools.count()


class Exporter:
    """Rows of a text each; a function may change them, another the files."""

    def __init__(self, row=lambda record, at: {"text": record.response}, files=None):
        self.row, self.made = row, files or (lambda: {"a.txt": "a"})

    def rows(self, records):
        return [self.row(record, at) for at, record in enumerate(records)]

    def files(self, exported):
        assert exported.columns in (("text",), ())
        return self.made()


def test_good_exporters_pass():
    check_exporter(Exporter())
    check_exporter(Exporter(lambda record, at: Unscorable("no")))
    assert len(sample_records()) > 1


@pytest.mark.parametrize(
    ("exporter", "rule"),
    [
        (object(), "an exporter has `rows` and `files`"),
        (Exporter(lambda record, at: {}), "an object with columns"),
        (Exporter(lambda record, at: {"text": record}), "plain JSON values"),
        (Exporter(lambda record, at: {"text": at}), "must not depend on the other rows"),
        (Exporter(files=lambda: {"a.txt": 1}), "texts by the names of files"),
        (Exporter(files=lambda: {"a.txt": str(next(counter))}), "the same each time"),
    ],
)
def test_a_broken_rule_is_named(exporter, rule):
    with pytest.raises(PluginError, match=rule):
        check_exporter(exporter)
