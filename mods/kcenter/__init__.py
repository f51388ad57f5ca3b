"""Exact k-center greedy: which rows cover a set of vectors, and how well."""

from mods.kcenter.contract import EarlyStopWarning, KCenterResult
from mods.kcenter.greedy import build_info, kcenter_greedy
from mods.kcenter.nearest import nearest_rows
from mods.kcenter.oracle import kcenter_oracle
from mods.kcenter.shard import RowsShard
from mods.kcenter.sharded import ShardedResult, Shards, Traffic, kcenter_sharded
from mods.kcenter.within import PicksWithin, kcenter_within

__all__ = [
    "EarlyStopWarning",
    "KCenterResult",
    "PicksWithin",
    "RowsShard",
    "ShardedResult",
    "Shards",
    "Traffic",
    "build_info",
    "kcenter_greedy",
    "kcenter_oracle",
    "kcenter_sharded",
    "kcenter_within",
    "nearest_rows",
]
