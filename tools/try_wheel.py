"""Tries an installed wheel in a few seconds: its modules, its command, its core against the oracle.

Usage: python tools/try_wheel.py

Of the dependencies of mods it needs annotated-types, click, NumPy and pluggy; no torch.
"""

from __future__ import annotations

import subprocess
from importlib import metadata
from pathlib import Path

import numpy as np

SOURCES = Path(__file__).resolve().parent.parent


def main() -> None:
    """Try it; a mistake ends with a traceback or a message."""
    import mods
    from mods.kcenter import build_info, kcenter_greedy, kcenter_oracle

    assert mods.__version__ == metadata.version("mods"), "the version differs from the metadata"
    assert not Path(mods.__file__).is_relative_to(SOURCES / "mods"), "these are the sources"
    told = subprocess.run(["mods", "--help"], capture_output=True, text=True, check=True).stdout
    assert "kcenter" in told, told
    rows = np.random.default_rng(0).normal(size=(2000, 32)).astype(np.float32)
    for metric in ("euclidean", "cosine"):
        fast = kcenter_greedy(rows, 100, metric=metric)
        slow = kcenter_oracle(rows, 100, metric=metric)
        assert np.array_equal(fast.indices, slow.indices), f"{metric}: other picks"
        assert np.array_equal(fast.radii, slow.radii), f"{metric}: other radii"
    print(f"mods {mods.__version__} works: {build_info()}")


if __name__ == "__main__":
    main()
