"""Energy through the whole pipeline: a recorded trace is played beside real rounds."""

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from stopwatt import running
from stopwatt.energy import ACTIVE_IDLE, IDLE, SENTINEL, SETTLING, TRIALS, WINDOW, EnergyRules, Telemetry
from stopwatt.measuring.energy import METRICS_OF
from stopwatt.metrics import CPU_ESTIMATE
from stopwatt.records import Estimated, Measured, Process, Protocol, Status, Suspect, Unavailable, Warmup
from stopwatt.store import Selection, open_store
from stopwatt.sweeping.execute import Interrupted
from stopwatt.sweeping.metering import NO_GPU, NOT_ALONE, NOT_ASKED
from stopwatt.sweeping.plan import Request

pytestmark = pytest.mark.slow

WATTS = 40.0
RULES = EnergyRules(settle_s=0.1, window_s=0.5, ticks=20, windows=3, idle_s=0.4, sentinel_s=0.0)

CONSTANT = Protocol(
    rounds=2,
    trials=40,
    trial_seconds=None,
    warmup=Warmup(min_calls=3, min_seconds=0.0, window_calls=10, window_seconds=0.0, cap_seconds=0.5, tolerance=0.2),
    throughput_seconds=0.005,
    energy=replace(RULES, window_s=1.0),
    telemetry=Telemetry.OFF,
)


def record(path, *, last_s=60.0, tick_s=0.02):
    """A meter of constant power that vanishes at the end."""
    times = [place * tick_s for place in range(round(last_s / tick_s))]
    lines = [f"{time_s:.6f},{WATTS * time_s:.9f},{WATTS}" for time_s in times]
    path.write_text("\n".join(["time,energy,power", *lines]) + "\n")
    return f"replay:{path}"


def measure(store, rules, *, batches=(1,), watcher=None):
    """Rounds of a model that takes 1 ms."""
    asked = Request(["synthetic"], {"duration": "1ms"}, ["eager"], batches=batches, threads=1, protocol=rules)
    running.run_request(asked, store=store, watcher=watcher, allow=True)
    with open_store(store) as database:
        return list(database.measurements(Selection()))


@pytest.fixture
def recording(tmp_path, monkeypatch):
    """Plays a meter of constant power."""
    return lambda **how: monkeypatch.setenv("STOPWATT_METERS", record(tmp_path / "recorded.csv", **how))


@pytest.fixture
def metered(short, store):
    """Measure with energy; the rounds."""

    def go(watcher=None, batches=(1,), **changes):
        rules = short(**{"energy": RULES, "telemetry": Telemetry.OFF, **changes})
        return measure(store, rules, batches=batches, watcher=watcher)

    return go


@pytest.fixture(scope="module")
def constant(tmp_path_factory):
    """Two rounds beside a meter of constant power."""
    folder = tmp_path_factory.mktemp("constant")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STOPWATT_METERS", record(folder / "recorded.csv"))
        found = measure(str(folder / "results.db"), CONSTANT, batches=(4,))
    assert samplers() == []
    return found


def named(measurement, name):
    return [span for span in measurement.spans if span.name == name]


def energy_of(measurement):
    """What the truth is: all of the energy of the windows over all of their samples."""
    windows = named(measurement, WINDOW)
    seconds, calls = sum(span.seconds for span in windows), sum(span.calls for span in windows)
    return WATTS * seconds / calls / measurement.cell.setup.batch


