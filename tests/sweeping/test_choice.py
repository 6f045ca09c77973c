"""Who measures a plan: this machine, or the nodes of a cluster that owns up to what they are."""

from dataclasses import replace

import pytest

from stopwatt.errors import UsageError
from stopwatt.sweeping.executors import ray_rounds
from stopwatt.sweeping.executors.choice import Executor, placed
from stopwatt.sweeping.grid import Axis, Grid
from stopwatt.sweeping.plan import plan_grid


class FakeCluster:
    """A cluster with two kinds of machines."""

    made: list["FakeCluster"]

    def __init__(self, address, device, threads, timeout_s):
        self.asked = (address, device, threads, timeout_s)
        self.steps = []
        self.made.append(self)

    def open(self):
        self.steps.append("open")

    def choose(self, wanted):
        return {name: {"cpu.model": name} for name in wanted or ("fast",)}

    def close(self):
        self.steps.append("close")


@pytest.fixture
def cluster(monkeypatch):
    """The clusters that are made, none of them real."""
    FakeCluster.made = []
    monkeypatch.setattr(ray_rounds, "Cluster", FakeCluster)
    monkeypatch.setattr(ray_rounds, "RayRounds", lambda cluster: ("rounds of", cluster))
    monkeypatch.setattr(ray_rounds, "check_software", lambda cluster, cells: cluster.steps.append(len(cells)))
    return FakeCluster.made


@pytest.fixture
def plan():
    return plan_grid(Grid(((Axis("workload", ("mlp",)),), (Axis("batch", (1, 2)),), (Axis("threads", (1, 2)),))))


def test_this_machine_measures_a_plan_as_it_is(plan):
    with placed(plan, Executor()) as found:
        assert found == (plan, None)


def test_on_a_cluster_the_cells_are_those_of_its_machines(cluster, plan):
    with placed(plan, Executor("ray", "host:1", ("fast", "slow"))) as (there, rounds):
        assert [cell.machine for cell in there.cells] == ["fast"] * 4 + ["slow"] * 4
        assert len({cell.key for cell in there.cells}) == 8
        assert there.digest != plan.digest
        assert rounds == ("rounds of", cluster[0])
    assert cluster[0].asked == ("host:1", "cpu", 2, plan.protocol.timeout_s)
    assert cluster[0].steps == ["open", 4, "close"]


def fail_within(plan, executor):
    with placed(plan, executor):
        raise ZeroDivisionError


def test_a_cluster_is_given_back_whatever_happens(cluster, plan):
    with pytest.raises(ZeroDivisionError):
        fail_within(plan, Executor("ray"))
    assert cluster[0].steps[-1] == "close"


def test_cells_on_several_devices_are_refused(cluster, plan):
    cells = tuple(replace(cell, setup=replace(cell.setup, device="cuda")) for cell in plan.cells)
    mixed = replace(plan, cells=(*plan.cells, *cells))
    with pytest.raises(UsageError, match="one device, not cpu and cuda"):
        fail_within(mixed, Executor("ray"))
    assert cluster == []
