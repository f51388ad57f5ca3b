"""Exact k-center greedy: which rows cover a set of vectors, and how well."""

from mods.kcenter.contract import EarlyStopWarning, KCenterResult
from mods.kcenter.greedy import build_info, kcenter_greedy
from mods.kcenter.nearest import nearest_rows
from mods.kcenter.oracle import kcenter_oracle

__all__ = [
    "EarlyStopWarning",
    "KCenterResult",
    "build_info",
    "kcenter_greedy",
    "kcenter_oracle",
    "nearest_rows",
]
