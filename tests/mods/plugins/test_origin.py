"""Where plug-ins come from is data: it can be sent to another process and is compared by value."""

import pickle
from pathlib import Path

from mods.plugins.origin import Sources


def test_sources_are_told_apart_by_what_they_name():
    sources = Sources(files=(Path("a.py"),))
    assert len({sources, pickle.loads(pickle.dumps(sources)), Sources(files=(Path("a.py"),))}) == 1
    assert sources != Sources(files=(Path("a.py"),), defaults=())
