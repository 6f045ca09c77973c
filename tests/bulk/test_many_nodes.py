"""What nodes offer, what they say together, and what waits on them to be taken: without a cluster."""

import threading
from dataclasses import replace

import pytest

from stopwatt.bulk.asked import Asked, Executor, Model, executor_of
from stopwatt.bulk.cluster import words
from stopwatt.bulk.cluster.code import code_digest
from stopwatt.bulk.cluster.gathered import Gathered
from stopwatt.bulk.cluster.outbox import Outbox
from stopwatt.bulk.cluster.outpost import Outpost, load_of
from stopwatt.bulk.cluster.places import Place, gpus_of, layout_of, places_of, threads_of, together
from stopwatt.bulk.cluster.samples import differs, samples_of
from stopwatt.bulk.cluster.sums import all_ceilings, all_counts, all_energy, of_busiest
from stopwatt.bulk.judging.instruments import Now
from stopwatt.bulk.judging.ticks import Counts
from stopwatt.bulk.keeping.identity import choose
from stopwatt.bulk.records import Bottleneck, Ceilings, Layout, Node, Stage
from stopwatt.errors import StopwattError, UsageError
from stopwatt.images.source import open_source
from stopwatt.packing import archive
from stopwatt.packing.manifest import Artifact, Manifest, Parity
from stopwatt.packing.opened import open_pack
from stopwatt.records import Setup, Workload
from stopwatt.serving.contract import Contract, Decoding, Preprocess, Task


def node(name, cores=2.0, gpus=0.0, *, alive=True):
    offers = {"CPU": cores, "GPU": gpus}
    return {"NodeID": f"{name}0123456", "NodeManagerHostname": name[0], "Alive": alive, "Resources": offers}


def asked(tmp_path, **changes):
    return Asked("photos", Model("m"), tmp_path, **changes)


def test_living_nodes_that_offer_what_is_needed_take_part():
    nodes = [node("a"), node("b", alive=False), node("c", cores=0), node("d", gpus=2)]
    assert [place.name for place in places_of(nodes, 0)] == ["a", "d"]
    assert [place.name for place in places_of(nodes, 1)] == ["d"]


def test_nodes_of_one_name_are_told_apart():
    assert [place.name for place in places_of([node("ax"), node("ay"), node("b")], 0)] == ["a-ax0123", "a-ay0123", "b"]


@pytest.mark.parametrize(
    ("devices", "count"), [(("cpu",), 0), (("cuda",), 1), (("cuda:0",), 1), (("cuda:0", "cuda:1"), 2)]
)
def test_gpus_that_each_node_needs(devices, count):
    assert gpus_of(devices) == count


@pytest.mark.parametrize("devices", [("cuda:1",), ("cuda:0", "cuda:2"), ("tpu",)])
def test_gpus_that_a_node_does_not_number_so_are_refused(devices):
    with pytest.raises(UsageError, match="numbers its GPUs from 0"):
        gpus_of(devices)


def test_all_nodes_have_workers_of_equal_threads_and_larger_ones_have_more_of_them(tmp_path):
    places = [Place("s", "small", 4, 0), Place("l", "large", 16, 0)]
    threads = threads_of(asked(tmp_path), 8, places)
    small, large = (layout_of(asked(tmp_path), 8, place, threads) for place in places)
    assert (small.threads, small.workers) == (large.threads, 1) == (2, 1)
    assert (large.workers, large.decoders) == (4, 8)
    assert layout_of(asked(tmp_path, workers=3), 8, places[1], threads).workers == 3
    both = together([small, large])
    assert (both.workers, both.decoders, both.batch, len(both.devices)) == (5, 10, 8, 5)


def test_counters_of_a_lost_node_stay_and_its_queue_does_not():
    here = Counts(5, 1, (6,), queued=3, room=8, idle_workers=1, stage_s={Stage.MODEL: 1.0})
    gone = Counts(7, 0, (4, 3), queued=2, room=8, idle_workers=1, stage_s={Stage.MODEL: 2.0, Stage.READ: 1.0})
    both = all_counts([(gone, False), (here, True)])
    assert (both.done, both.failed, both.by_worker) == (12, 1, (4, 3, 6))
    assert (both.queued, both.room, both.idle_workers) == (3, 8, 1)
    assert both.stage_s == {Stage.MODEL: 3.0, Stage.READ: 1.0}


