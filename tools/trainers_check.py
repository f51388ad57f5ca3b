"""Has the trainers' own packages load what mods exports, and go through the doors of mods.

Usage: python tools/trainers_check.py OUT.json NAME=PYTHON ...

NAME is `axolotl`, `llama-factory`, `ms-swift` or `data-juicer`; PYTHON that of an environment in
which this package and what it imports are installed. For each, this file exports a small run, then
calls itself with that Python in the folder of the export. OUT.json says what was loaded, with
versions.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from importlib.machinery import ModuleSpec
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
QUICK = {"quality": "response-length", "embedder": "tfidf", "seeds": 8, "budget": 8}
LOADED = "loaded:"
"""What the line with the result begins with: packages print much else."""


def axolotl() -> dict[str, Any]:
    """Validate the configuration as `axolotl train` does, and call `axolotl mods`."""
    import yaml
    from axolotl.cli.main import cli
    from axolotl.utils.config import validate_config
    from axolotl.utils.dict import DictDefault
    from click.testing import CliRunner

    asked = yaml.safe_load(Path("axolotl.yaml").read_text(encoding="utf-8"))
    found = validate_config(DictDefault(asked))
    lost = [name for name in asked if name != "datasets" and found[name] != asked[name]]
    entry = found["datasets"][0]
    lost += [name for name, value in asked["datasets"][0].items() if entry[name] != value]
    assert not lost, lost
    called = CliRunner().invoke(cli, ["mods", "read", "train.jsonl", "--json"])
    assert called.exit_code == 0, called.output
    return {"package": f"axolotl {version('axolotl')}", "settings kept": len(asked),
            "axolotl mods": "read the rows of the export"}  # fmt: skip


def llama_factory() -> dict[str, Any]:
    """Read the entry of the data set and the configuration as `llamafactory-cli train` does."""
    import yaml

    # A library for sound of which nothing is used here; its builds go with one build of torch only.
    sound = ModuleType("torchaudio")
    sound.__spec__ = ModuleSpec("torchaudio", None)
    sys.modules["torchaudio"] = sound
    os.environ["DISABLE_VERSION_CHECK"] = "1"
    from llamafactory.data.parser import get_dataset_list
    from llamafactory.hparams.parser import get_train_args

    asked = yaml.safe_load(Path("llama_factory.yaml").read_text(encoding="utf-8"))
    (entry,) = get_dataset_list([asked["dataset"]], asked["dataset_dir"])
    assert (entry.dataset_name, entry.messages) == ("train.jsonl", "conversations")
    asked.update(template="default", model_name_or_path=".")
    parsed = get_train_args(asked)  # refuses a key that it does not know
    return {"package": f"llamafactory {version('llamafactory')}", "settings read": len(asked),
            "groups of settings": len(parsed), "transformers": version("transformers")}  # fmt: skip


def ms_swift() -> dict[str, Any]:
    """Read the configuration as `swift sft` does, with a tiny model in place of MODEL."""
    from swift.arguments import SftArguments
    from swift.cli.main import parse_yaml_args
    from swift.utils import parse_args

    words = ["ms_swift.yaml"]
    parse_yaml_args(words)
    words[words.index("--model") + 1] = "model"
    own = ["--model_type", "llama", "--template", "dummy"]  # what a known model says itself
    arguments, rest = parse_args(SftArguments, words + own)
    assert not rest, rest
    assert arguments.dataset == ["train.jsonl"]
    return {"package": f"ms-swift {version('ms-swift')}", "settings read": len(words) // 2}


def data_juicer() -> dict[str, Any]:
    """Run a recipe with `mods_selector`, found by its entry point."""
    from data_juicer.config import init_configs
    from data_juicer.core import DefaultExecutor

    own = {"recipe": "offline", "settings": {**QUICK, "cache": "cache"}, "output": "run"}
    recipe = {
        "project_name": "mods", "dataset_path": "rows.jsonl", "export_path": "kept/kept.jsonl",
        "text_keys": "output", "np": 1,
        "process": [{"mods_selector": own}],
    }  # fmt: skip
    Path("recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")  # JSON is YAML
    DefaultExecutor(init_configs(["--config", "recipe.yaml"])).run()
    kept = Path("kept/kept.jsonl").read_text(encoding="utf-8").splitlines()
    chosen = Path("run/selected.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(row)["output"] for row in kept] == [json.loads(r)["output"] for r in chosen]
    return {"package": f"py-data-juicer {version('py-data-juicer')}", "rows kept": len(kept)}


PROBES = {"axolotl": axolotl, "llama-factory": llama_factory, "ms-swift": ms_swift,
          "data-juicer": data_juicer}  # fmt: skip


def prepare(name: str, folder: Path) -> Path:
    """Export a small run for a package; return the folder to call it in."""
    import mods

    rows = [
        {"instruction": row["instruction"], "input": row["input"], "output": row["output"]}
        for record in mods.read(ROOT / "examples/instructions.jsonl", quiet=True).records
        if isinstance((row := record.raw).get("output"), str)
    ]
    place = folder / name
    if name == "data-juicer":
        place.mkdir()
        text = "".join(f"{json.dumps(row)}\n" for row in rows)
        (place / "rows.jsonl").write_text(text, encoding="utf-8")
        return place
    run = folder / f"{name}-run"
    mods.select(rows, output=run, recipe="offline", cache=folder / "cache", quiet=True, **QUICK)
    mods.export(run, to=name, output=place)
    if name == "ms-swift":
        sys.path.insert(0, str(ROOT / "tests"))
        from support.tiny_models import tiny_llama

        tiny_llama(place / "model")
    return place


def entry_points(folder: Path) -> Path:
    """Write the entry points of `pyproject.toml` as an installed package has them."""
    from mods.settings.recipes import parse_toml

    project = parse_toml((ROOT / "pyproject.toml").read_text(encoding="utf-8"), "pyproject.toml")
    told = folder / "doors/mods_doors-0.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: mods-doors\nVersion: 0\n")
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in named.items())
        for group, named in project["project"]["entry-points"].items()
    ]
    (told / "entry_points.txt").write_text("\n".join(lines))
    return told.parent


def check(name: str, python: str, folder: Path, doors: Path) -> dict[str, Any]:
    """Have the package of one environment load its export."""
    done = subprocess.run(
        [python, __file__, "--probe", name], cwd=prepare(name, folder), text=True,
        capture_output=True, env={**os.environ, "PYTHONPATH": f"{doors}{os.pathsep}{ROOT}"},
    )  # fmt: skip
    found = [line for line in done.stdout.splitlines() if line.startswith(LOADED)]
    if done.returncode or not found:
        sys.exit(f"{name} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    result: dict[str, Any] = json.loads(found[-1].removeprefix(LOADED))
    return result


def main(target: str, *named: str) -> None:
    """Check every package that is named, and write what was found."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        doors = entry_points(folder)
        pairs = [pair.partition("=") for pair in named]
        found = {name: check(name, python, folder, doors) for name, _, python in pairs}
    Path(target).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--probe"]:
        told = PROBES[sys.argv[2]]()
        # Data-Juicer has put a stream of its own in the place of standard output.
        print(f"\n{LOADED}{json.dumps(told)}", file=sys.__stdout__, flush=True)
    else:
        main(*sys.argv[1:])
