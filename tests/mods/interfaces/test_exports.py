"""What an exporter must offer: the methods alone, whatever class it is."""

from mods.interfaces.exports import JSON_LINES, Exporter


class Quacks:
    def rows(self, records):
        return []

    def files(self, exported):
        return {}


def test_an_exporter_is_what_has_the_methods():
    assert isinstance(Quacks(), Exporter)
    assert not isinstance(object(), Exporter)
    assert JSON_LINES.endswith(".jsonl")