def samplers():
    """Processes that read instruments, among the children of this one."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in children if b"stopwatt.meters.sampler" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_constant_power_gives_power_times_the_time_of_a_sample_in_every_round(constant):
    assert [one.status for one in constant] == [Status.OK] * 2
    for one in constant:
        energy, power = one.readings["energy_package"], one.readings["power_package"]
        # On a busy machine a meter is read late now and then, which its verdict says; its value stays.
        assert isinstance(energy, Measured | Suspect), energy
        assert power.value == pytest.approx(WATTS, rel=2e-3)
        assert energy.value == pytest.approx(energy_of(one), rel=2e-3)
        for name in ("power_idle_package", "power_active_idle_package"):
            assert one.readings[name].value == pytest.approx(WATTS, rel=0.02)


def test_the_spans_and_traces_of_a_round_lie_on_one_clock_and_are_kept(constant):
    for one in constant:
        assert [span.name for span in one.spans] == [IDLE, TRIALS, SETTLING, WINDOW, WINDOW, WINDOW, ACTIVE_IDLE]
        ends = [end for span in one.spans for end in (span.begin_ns, span.end_ns)]
        assert ends == sorted(ends)
        (trace,) = [trace for trace in one.traces if trace.about.source == "replay"]
        assert trace.time_ns[0] <= one.spans[0].begin_ns + 500_000_000
        assert trace.time_ns[-1] >= one.spans[-1].end_ns - 500_000_000
        assert named(one, TRIALS)[0].calls == one.samples["latency"].values.size
        assert {"idle", "energy"} <= one.phases.keys()


def test_a_round_ends_its_windows_with_the_same_work_and_tells_what_that_took(recording, metered):
    recording()
    (one,) = metered(energy=replace(RULES, sentinel_s=0.5))
    assert [span.name for span in one.spans][-3:] == [WINDOW, SENTINEL, ACTIVE_IDLE]
    (sentinel,) = named(one, SENTINEL)
    assert sentinel.seconds >= 0.5
    assert one.facts["energy.package.sentinel_w"] == pytest.approx(WATTS, rel=0.01)
    each = WATTS * sentinel.seconds / sentinel.calls
    assert one.facts["energy.package.sentinel_j"] == pytest.approx(each, rel=0.01)
    assert one.readings["energy_package"].value == pytest.approx(energy_of(one), rel=0.01)


def test_a_scope_without_a_meter_and_a_gpu_that_is_not_at_work_say_so(constant):
    for one in constant:
        assert one.readings["energy_gpu"] == Unavailable(NO_GPU)
        assert one.readings["energy_dram"].why


def test_without_a_counter_no_time_is_spent_on_energy_and_every_metric_says_why(metered, monkeypatch):
    monkeypatch.setenv("STOPWATT_METERS", "null")
    (one,) = metered()
    assert not {"idle", "energy"} & one.phases.keys()
    assert ([span.name for span in one.spans], one.traces) == ([TRIALS], ())
    whys = {one.readings[name].why for names in METRICS_OF.values() for name in names}
    assert all(whys)
    assert NOT_ASKED not in whys


def test_a_meter_that_vanishes_in_mid_round_costs_the_energy_and_nothing_else(recording, metered):
    recording(last_s=2.5)
    (one,) = metered(energy=replace(RULES, windows=6))
    assert one.status is Status.OK
    assert isinstance(one.readings["energy_package"], Unavailable)
    assert [trace.gone for trace in one.traces if "ended" in trace.gone]
    assert len(named(one, WINDOW)) == 6
    assert {"latency", "throughput"} <= one.samples.keys()


def test_idle_power_needs_a_machine_without_waiting_processes(recording, metered):
    recording()
    found = metered(process=Process.SHARED, batches=(1, 2), energy=replace(RULES, windows=1))
    first, second = sorted(found, key=lambda one: one.facts["cells_before"])
    assert isinstance(first.readings["energy_package"], Measured | Suspect)
    assert isinstance(second.readings["energy_package"], Measured | Suspect)
    assert second.readings["power_idle_package"] == Unavailable(NOT_ALONE)


class Killing(running.Silent):
    """Kills the process that reads instruments, once, when the energy of a round is being measured."""

    done = False

    def phase(self, name):
        if name == "energy" and not self.done:
            self.done = True
            time.sleep(0.3)
            for pid in samplers():
                os.kill(pid, signal.SIGKILL)


def test_a_reader_that_is_killed_costs_the_energy_of_one_round(recording, metered):
    recording()
    first, second = metered(Killing(), rounds=2, energy=replace(RULES, windows=4))  # not over before it is killed
    assert [first.status, second.status] == [Status.OK] * 2
    assert isinstance(first.readings["energy_package"], Unavailable)
    assert any("SIGKILL" in trace.gone for trace in first.traces)
    assert second.readings["energy_package"].value == pytest.approx(energy_of(second), rel=0.02)
    assert samplers() == []


def test_a_replay_that_is_impossible_on_a_device_is_the_reason(recording, metered):
    recording()
    (one,) = metered(energy=replace(RULES, windows=1, replay=True))
    assert one.status is Status.OK
    assert "cpu has no queue of work" in one.readings["energy_package"].why


def test_telemetry_is_read_beside_rounds_that_measure_no_energy(metered, monkeypatch):
    monkeypatch.delenv("STOPWATT_METERS", raising=False)
    (one,) = metered(energy=None, telemetry=Telemetry.ON)
    assert one.readings["energy_package"] == Unavailable(NOT_ASKED)
    (trace,) = [trace for trace in one.traces if trace.about.name == "process"]
    assert {"busy", "own"} <= trace.channels.keys()
    assert samplers() == []


def test_an_estimate_stands_beside_what_is_measured_and_says_how_far_it_may_be_off(metered):
    (one,) = metered(energy=None, cpu_watts=10.0)
    reading = one.readings[CPU_ESTIMATE]
    assert isinstance(reading, Estimated)
    assert 0 < reading.value < 1.1 * 10.0 / one.samples["throughput"].values.min()  # no more than one busy core
    assert (reading.low, reading.high) == pytest.approx((0.6 * reading.value, 1.4 * reading.value))


class Stopping(running.Silent):
    """Presses Ctrl-C when one of a hundred windows at least is over: each lasts half a second on a machine at rest."""

    def phase(self, name):
        if name == "energy":
            threading.Timer(4.0, os.kill, (os.getpid(), signal.SIGINT)).start()


def test_ctrl_c_while_energy_is_measured_keeps_everything_before(recording, metered, store):
    recording()
    with pytest.raises(Interrupted):
        metered(Stopping(), energy=replace(RULES, windows=100), timeout_s=600.0)
    with open_store(store) as database:
        (one,) = database.measurements(Selection())
    assert (one.status, one.trouble.when) == (Status.INTERRUPTED, "while its energy was measured")
    assert one.samples["latency"].values.size == 40
    assert "throughput" in one.samples
    assert [span.name for span in one.spans][:4] == [IDLE, TRIALS, SETTLING, WINDOW]
    assert 1 <= len(named(one, WINDOW)) < 100
    assert isinstance(one.readings["energy_package"], Measured | Suspect)
    assert "active idle" in one.readings["power_active_idle_package"].why
    assert samplers() == []
