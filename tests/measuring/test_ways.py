"""The timing of ways, on a device that works on its own: calls return at once, the work ends later."""

import gc
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from stopwatt.measuring import trials as trials_module
from stopwatt.measuring.load import background_load
from stopwatt.measuring.subject import assemble
from stopwatt.measuring.ways import series as series_module
from stopwatt.measuring.ways import stand as stand_module
from stopwatt.measuring.ways.series import Extent, take
from stopwatt.measuring.ways.stand import Stand, Unmeasurable
from stopwatt.records import Boundary, Setup
from stopwatt.ways import FIXED_CALLS, REFERENCE, Cache, Collector, Copies, Inputs, Load, Timer, Waiting, Warming, Way

WORK_NS = 2_000_000
SUBMIT_NS = WORK_NS // 20
CALL_NS = SUBMIT_NS + WORK_NS
EXTENT = Extent(20, 10)


@dataclass
class Clock:
    """A clock that only the planted work moves, so that it reads exactly what was planted, whatever else runs."""

    ns: int = 10**15

    def now_ns(self):
        return self.ns

    def sleep(self, seconds):
        self.ns += round(seconds * 1e9)


class Queue:
    """A device with a queue of its own: it works while the host does something else."""

    name, kind, warmup_seconds = "cuda:0", "cuda", 0.0

    def __init__(self, clock):
        self.clock = clock
        self.free_at = 0
        self.flushed = 0
        self.captured = None

    def submit(self, work_ns):
        if self.captured is None:
            self.free_at = max(self.free_at, self.clock.ns) + work_ns
        else:
            self.captured += work_ns

    def synchronize(self):
        self.clock.ns = max(self.clock.ns, self.free_at)

    def flush_cache(self):
        self.flushed += 1
        self.submit(5 * WORK_NS)

    def timer(self, trials):
        return Events(self)

    def capture(self, work):
        self.captured = 0
        work()
        whole, self.captured = self.captured, None
        return lambda: self.submit(whole)


class Host:
    """A device that is never waited for."""

    name, kind, warmup_seconds = "cpu", "cpu", 0.0

    def synchronize(self):
        pass


class Events:
    def __init__(self, queue):
        self.queue, self.starts, self.stops = queue, {}, {}

    def start(self, trial):
        self.starts[trial] = max(self.queue.free_at, self.queue.clock.ns)

    def stop(self, trial):
        self.stops[trial] = self.queue.free_at

    def elapsed_ns(self, trials):
        self.queue.synchronize()
        return [float(self.stops[trial] - self.starts[trial]) for trial in range(trials)]


class Planted:
    """A runner whose calls last as planted on the queue, and who remembers what it was given."""

    def __init__(self, queue):
        self.queue = queue
        self.given = []
        self.collecting = []

    def call(self, inputs):
        self.given.append(inputs)
        self.collecting.append(gc.isenabled())
        self.queue.clock.ns += SUBMIT_NS
        self.queue.submit(WORK_NS)
        return inputs

    def stage(self, arrays):
        return arrays

    def fetch(self, outputs):
        self.queue.synchronize()
        return outputs

    def computed(self):
        return {}

    active = close = nullcontext


@pytest.fixture
def clock(monkeypatch):
    planted = Clock()
    monkeypatch.setattr(series_module, "now_ns", planted.now_ns)
    monkeypatch.setattr(series_module, "_wall_ns", planted.now_ns)
    monkeypatch.setattr(trials_module, "now_ns", planted.now_ns)
    return planted


@pytest.fixture
def stand(clock):
    queue = Queue(clock)
    runner = Planted(queue)
    arrays = [(np.full(3, float(index + 1)),) for index in range(4)]
    return Stand(assemble(runner, queue, arrays, Boundary.DEVICE), Setup("eager", device="cuda", threads=2))


def given(stand):
    return {tuple(array.tolist()) for (array,) in stand.subject.runner.given}


