"""A sweep over a Ray cluster of two nodes on this machine, one of which is killed in its midst."""

import os
import signal
import threading
from collections import Counter
from dataclasses import replace

import pytest

from stopwatt import running
from stopwatt.errors import EnvironmentUnfit, UsageError
from stopwatt.records import Status
from stopwatt.store import Selection, open_store
from stopwatt.sweeping.execute import Interrupted, execute
from stopwatt.sweeping.executors.ray_rounds import Cluster, RayRounds, check_software
from stopwatt.sweeping.plan import Request, make_plan
from stopwatt.sweeping.turns import order

pytest.importorskip("ray")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two shares need two cores"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def nodes():
    """Two nodes of one core each; the last test removes the second."""
    import ray
    from ray.cluster_utils import Cluster as Nodes

    made = Nodes(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.add_node(num_cpus=1)
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.fixture
def cluster(nodes):
    """Connected, with a share of one core on each node."""
    connected = Cluster(nodes.address, "cpu", threads=1, timeout_s=60.0)
    connected.open()
    yield connected
    connected.close()


def plan_of(short, batches=(1,), **params):
    asked = Request(
        ["synthetic"], {"duration": "200us", **params}, ["eager"], batches=batches, threads=1, protocol=short(rounds=2)
    )
    return make_plan(asked)


class Diary(running.Silent):
    """Calls something once, after so many saved rounds."""

    def __init__(self, after, action):
        self.after, self.action = after, action

    def saved(self, measurement, done, failed, left_s):
        if done == self.after:
            self.action()


def test_shares_claim_different_cores_even_on_one_machine(cluster):
    assert len(cluster.shares) == 2
    assert cluster.machines().keys() == {cluster.shares[0].machine}


def test_machines_are_chosen_by_digest_and_an_unknown_one_is_an_error(cluster):
    (machine,) = cluster.machines()
    assert cluster.choose([machine[:6]]).keys() == {machine}
    with pytest.raises(UsageError, match="no machine 'moon'"):
        cluster.choose(["moon"])
    cluster.shares[1].machine = "another"
    with pytest.raises(UsageError, match="2 kinds of machines"):
        cluster.choose([])


def test_other_versions_on_a_node_are_refused(short, cluster):
    (cell,) = plan_of(short).cells
    check_software(cluster, [cell])
    with pytest.raises(EnvironmentUnfit, match=r"numpy is .* on a node of the cluster and 0.1"):
        check_software(cluster, [replace(cell, software={**cell.software, "numpy": "0.1"})])


def test_a_round_that_kills_its_keepers_is_given_up_and_recorded(short, tmp_path, cluster, monkeypatch):
    monkeypatch.setattr("stopwatt.sweeping.executors.ray_rounds.MOST_TRIES", 1)
    import ray

    plan = plan_of(short, duration="200ms")
    rounds = RayRounds(cluster)
    turn = next(order(plan.cells, 2, seed=0))
    rounds.start(turn)
    (share,) = rounds._running.values()
    ray.kill(share.keeper)
    measurement = rounds.finished().measurement
    assert measurement.status is Status.KILLED
    assert "died while they measured this" in measurement.trouble.what


def test_ctrl_c_closes_and_saves_the_rounds_under_way_on_all_nodes(short, tmp_path, cluster):
    plan = plan_of(short, batches=(1, 2, 3))
    long = [replace(cell, protocol=short(trials=100_000)) for cell in plan.cells]
    plan = replace(plan, cells=tuple(long))
    with open_store(str(tmp_path / "results.db")) as store:
        run = store.begin_run("sweep", plan.digest, "", "0")
        rounds = RayRounds(cluster)
        threading.Timer(4.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        with pytest.raises(Interrupted):
            execute(plan, store, run, running.Silent(), rounds)
        measurements = list(store.measurements(Selection()))
    assert [one.status for one in measurements] == [Status.INTERRUPTED] * 2
    assert all(0 < one.samples["latency"].values.size < 100_000 for one in measurements if "latency" in one.samples)


def test_without_a_cluster_the_error_says_what_to_do():
    with pytest.raises(EnvironmentUnfit, match="does not answer") as refused:
        Cluster("127.0.0.1:1", "cpu", 1, 60.0).open()
    assert "ray status" in refused.value.now


def test_when_a_node_dies_in_mid_sweep_nothing_is_lost_and_nothing_is_recorded_twice(short, tmp_path, nodes, cluster):
    plan = plan_of(short, batches=tuple(range(1, 7)))
    (machine,) = cluster.choose([])
    assert {cell.machine for cell in plan.cells} == {machine}
    with open_store(str(tmp_path / "results.db")) as store:
        run = store.begin_run("sweep", plan.digest, "", "0")
        (doomed,) = nodes.worker_nodes
        watcher = Diary(4, lambda: nodes.remove_node(doomed, allow_graceful=False))
        execute(plan, store, run, watcher, RayRounds(cluster))
        measurements = list(store.measurements(Selection()))
    wanted = {(cell.key, number) for cell in plan.cells for number in range(2)}
    assert Counter((one.cell.key, one.round) for one in measurements) == Counter(wanted)
    assert {one.status for one in measurements} == {Status.OK}
    assert {one.facts["executor"] for one in measurements} == {"ray"}
    assert {int(one.facts["cores"]) for one in measurements} <= os.sched_getaffinity(0)
