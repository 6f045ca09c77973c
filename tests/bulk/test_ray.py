"""Bulk runs on a Ray cluster of two nodes on this machine: the same files as here, whoever is lost."""

import os
import sys
import threading
import time
from collections import Counter

import psutil
import pytest

from stopwatt.bulk.asked import Executor
from stopwatt.bulk.cluster import joined

pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def nodes():
    """Two nodes of one core each; tests may remove the second and add another."""
    import ray
    from ray.cluster_utils import Cluster as Nodes

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.path.dirname(__file__))
        head = {"num_cpus": 1, "include_dashboard": False}
        made = Nodes(initialize_head=True, head_node_args=head)
        made.add_node(num_cpus=1)
        yield made
        ray.shutdown()
        made.shutdown()


@pytest.fixture
def spread(bulk, nodes, monkeypatch):
    """`(data, model="classifier", **changes)`: a run on the cluster."""
    from light_outpost import LightOutpost

    monkeypatch.setattr(joined, "OUTPOST", LightOutpost)
    while len(nodes.worker_nodes) < 1:
        nodes.add_node(num_cpus=1)
    return lambda data, model="classifier", **changes: bulk(
        data, model, executor=Executor.RAY, address=nodes.address, **changes
    )


def test_two_nodes_make_the_same_files_as_this_machine_alone(photos, bulk, spread, results):
    data = photos(300, broken={9, 40})
    _, here, _ = bulk(data, "detector", out="here", per_image=True)
    record, there, listener = spread(data, "detector", out="there", per_image=True)
    print(listener.said, record)
    assert results(there) == results(here)