def test_the_reference_reads_what_was_planted(stand):
    series = take(REFERENCE, stand, EXTENT)
    assert series.calls == series.trials_ns.size == 20
    assert set(series.trials_ns) == {CALL_NS}


def test_without_synchronisation_only_the_submission_is_read(stand):
    series = take(Way(sync=Waiting.NONE), stand, EXTENT)
    assert set(series.trials_ns) == {SUBMIT_NS}
    assert stand.subject.device.clock.ns >= stand.subject.device.free_at  # nothing runs on into the next series


@pytest.mark.parametrize("timer", [Timer.PERF_COUNTER, Timer.TIME])
def test_one_synchronisation_at_the_end_reads_the_average_and_no_single_call(stand, timer):
    series = take(Way(sync=Waiting.END, timer=timer), stand, EXTENT)
    assert series.trials_ns.size == 0
    assert series.average_ns == pytest.approx(WORK_NS + SUBMIT_NS / 20)  # all but the first are submitted meanwhile


@pytest.mark.parametrize(("sync", "lengths"), [(Waiting.EACH, {CALL_NS}), (Waiting.END, {CALL_NS, WORK_NS})])
def test_events_read_the_device_alone_which_waits_for_a_call_unless_it_is_busy_with_the_one_before(
    stand, sync, lengths
):
    series = take(Way(timer=Timer.EVENTS, sync=sync), stand, EXTENT)
    assert series.calls == 20
    assert set(series.trials_ns) == lengths
    assert set(series.trials_ns[1:]) == {min(lengths)}


def test_a_captured_graph_hides_the_submission(stand):
    series = take(Way(timer=Timer.GRAPH), stand, EXTENT)
    assert set(series.trials_ns) == {WORK_NS}


def test_what_cannot_be_captured_is_unmeasurable_with_the_reason(stand, monkeypatch):
    def refuse(_work):
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    monkeypatch.setattr(stand.subject.device, "capture", refuse, raising=False)
    with pytest.raises(Unmeasurable, match=r"RuntimeError: operation not permitted when stream is capturing$"):
        take(Way(timer=Timer.GRAPH), stand, EXTENT)


def test_inputs_are_those_of_the_way(stand):
    take(REFERENCE, stand, EXTENT)
    assert len(given(stand)) == 4
    stand.subject.runner.given.clear()
    take(Way(inputs=Inputs.ONE), stand, EXTENT)
    assert given(stand) == {(1.0, 1.0, 1.0)}
    stand.subject.runner.given.clear()
    take(Way(inputs=Inputs.ZEROS), stand, EXTENT)
    assert given(stand) == {(0.0, 0.0, 0.0)}


def test_the_cache_is_flushed_before_each_call_and_not_timed(stand):
    series = take(Way(cache=Cache.FLUSHED), stand, EXTENT)
    assert stand.subject.device.flushed == 20
    assert set(series.trials_ns) == {CALL_NS}


def test_a_pause_is_not_timed(stand, clock, monkeypatch):
    monkeypatch.setattr(trials_module.time, "sleep", clock.sleep)
    begin = clock.ns
    series = take(Way(idle_s=0.005), stand, Extent(12, 10))
    assert clock.ns - begin >= 12 * (5_000_000 + CALL_NS)
    assert set(series.trials_ns) == {CALL_NS}


def test_the_collector_rests_unless_the_way_lets_it_run(stand):
    take(REFERENCE, stand, EXTENT)
    assert not any(stand.subject.runner.collecting)
    stand.subject.runner.collecting.clear()
    take(Way(gc=Collector.RUNNING), stand, EXTENT)
    assert all(stand.subject.runner.collecting)