def test_ceilings_are_sums_where_every_node_has_measured_them():
    layout = Layout(2, 1, ("cpu",), 8, 32, 1)
    one = Ceilings(10.0, 20.0, 30.0, together=8.0, cached="all", layout=layout)
    other = Ceilings(5.0, None, 30.0, why={"decode": "no image could be decoded"}, cached="none", layout=layout)
    both = all_ceilings({"a": one, "b": other}, [])
    assert (both.model, both.decode, both.storage, both.together) == (15.0, None, 60.0, None)
    assert both.why == {"decode": "no image could be decoded"}
    assert (both.layout.workers, both.cached) == (2, "all; none")
    lost = all_ceilings({"a": one}, ["b"])
    assert lost.model is None
    assert "b was lost" in lost.why["model"]


def energy(joules, verdict="measured", why=None):
    return {"gpu.joules": joules, "gpu.joules_per_image": 1.0, "gpu.verdict": verdict, "gpu.why": why}


def test_joules_add_up_where_every_node_has_them():
    both = all_energy({"a": energy(10.0), "b": energy(30.0)}, [], 8)
    assert both == {"gpu.joules": 40.0, "gpu.joules_per_image": 5.0, "gpu.verdict": "measured", "gpu.why": None}
    doubtful = all_energy({"a": energy(10.0), "b": energy(30.0, "suspect", "it was shared")}, [], 8)
    assert (doubtful["gpu.joules"], doubtful["gpu.verdict"], doubtful["gpu.why"]) == (
        40.0,
        "suspect",
        "b: it was shared",
    )


@pytest.mark.parametrize(
    ("found", "lost", "why"),
    [
        ({"a": energy(10.0), "b": energy(None, "unavailable", "no such meter")}, [], "b: no such meter"),
        ({"a": energy(10.0)}, ["b"], "b was lost, and with it what its meters said"),
    ],
)
def test_there_are_no_joules_of_all_where_one_node_is_silent(found, lost, why):
    whole = all_energy(found, lost, 8)
    assert (whole["gpu.joules"], whole["gpu.verdict"], whole["gpu.why"]) == (None, "unavailable", why)


def test_readings_bear_the_names_of_nodes_and_the_dead_keep_what_they_used():
    gathered = Gathered()
    gathered.hear("a", Now(2.0, 100, {"gpu-0.utilisation": 90.0}))
    gathered.hear("b", Now(3.0, 200, {}))
    assert gathered.read() == Now(5.0, 300, {"a.gpu-0.utilisation": 90.0})
    gathered.lost("a")
    gathered.hear("a", Now(1.0, 50, {}))  # another outpost on the same node
    assert gathered.read() == Now(6.0, 250, {})


def test_the_bottleneck_is_that_of_the_node_that_did_most():
    layout = Layout(2, 1, ("cpu",), 8, 32, 1)
    nodes = [
        Node("a", layout, 30, None, bottleneck=Bottleneck("model", "model-bound: busy", "buy one")),
        Node("b", layout, 60, None, bottleneck=Bottleneck("decode", "decode-bound: empty", "add one")),
        Node("c", layout, 10, None, lost="gone"),
    ]
    assert of_busiest(nodes) == Bottleneck(
        "decode", "on b (60 % of the images), decode-bound: empty; 1 other node: model", "add one"
    )
    assert of_busiest(nodes[2:]).name == "none"


def test_lines_wait_until_they_are_taken_in_their_order():
    outbox = Outbox()
    outbox.put([b"one", b"two"])
    assert outbox.unwritten == 2
    assert outbox.take(0.0) == (b"one", b"two")
    assert outbox.take(0.0) == ()


def test_whoever_brings_too_much_waits_until_some_is_taken(monkeypatch):
    monkeypatch.setattr("stopwatt.bulk.cluster.outbox.MOST_BYTES", 10)
    outbox = Outbox()
    bringer = threading.Thread(target=lambda: [outbox.put([b"x" * 8]) for _ in range(5)])
    bringer.start()
    taken = 0
    while taken < 5:
        lines = outbox.take(60.0)
        assert len(lines) <= 2
        taken += len(lines)
    bringer.join()


def test_whoever_flushes_goes_on_when_everything_was_taken():
    outbox = Outbox()
    outbox.put([b"one"])
    flusher = threading.Thread(target=outbox.flush)
    flusher.start()
    outbox.take(0.0)
    flusher.join(60.0)
    assert not flusher.is_alive()


