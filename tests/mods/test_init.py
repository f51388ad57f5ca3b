"""`import mods`: every public name is there, and costs nothing before it is used."""

import subprocess
import sys

import pytest

import mods


def test_every_public_name_is_there_and_no_other():
    assert mods.__all__ == sorted(mods.__all__, key=lambda name: (name.islower(), name))
    for name in mods.__all__:
        assert getattr(mods, name) is not None
    with pytest.raises(AttributeError, match="module 'mods' has no attribute 'selekt'"):
        mods.selekt  # noqa: B018


def test_importing_mods_imports_no_numpy():
    code = "import sys, mods; print('numpy' in sys.modules, mods.kcenter_greedy.__name__)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "False kcenter_greedy\n"
