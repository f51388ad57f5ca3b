"""Amounts of data: rows (`2000`), or tokens that tuning sees (`2M tokens`)."""

from __future__ import annotations

import numbers
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from mods.errors import SettingsError

UNDERSTOOD = "a number of rows (2000) or of tokens ('500k tokens', '2M tokens')"
FACTORS = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}
LARGEST = 10**15


@dataclass(frozen=True)
class Amount:
    """So many rows, or so many tokens."""

    value: int
    """1 or more."""
    unit: Literal["rows", "tokens"] = "rows"

    @classmethod
    def parse(cls, text: object, *, setting: str) -> Amount:
        """Read an amount; raises `SettingsError` naming the setting and what is understood."""
        if isinstance(text, Amount):
            return text
        if isinstance(text, bool) or not isinstance(text, (str, numbers.Real)):
            raise SettingsError(f"{setting} = {text!r}: `{setting}` takes {UNDERSTOOD}")
        match = re.fullmatch(
            r"\s*(-?[\d_,]+(?:\.\d+)?)\s*([kmb]?)\s*(rows|tokens)?\s*", str(text), re.IGNORECASE
        )
        if match is None:
            raise SettingsError(f"{setting} = {text!r}: `{setting}` takes {UNDERSTOOD}")
        digits, factor, unit = match.groups()
        value = Decimal(re.sub("[_,]", "", digits) or "nan") * FACTORS[factor.lower()]
        if not value.is_finite() or value != int(value) or value > LARGEST:
            raise SettingsError(f"{setting} = {text!r}: `{setting}` takes {UNDERSTOOD}")
        if value < 1:
            raise SettingsError(f"`{setting}` {text}: at least one is needed")
        return cls(int(value), "tokens" if (unit or "").lower() == "tokens" else "rows")

    @property
    def in_tokens(self) -> bool:
        """Whether it is an amount of tokens."""
        return self.unit == "tokens"

    def left(self, *, rows: int, tokens: int) -> int:
        """Return what is left of it after so many rows that hold so many tokens; below 0: over."""
        return self.value - (tokens if self.in_tokens else rows)

    def plain(self) -> int | str:
        """Return it as a recipe holds it: rows as a number."""
        return str(self) if self.in_tokens else self.value

    def __str__(self) -> str:
        """Write it the way it was given."""
        if not self.in_tokens:
            return str(self.value)
        for factor in ("M", "k"):
            size = FACTORS[factor.lower()]
            if self.value % size == 0:
                return f"{self.value // size}{factor} tokens"
        return f"{self.value} tokens"