@pytest.mark.parametrize("way", [REFERENCE, Way(sync=Waiting.END), Way(timer=Timer.EVENTS)], ids=lambda way: way.label)
def test_nothing_is_collected_between_the_settling_calls_and_those_that_are_timed(stand, way):
    calls_before = []

    def collecting(phase, _):
        calls_before.append(len(stand.subject.runner.given))

    gc.callbacks.append(collecting)
    try:
        series = take(way, stand, EXTENT)
    finally:
        gc.callbacks.remove(collecting)
    assert len(stand.subject.runner.given) > series.calls
    assert 0 in calls_before
    assert all(made in {0, len(stand.subject.runner.given)} for made in calls_before)


def test_ten_calls_that_do_not_count_are_made_in_the_surroundings_of_the_way(stand):
    way = Way(warmup=Warming.FIXED, inputs=Inputs.ZEROS, gc=Collector.RUNNING)
    series = take(way, stand, EXTENT, settle=0)
    assert len(stand.subject.runner.given) == FIXED_CALLS + series.calls
    assert given(stand) == {(0.0, 0.0, 0.0)}


@pytest.mark.parametrize("way", [Way(inputs=Inputs.ONE), Way(copies=Copies.INSIDE)], ids=lambda way: way.label)
def test_promises_are_forced_in_every_way(stand, way):
    runner, host = stand.subject.runner, Host()
    stand.subject = assemble(runner, host, stand.subject.arrays, Boundary.DEVICE, force=True)
    stand.setup = Setup("eager")
    assert set(take(way, stand, EXTENT).trials_ns) == {CALL_NS}


def test_a_load_has_begun_to_compute_when_a_series_begins(stand, monkeypatch, undisturbed):
    processes, before = [], []

    def on_cores_ns():
        return [int(Path(f"/proc/{one.pid}/schedstat").read_text().split()[0]) for one in processes]

    @contextmanager
    def watched(kind):
        with background_load(kind) as load:
            processes.extend(load.processes)
            before.extend(on_cores_ns())
            yield load

    def attempt():
        processes.clear()
        before.clear()
        with stand.surroundings(Way(load=Load.CPU)):
            assert sum(on_cores_ns()) - sum(before) > 1_000_000

    monkeypatch.setattr(stand_module, "background_load", watched)
    undisturbed(attempt)


def test_copies_inside_wait_even_without_being_asked_to(stand):
    series = take(Way(copies=Copies.INSIDE), stand, EXTENT)
    assert set(series.trials_ns) == {CALL_NS}


def test_a_series_ends_after_its_time_but_not_before_its_least_calls(stand):
    for way in (REFERENCE, Way(sync=Waiting.END), Way(timer=Timer.EVENTS)):
        assert take(way, stand, Extent(1000, 10, 0.0)).calls == 10, way.label


def test_threads_are_set_where_the_runtime_obeys_and_refused_where_it_does_not(stand):
    import torch

    counts = []
    stand.subject.runner.given = counts
    before = torch.get_num_threads()
    with stand.surroundings(Way(threads=1)):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
    stand.setup = Setup("onnxruntime", threads=2)
    with pytest.raises(Unmeasurable, match="onnxruntime fixes its threads"):
        take(Way(threads=1), stand, EXTENT)


def test_the_timer_of_torch_runs_the_calls_with_one_thread(stand):
    import torch

    seen = []
    original = stand.subject.runner.call
    stand.subject = assemble(stand.subject.runner, stand.subject.device, stand.subject.arrays, Boundary.DEVICE)

    def call(inputs):
        seen.append(torch.get_num_threads())
        time.sleep(SUBMIT_NS / 1e9)  # by the clock that this timer reads
        return original(inputs)

    object.__setattr__(stand.subject, "submit", call)
    series = take(Way(timer=Timer.BENCHMARK), stand, EXTENT)
    assert series.calls == 20
    assert set(seen) == {1}
    assert series.average_ns >= SUBMIT_NS


@pytest.mark.skipif(find_spec("triton") is not None, reason="triton is installed")
def test_without_triton_its_timer_is_unmeasurable(stand):
    with pytest.raises(Unmeasurable, match="triton is not installed"):
        take(Way(timer=Timer.DO_BENCH), stand, EXTENT)
