from __future__ import annotations

import numpy as np
import pytest

from mods import DataError, PluginError, SettingsError
from mods.testing import check_embedder
from mods_plugins.embedders.tfidf import TfidfEmbedder


def test_keeps_the_rules() -> None:
    check_embedder(TfidfEmbedder(dim=8))
    check_embedder(TfidfEmbedder())  # more dimensions than the pool has rows


def test_brings_like_to_like_whatever_the_order() -> None:
    texts = ["red apples and pears", "green apples and pears", "雪が降る", "雪が溶ける", "???"]
    embedder, turned = TfidfEmbedder(dim=4), TfidfEmbedder(dim=4)
    embedder.fit(texts)
    turned.fit(texts[::-1])
    vectors = embedder.embed(texts)
    np.testing.assert_array_equal(vectors, turned.embed(texts))
    cosines = vectors @ vectors.T
    assert cosines[0, 1] > 5 * abs(cosines[0, 2])
    assert cosines[2, 3] > 5 * abs(cosines[2, 0])
    assert not vectors[4].any()
    few = TfidfEmbedder(dim=256)
    few.fit(["one", "two"])
    assert few.embed(["two one"]).shape == (1, 2)


def test_errors() -> None:
    with pytest.raises(DataError, match="no text of the pool has a word"):
        TfidfEmbedder().fit(["", "?!"])
    with pytest.raises(PluginError, match="fit"):
        TfidfEmbedder().embed(["text"])
    with pytest.raises(SettingsError, match="at least 1"):
        TfidfEmbedder(dim=0)
