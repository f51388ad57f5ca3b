"""TF-IDF vectors, which need no model. Registers the embedder `tfidf`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mods import DataError, PluginError, SettingsError, hookimpl
from mods_plugins.text import words

if TYPE_CHECKING:
    import numpy.typing as npt

    from mods.interfaces import Register

    Vectors = npt.NDArray[np.float32]


class TfidfEmbedder:
    """TF-IDF over words and word pairs, reduced by truncated SVD (latent semantic analysis).

    Needs no model and no network. In scripts without spaces the units are characters and pairs
    of characters. The pool it was fitted on decides the vectors, in whatever order its texts
    come; a text without a known word gets the zero vector. The dimension is `dim`, less where the
    pool has fewer texts or units. Deerwester et al., Indexing by Latent Semantic Analysis, 1990.
    """

    VOCABULARY = 200_000
    """At most so many units, the most frequent ones: memory grows with them."""

    def __init__(self, *, dim: int = 256, seed: int = 0) -> None:
        if dim < 1:
            raise SettingsError(f"dim must be at least 1, not {dim}")
        self.dim = dim
        self.seed = seed
        self._transform: Callable[[Sequence[str]], Vectors] | None = None

    def identity(self) -> dict[str, Any]:
        """Return the options and the version of scikit-learn, whose SVD may change with it."""
        from importlib.metadata import version

        return {
            "method": "tfidf-svd",
            "dim": self.dim,
            "seed": self.seed,
            "vocabulary": self.VOCABULARY,
            "scikit-learn": version("scikit-learn"),
        }

    def fit(self, texts: Sequence[str]) -> None:
        """Learn vocabulary, weights and directions; `DataError` if no text has a word."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(
            analyzer=_units, max_features=self.VOCABULARY, sublinear_tf=True, dtype=np.float32
        )
        try:
            # Sorted: the random start of the SVD depends on the order of the rows.
            weights = vectorizer.fit_transform(sorted(texts))
        except ValueError as error:
            raise DataError(
                "tfidf: no text of the pool has a word (empty texts, or punctuation only); "
                "check which text is embedded, or use another embedder"
            ) from error
        directions = self._directions(weights)
        self._transform = lambda some: _project(vectorizer.transform(some), directions)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return float32 vectors of shape (len(texts), d) with d <= `dim`.

        Raises `PluginError` before `fit`.
        """
        if self._transform is None:
            raise PluginError("tfidf: fit(texts) must be called with the pool's texts first")
        return self._transform(texts)

    def _directions(self, weights: Any) -> Vectors | None:
        """Return the SVD's directions, shape (d, units); None where the units are few enough."""
        from sklearn.decomposition import TruncatedSVD

        rows, units = weights.shape
        if units <= self.dim:
            return None
        svd = TruncatedSVD(min(self.dim, rows), random_state=self.seed)
        return cast("Vectors", svd.fit(weights).components_)


def _project(weights: Any, directions: Vectors | None) -> Vectors:
    dense = weights.toarray() if directions is None else weights @ directions.T
    return np.ascontiguousarray(dense, dtype=np.float32)


def _units(text: str) -> list[str]:
    found = words(text)
    return found + [f"{one} {two}" for one, two in pairwise(found)]


@hookimpl
def register_embedders(register: Register) -> None:
    """Register `tfidf`."""
    register("tfidf", TfidfEmbedder)
