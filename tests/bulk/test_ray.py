"""Bulk runs on a Ray cluster of two nodes on this machine: the same files as here, whoever is lost."""

import contextlib
import json
import signal
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from threading import Event, Thread
from types import ModuleType

import psutil
import pytest
from light_outpost import CODE, LightOutpost
from nearby import Together

from stopwatt.bulk.asked import Executor
from stopwatt.bulk.cluster import admission, fleet, joined
from stopwatt.errors import EnvironmentUnfit, StopwattError

pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def nodes():
    """Two nodes of one core each; the last test kills the second."""
    import ray
    from ray.cluster_utils import Cluster as Nodes

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(HERE))
        lean = {"include_dashboard": False, "include_log_monitor": False, "no_monitor": True}
        made = Nodes(initialize_head=True, head_node_args={"num_cpus": 1, **lean})
        made.add_node(num_cpus=1)
        yield made
        ray.shutdown()
        for node in made.list_all_nodes()[::-1]:
            made.remove_node(node, allow_graceful=False)
        made.shutdown()


@pytest.fixture
def spread(bulk, nodes, monkeypatch):
    """`(data, model="classifier", **changes)`: a run on the cluster."""
    monkeypatch.setattr(joined, "OUTPOST", LightOutpost)
    monkeypatch.setattr(admission, "code_digest", lambda: CODE)
    monkeypatch.setattr(fleet, "Shares", Together)
    return lambda data, model="classifier", **changes: bulk(
        data, model, executor=Executor.RAY, address=nodes.address, **changes
    )


@pytest.fixture
def start(light, nodes, tmp_path):
    """`(data, out, **options)`: a run in a process of its own."""
    begun = []

    def run(data, out, **options):
        options = {"decoders": 1, "workers": 1, "batch": 2} | options
        command = [sys.executable, HERE / "light_run.py", data, light("classifier").source, out, json.dumps(options)]
        begun.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        return begun[-1]

    yield run
    for process in begun:
        process.kill()
        process.communicate()


def numbers_in(folder):
    return Counter(json.loads(line)["number"] for line in (folder / "journal.jsonl").read_bytes().splitlines()[1:])