def test_a_node_must_see_the_same_files(photos):
    data = photos(9, broken={4})
    samples = samples_of(open_source(str(data)).items)
    assert len(samples) == 3
    assert not any(map(differs, samples))
    (data / "000008.bmp").write_bytes(b"something else")
    assert "another file is there" in differs(samples[1]).what
    (data / "000000.bmp").unlink()
    assert differs(samples[0]).what.endswith("No such file or directory")


def test_files_that_the_driver_does_not_see_either_are_not_asked_for(photos, tmp_path):
    data = photos(3)
    listed = tmp_path / "list.txt"
    listed.write_text("".join(f"{data}/{name}\n" for name in ("nothing.bmp", "000001.bmp", "000002.bmp")))
    assert [one.path[-10:] for one in samples_of(open_source(str(listed)).items)] == ["000002.bmp", "000001.bmp"]


def test_the_digest_of_the_code_is_that_of_the_files(monkeypatch, tmp_path):
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "one.py").write_text("x = 1")
    monkeypatch.setattr("stopwatt.__file__", str(tmp_path / "__init__.py"))
    before = code_digest()
    assert code_digest() == before
    (tmp_path / "one.py").write_text("x = 2")
    assert code_digest() != before


@pytest.fixture
def packed(tmp_path):
    """`(name)`: the path of a pack of that content, and the task to run it."""

    def make(name):
        folder = tmp_path / name
        (folder / "batch1").mkdir(parents=True)
        (folder / "batch1" / "weights").write_text(name)
        manifest = Manifest(
            workload=Workload("mlp", {}),
            setup=Setup("onnxruntime"),
            contract=Contract(Task.CLASSIFY, Preprocess(8, 8), Decoding.LOGITS),
            artifacts=(Artifact(1, "batch1", (), (), Parity(1, 0.0, 1e-3, 1.0)),),
            files=archive.files_in(folder),
            software={},
            tool_version="0.1.0",
        )
        path = tmp_path / f"{name}.swpack"
        archive.write(path, manifest, folder, overwrite=False)
        asked = Asked("photos", Model(str(path)), tmp_path / "out")
        chosen = choose(asked, 1)
        layout = Layout(1, 1, ("cpu",), 1, 8, 3)
        return path, words.Task(asked, chosen.identity, chosen.software, chosen.load, layout, 8)

    return make


def test_a_pack_that_a_node_does_not_see_is_sent_and_its_seal_is_checked(packed, tmp_path):
    path, task = packed("one")
    seal, content = open_pack(path).identity, path.read_bytes()
    question = words.Question(str(tmp_path), (), str(path), seal)
    assert Outpost().look(question) == words.Seen(pack=True)
    path.unlink()
    assert Outpost().look(question) == words.Seen(pack=False)
    load = load_of(task, content)
    assert open_pack(load.pack).identity == seal
    assert (load.pack == str(path), load.setup.threads) == (False, 3)
    with pytest.raises(StopwattError, match="the pack is damaged"):
        load_of(task, content[:-200] + b"x" + content[-199:])


def test_another_pack_in_the_place_of_the_drivers_is_not_run(packed, tmp_path):
    path, task = packed("one")
    seal = open_pack(path).identity
    other, _ = packed("two")
    other.rename(path)
    assert Outpost().look(words.Question(str(tmp_path), (), str(path), seal)) == words.Seen(pack=False)
    refused = Outpost().begin(task, None, None)
    assert refused.what == "a node has another model than the driver"


def test_other_versions_on_a_node_are_refused(packed):
    _, task = packed("one")
    assert "pillow" in task.software, "it decodes the images"
    with pytest.raises(StopwattError, match="a node has another software than the driver") as refused:
        load_of(replace(task, software="onnxruntime 0.1"), None)
    assert "onnxruntime 0.1 here" in refused.value.when


@pytest.mark.parametrize(
    ("text", "executor", "address"),
    [
        ("local", Executor.LOCAL, ""),
        ("ray", Executor.RAY, ""),
        ("ray:auto", Executor.RAY, "auto"),
        ("ray:ray://host:10001", Executor.RAY, "ray://host:10001"),
    ],
)
def test_an_executor_has_a_kind_and_an_address(text, executor, address):
    assert executor_of(text) == (executor, address)


@pytest.mark.parametrize("text", ["rai", "local:1", ""])
def test_an_executor_that_there_is_not_is_refused(text):
    with pytest.raises(UsageError, match="unknown executor"):
        executor_of(text)
