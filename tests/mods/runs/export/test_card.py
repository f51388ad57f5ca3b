"""The card: what the hub reads, and nothing of the data that could look like more."""

from dataclasses import replace

import pytest
import yaml

from mods.interfaces.exports import Exported
from mods.runs.export.card import Told, card, licence, shown

DIGEST = "0" * 64
MANIFEST = {
    "mods": "1.2",
    "makes": {"inputs": {"sources": {"/home/me/a|b.jsonl": DIGEST, "org/set": None}}},
    "rows": {"in": 10},
    "thresholds": {},
    "environment": {"python": "```\n# no heading"},
}
TOLD = Told(MANIFEST, Exported('my "set"', "train.jsonl", 3, ("messages",)), "trl:model=a b", 4, 1,
            "shuffled, seed 7", None, {"mit": 2, "": 2}, [("train.jsonl", DIGEST)])  # fmt: skip


def test_the_header_is_what_the_hub_reads():
    _, header, _ = card(TOLD).split("---\n", 2)
    head = yaml.safe_load(header)
    assert head["license"] == "unknown"
    assert head["pretty_name"] == 'my "set"'
    assert head["configs"] == [
        {
            "config_name": "default",
            "data_files": [{"split": "train", "path": "train.jsonl"}],
        }
    ]
    assert head["size_categories"] == ["n<1K"]


def test_the_card_tells_where_rows_come_from_and_how_to_make_them_again():
    text = card(TOLD)
    assert "10 rows were read, 4 selected, 3 exported, 1 refused" in text
    assert f"| a\\|b.jsonl | {DIGEST} |" in text
    assert "/home/me" not in text
    assert "| org/set | - |" in text
    assert "mods run 'a|b.jsonl' org/set -o RUN --recipe recipe.toml" in text
    assert "mods export RUN --to 'trl:model=a b' --order shuffled --seed 7" in text
    assert "| mit | 2 |" in text
    assert text.count("```") == 4
    assert "--order" not in card(replace(TOLD, order="pick"))


@pytest.mark.parametrize(
    ("given", "named", "expected"),
    [
        (None, {"mit": 3}, "mit"),
        (None, {"mit": 3, "": 1}, "unknown"),
        (None, {"": 3}, "unknown"),
        ("cc0-1.0", {"mit": 3}, "cc0-1.0"),
    ],
)
def test_no_licence_is_made_up(given, named, expected):
    told = replace(TOLD, licence=given, licences=named)
    assert licence(told) == expected
    assert ("Nobody has named" in card(told)) == (expected == "unknown")


def test_names_are_shown_without_markup():
    assert shown("<b>|`x`\n\u202e") == "&lt;b>\\|\\`x\\` \\\\u202e"