def lines_in(folder):
    journal = folder / "journal.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def is_alive(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def at_work():
    """Workers and decoders on the nodes of our cluster."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            ours = {"light_worker", "stopwatt.bulk.pipeline.decoder"}.intersection(process.cmdline())
            if ours and is_alive(process):
                found.append(process)
    return found


class Watched(Together):
    """Counts what each node has answered, and keeps most of the images until nobody is going to die any more."""

    def __init__(self, *arguments, answered, over):
        super().__init__(*arguments)
        self.answered, self.over = answered, over

    def give(self, node, most, least):
        enough = self.answered[node] > 45 and not self.over.is_set()
        return () if enough else super().give(node, most, least)

    def settle(self, node, number):
        self.answered[node] += 1
        return super().settle(node, number)


def kill_node(node):
    """All its processes, as if it had lost its power; returned, as they take a moment to be gone."""
    (raylet,) = node.all_processes["raylet"]
    process = psutil.Process(raylet.process.pid)
    killed = [process, *process.children(recursive=True)]
    for one in killed:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    return killed


def kill_a_worker():
    next(process for process in at_work() if "light_worker" in process.cmdline()).kill()


def test_two_nodes_make_the_same_files_as_this_machine_alone(alone, spread, results):
    data, files = alone
    record, there, _ = spread(data, "detector", batch=3, per_image=True)
    assert results(there) == files
    assert (record.done, record.failed, record.restarts) == (298, {"not-an-image": 2}, 0)
    assert [node.images > 0 for node in record.nodes] == [True, True]
    assert sum(node.images for node in record.nodes) == 300
    assert (record.layout.workers, record.layout.devices) == (2, ("cpu", "cpu"))


def test_a_node_without_stopwatt_is_refused(photos, spread, monkeypatch):
    elsewhere = ModuleType("elsewhere")
    elsewhere.There = type("There", (LightOutpost,), {"__module__": "elsewhere"})
    monkeypatch.setitem(sys.modules, "elsewhere", elsewhere)
    monkeypatch.setattr(joined, "OUTPOST", elsewhere.There)
    with pytest.raises(StopwattError, match=r"cannot be started on a node: .*No module named 'elsewhere'") as refused:
        spread(photos(4))
    assert refused.value.now == "install the same stopwatt, of the same code, on all nodes"


def test_without_ray_the_error_says_what_to_install(photos, bulk, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EnvironmentUnfit, match="Ray is not installed") as refused:
        bulk(photos(4), executor=Executor.RAY)
    assert refused.value.now == "pip install 'stopwatt[ray]'"


@pytest.mark.long
def test_a_run_that_was_killed_goes_on_without_a_cluster(many, nodes, start, bulk, results, eventually, tmp_path):  # noqa: PLR0917  (fixtures)
    data = many(1500)
    killed = start(data, tmp_path / "out", executor="ray", address=nodes.address)
    assert eventually(lambda: lines_in(tmp_path / "out") > 100)
    killed.kill()
    killed.wait()
    assert eventually(lambda: not at_work())
    done = lines_in(tmp_path / "out")
    assert 100 < done < 1501
    record, there, _ = bulk(data, batch=2)
    assert record.resumed >= done - 2  # the header, and what was torn
    _, here, _ = bulk(data, out="here", batch=2)
    assert numbers_in(there) == dict.fromkeys(range(1500), 1)
    assert results(there) == results(here)


@pytest.mark.long
def test_ctrl_c_finishes_what_workers_have_and_the_same_command_goes_on(many, nodes, start, tmp_path, eventually):
    data, out, options = many(3000), tmp_path / "out", {"executor": "ray", "address": nodes.address}
    process = start(data, out, **options)
    assert eventually(lambda: lines_in(out) > 100)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=100)
    assert process.returncode == 130, said
    assert "goes on where it stopped" in said
    assert 100 < lines_in(out) < 3001
    assert eventually(lambda: not at_work())
    assert start(data, out, **options).wait() == 3
    assert numbers_in(out) == dict.fromkeys(range(3000), 1)


@pytest.mark.long
def test_a_second_ctrl_c_leaves_at_once_and_leaves_nobody_behind(many, nodes, start, tmp_path, eventually):
    process = start(many(3000), tmp_path / "out", executor="ray", address=nodes.address)
    assert eventually(lambda: lines_in(tmp_path / "out") > 20)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=100)
    assert process.returncode not in {0, 3}
    assert eventually(lambda: not at_work())


def test_a_whole_node_and_then_a_worker_die_in_mid_run_and_nothing_is_lost(  # noqa: PLR0917  (fixtures)
    alone, nodes, spread, results, eventually, monkeypatch
):
    data, files = alone
    doomed, answered, over = nodes.list_all_nodes()[-1], Counter(), Event()
    monkeypatch.setattr(fleet, "Shares", partial(Watched, answered=answered, over=over))

    def disturb():
        assert eventually(lambda: len(answered) == 2 and min(answered.values()) > 20)
        killed = kill_node(doomed)
        assert eventually(lambda: not any(map(is_alive, killed)))
        kill_a_worker()
        over.set()

    disturber = Thread(target=disturb)
    disturber.start()
    record, disturbed, listener = spread(data, "unhurried", batch=3, per_image=True)
    disturber.join()
    assert sum("a worker died" in sentence for sentence in listener.said) == 1, listener.said
    assert [bool(node.lost) for node in record.nodes].count(True) == 1, listener.said
    assert any("go to others" in sentence for sentence in listener.said)
    assert numbers_in(disturbed) == dict.fromkeys(range(300), 1)
    assert results(disturbed) == files
