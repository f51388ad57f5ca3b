"""An export is whole and counted, or it is not there; the same asked for gives the same bytes."""

import json

import pyarrow.parquet as pq
import pytest
from conftest import HERE

from mods import OutputError, PluginError, RunFolderError, SettingsError, Unscorable
from mods.files import file_digest
from mods.interfaces.exports import Exported
from mods.plugins.part import Part
from mods.runs.export import folder
from mods.runs.export.folder import How, write_export, write_rows
from mods.runs.saved import SavedRun
from mods.settings.choice import Choice


@pytest.fixture
def run(rows, select, tmp_path):
    """The folder of a run in which some of the selected rows say refuse."""
    for row in rows:
        row["output"] += "refuse" * (len(row["output"]) > 40)
    place = tmp_path / "run"
    selection = select(rows, output=place)
    assert 0 < sum("refuse" in record.response for record in selection.records) < 14
    return place


@pytest.fixture
def export(run, registry, tmp_path):
    """Export the run with a plug-in."""

    def write(name="toy-pairs", target=tmp_path / "out", **how):
        part = Part.choose(registry, "exporter", Choice(name), {})
        return write_export(SavedRun.load(run), run, part, target, How(**how), to=name)

    return write


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_selected_row_is_exported_or_refused_with_its_reason(export, run):
    made = export()
    rows, refused = lines(made.folder / "train.jsonl"), lines(made.folder / "refused.jsonl")
    written = [row["output"] for row in lines(run / "selected.jsonl")]
    kept = [text for text in written if "refuse" not in text]
    assert [row["answer"] for row in rows] == kept
    assert [row["reason"] for row in refused] == ["says refuse"] * (14 - len(kept))
    assert (made.selected, made.exported, len(made.refused)) == (14, len(kept), 14 - len(kept))
    assert (made.folder / "pairs.txt").read_text() == f"{len(kept)} rows in train.jsonl\n"
    told = json.loads((made.folder / "export.json").read_text())
    assert told["rows"] == {"selected": 14, "exported": len(kept), "refused": 14 - len(kept)}
    on_disk = {p.name: file_digest(p) for p in made.folder.iterdir() if p.name != "export.json"}
    assert told["files"] == on_disk == dict(made.files)


def test_shuffled_rows_are_the_same_for_the_same_seed(export, tmp_path):
    made = {
        name: export(target=tmp_path / name, order="shuffled", seed=seed).folder / "train.jsonl"
        for name, seed in (("a", 7), ("b", 7), ("c", 8))
    }
    texts = {name: path.read_text() for name, path in made.items()}
    assert texts["a"] == texts["b"] != texts["c"]
    picked = export(target=tmp_path / "d").folder / "train.jsonl"
    assert picked.read_text() != texts["a"]
    assert sorted(picked.read_text().splitlines()) == sorted(texts["a"].splitlines())
    with pytest.raises(SettingsError, match="`order` 'random': expected pick or shuffled"):
        How(order="random")


def test_a_folder_in_use_is_left_alone_and_an_older_export_goes_whole(export, run, tmp_path):
    with pytest.raises(OutputError, match="is the run folder itself"):
        export(target=run, overwrite=True)
    made = export()
    with pytest.raises(OutputError, match="holds an export already"):
        export()
    (made.folder / "notes.txt").write_text("mine")
    (made.folder / "refused.jsonl").write_text("old")
    again = export(overwrite=True)
    assert again.files == made.files
    assert (made.folder / "notes.txt").read_text() == "mine"
    other = tmp_path / "other"
    other.mkdir()
    for content in (None, "[]", '{"status": "done", "files": {"../run/manifest.json": ""}}'):
        (other / "notes.txt").write_text("mine")
        if content:
            (other / "export.json").write_text(content)
        with pytest.raises(OutputError, match="holds files but no export"):
            export(target=other, overwrite=True)
    assert (run / "manifest.json").exists()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="a file is in the way"):
        export(target=tmp_path / "file", overwrite=True)


def test_a_killed_export_is_no_export_and_no_obstacle(export, monkeypatch, tmp_path):
    whole = export(target=tmp_path / "whole")

    def kill(told):
        raise KeyboardInterrupt

    monkeypatch.setattr(folder, "card", kill)
    with pytest.raises(KeyboardInterrupt):
        export()
    told = json.loads((tmp_path / "out" / "export.json").read_text())
    assert told["status"] == "unfinished"
    monkeypatch.undo()
    again = export()
    assert again.exported == whole.exported
    assert json.loads((again.folder / "export.json").read_text())["status"] == "done"


def test_a_manifest_that_does_not_tell_enough_is_refused(export, run):
    manifest = json.loads((run / "manifest.json").read_text())
    del manifest["mods"]
    (run / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(RunFolderError, match="no run that can be told"):
        export()


class Odd:
    """An exporter that breaks one rule."""

    def __init__(self, rows=None, files=None, data="train.jsonl"):
        self.made, self.texts, self.data = rows, files or {}, data

    def rows(self, records):
        made = [{"a": 1}] * len(records) if self.made is None else self.made
        return [made] * len(records) if isinstance(made, Unscorable) else made

    def files(self, exported):
        assert isinstance(exported, Exported)
        return self.texts


@pytest.mark.parametrize(
    ("odd", "error", "message"),
    [
        (Odd(rows=[]), PluginError, "one row per record"),
        (Odd(rows=[3] * 14), PluginError, "expected an object with columns"),
        (Odd(files={"../a": "x"}), PluginError, "texts by the names of files"),
        (Odd(files={"README.md": "x"}), PluginError, "which every export has itself"),
        (Odd(data="a/b.jsonl"), PluginError, "expected the name of a file"),
        (Odd(rows=Unscorable("never")), SettingsError, "takes none of the 14 .* first: never"),
    ],
)
def test_a_plug_in_that_breaks_a_rule_is_named(export, registry, tmp_path, odd, error, message):
    registry.register("exporter", HERE, "odd", lambda: odd)
    with pytest.raises(error, match=message):
        export("odd")
    assert not (tmp_path / "out").exists()


def test_parquet_holds_what_json_lines_hold(tmp_path):
    rows = [{"a": [{"b": "x"}]}, {"a": [{"b": "y", "c": 1}]}]
    write_rows(tmp_path / "a.parquet", rows)
    assert pq.read_table(tmp_path / "a.parquet").to_pylist()[1] == rows[1]
