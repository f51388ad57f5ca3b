"""K-center over shards on a cluster of two nodes: the picks of one machine, whatever dies."""

import numpy as np
import pytest
from kcenter_inputs import assert_same, clustered
from support.ray_cluster import NODE

from mods.kcenter import kcenter_greedy, kcenter_sharded
from mods_plugins.ray.shards import RayShards

X = clustered(6000, 40, 8)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_shards_of_a_file_give_the_picks_of_one_array(cluster, tmp_path, metric):
    np.save(tmp_path / "x.npy", X)
    with RayShards(tmp_path / "x.npy", 2, address=cluster.address) as shards:
        got = kcenter_sharded(shards, 500, seed=3, metric=metric)
    assert_same(got, kcenter_greedy(X, 500, seed=3, metric=metric))


def test_a_lost_node_changes_no_pick_and_tells_no_line(cluster, capfd):
    extra = cluster.add_node(**NODE)
    fixed = np.arange(0, 6000, 50)
    lost = []

    def lose_a_node(picked, radius):
        if not lost and picked > 100:
            lost.append(picked)
            cluster.remove_node(extra, allow_graceful=False)

    with RayShards(X, 3, address=cluster.address, cpus=0.5) as shards:
        got = kcenter_sharded(shards, 1500, initial=fixed, progress=lose_a_node)
    assert lost
    assert_same(got, kcenter_greedy(X, 1500, initial=fixed))
    assert capfd.readouterr() == ("", "")


def test_a_number_of_shards_that_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match=r"shards = 0 is outside 1\.\.6000"):
        RayShards(X, 0)
