"""Leases: two runs that share a cache do not do the same work, and none outlives its process."""

import subprocess
import sys

import pytest

from mods.work.leases import Leases, place

HOLD = """
import sys
from pathlib import Path
from mods.work.leases import Leases

with Leases(Path(sys.argv[1])) as leases:
    print(leases.take("mine"), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds the lease of `mine`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "x.sqlite")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "True\n"
    yield process
    process.kill()
    process.communicate()


def test_what_another_process_has_in_work_is_not_taken_until_it_ends(other, tmp_path):
    with Leases(tmp_path / "x.sqlite") as leases:
        assert not leases.take("mine")
        assert leases.take("another")
        other.kill()
        assert leases.take("mine", wait=True)


def test_a_lease_that_is_given_back_can_be_taken(other, tmp_path):
    other.communicate("")
    with Leases(tmp_path / "x.sqlite") as leases:
        assert leases.take("mine")
        leases.free("mine")
        assert leases.take("mine")


def test_every_key_has_a_place_of_its_own():
    assert len({place(str(key)) for key in range(1000)}) == 1000
    assert 0 <= place("\ud800") < 2**56
