"""Thresholds as a number, a quantile (`top 30%`) or a count (`top 5000`)."""

from __future__ import annotations

import math
import numbers
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mods.errors import SettingsError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

EXAMPLES = "a number (0.5), a share ('{side} 30%') or a count ('{side} 5000')"


@dataclass(frozen=True)
class Threshold:
    """Which scores pass: above a number, or the best (`top`) or worst (`bottom`) of the pool."""

    side: Literal["top", "bottom"]
    """`top` keeps high scores (alpha, quality), `bottom` low ones (beta, necessity)."""
    value: float
    unit: Literal["score", "percent", "rows"]

    @classmethod
    def parse(cls, text: object, *, setting: str, side: Literal["top", "bottom"]) -> Threshold:
        """Read a threshold; raises `SettingsError` naming the setting and what is understood."""
        understood = f"`{setting}` takes {EXAMPLES.format(side=side)}"
        if isinstance(text, Threshold):
            return text
        if isinstance(text, bool) or not isinstance(text, (str, numbers.Real)):
            raise SettingsError(f"`{setting}` {text!r}: {understood}")
        if isinstance(text, numbers.Real):
            return cls._number(float(text), setting, side)
        match = re.fullmatch(r"\s*(top|bottom)\s+([\d.]+)\s*(%?)\s*", text, re.IGNORECASE)
        if match is None:
            try:
                return cls._number(float(text), setting, side)
            except ValueError:
                raise SettingsError(f"`{setting}` {text!r}: {understood}") from None
        word, digits, percent = match.groups()
        if word.lower() != side:
            kept = "good answers are kept" if side == "top" else "badly answered rows are necessary"
            raise SettingsError(
                f"`{setting}` {text!r}: {kept}, so write '{side} {digits}{percent}'"
            )
        return cls._amount(digits, bool(percent), setting, side)

    @classmethod
    def _number(cls, value: float, setting: str, side: Literal["top", "bottom"]) -> Threshold:
        if not math.isfinite(value):
            raise SettingsError(f"`{setting}` {value}: a threshold must be finite")
        return cls(side, value, "score")

    @classmethod
    def _amount(
        cls, digits: str, percent: bool, setting: str, side: Literal["top", "bottom"]
    ) -> Threshold:
        try:
            value = float(digits)
            if not math.isfinite(value):
                raise ValueError
        except ValueError:
            raise SettingsError(f"`{setting}`: {digits!r} is not a number") from None
        if percent and not 0 < value <= 100:
            raise SettingsError(
                f"`{setting}` '{side} {digits}%': a share lies above 0 and up to 100 %"
            )
        if not percent and (value < 1 or value != int(value)):
            raise SettingsError(f"`{setting}` '{side} {digits}': a count is a whole number from 1")
        return cls(side, value, "percent" if percent else "rows")

    def passing(self, scores: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.bool_], float]:
        """Return which scores pass, shape (n,), and the cut as a score.

        A number passes scores strictly above it (`top`) or below it (`bottom`). A share or count
        passes exactly that many rows, equal scores in input order; the cut is then the score of
        the last row that passes.
        """
        import numpy as np

        if not len(scores):
            return np.zeros(0, dtype=bool), self.value
        oriented = scores if self.side == "top" else -scores
        if self.unit == "score":
            cut = self.value if self.side == "top" else -self.value
            return oriented > cut, self.value
        share = self.value / 100 * len(scores) if self.unit == "percent" else self.value
        count = min(len(scores), max(1, math.floor(share + 0.5)))
        order = np.argsort(-oriented, kind="stable")[:count]
        mask = np.zeros(len(scores), dtype=bool)
        mask[order] = True
        return mask, float(scores[order[-1]])

    def __str__(self) -> str:
        """Write it the way it was given."""
        if self.unit == "score":
            return f"{self.value:.15g}"
        if self.unit == "rows":
            return f"{self.side} {int(self.value)}"
        return f"{self.side} {self.value:.15g}%"
