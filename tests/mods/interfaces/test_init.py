"""The table of kinds, and the values that plug-ins are given."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from mods import Pool, hookspecs
from mods.interfaces import KINDS, NecessityModel, PoolScorer, kind_named
from mods.interfaces.kinds import Kind, methods_of
from mods.testing import sample_pool, sample_records

NAMES = [kind.name for kind in KINDS]


def test_every_kind_has_a_hook_and_every_hook_a_kind() -> None:
    hooks = {name for name in vars(hookspecs) if name.startswith("register_")}
    assert {kind.hook for kind in KINDS} == hooks - {"register_commands"}
    assert len(set(NAMES)) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_every_kind_is_described(kind: Kind) -> None:
    hook = getattr(hookspecs, kind.hook)
    assert list(inspect.signature(hook).parameters) == ["register"]
    assert kind.help.endswith(".")
    for protocol in kind.protocols:
        assert inspect.getdoc(protocol)
        assert methods_of(protocol)
        for method in methods_of(protocol):
            assert inspect.getdoc(getattr(protocol, method.removesuffix("()"))), (protocol, method)


def test_methods_are_listed_for_messages() -> None:
    assert methods_of(PoolScorer) == ["features()", "score_pool()"]
    assert kind_named("quality").methods == "score() or features() and score_pool()"
    assert kind_named("necessity").protocols == (NecessityModel,)


def test_rows_of_a_pool_have_all_their_columns() -> None:
    pool = sample_pool()
    assert pool.embeddings is not None
    assert pool.tokens is not None
    some = pool.rows([5, 2])
    assert some.embeddings is not None
    assert some.tokens is not None
    assert [record.row for record in some.records] == [6, 3]
    np.testing.assert_array_equal(some.embeddings, pool.embeddings[[5, 2]])
    np.testing.assert_array_equal(some.scores["quality"], pool.scores["quality"][[5, 2]])
    np.testing.assert_array_equal(some.tokens, pool.tokens[[5, 2]])
    bare = Pool(sample_records()).rows([1])
    assert (bare.embeddings, bare.tokens, dict(bare.scores)) == (None, None, {})
