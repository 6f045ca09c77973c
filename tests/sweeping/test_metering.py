"""What becomes of instruments beside rounds: when they are read, and what a measurement says where they are not."""

import sys
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from stopwatt.devices.host import Host
from stopwatt.energy import (
    ACTIVE_IDLE,
    IDLE,
    SCREENING,
    TRIALS,
    WINDOW,
    About,
    EnergyRules,
    Scope,
    Span,
    Telemetry,
    Trace,
)
from stopwatt.measuring.clock import now_ns
from stopwatt.measuring.energy import METRICS_OF
from stopwatt.records import Cell, Measured, Measurement, Setup, Status, Trouble, Unavailable, Workload
from stopwatt.sweeping.metering import DIVIDED, NO_GPU, NOT_ALONE, NOT_ASKED, Metering, Watch, wants_telemetry
from stopwatt.ways import Ablation

QUICK_RULES = EnergyRules(settle_s=0.1, window_s=0.2, ticks=5, windows=2, idle_s=0.2)
ALL = [name for names in METRICS_OF.values() for name in names]


class FakeSampling:
    """Instruments of which a test decides what they say."""

    made: ClassVar[list] = []
    tick_s = 0.02
    pid = 4711
    why: ClassVar[dict] = {Scope.DRAM: "no DRAM domain"}
    traces: tuple = ()

    def __init__(self, device, *, energy):
        self.asked = (device, energy)
        self.followed = []
        self.taken = []
        self.closed = False
        FakeSampling.made.append(self)

    def follow(self, pid):
        self.followed.append(pid)

    def take(self, begin_ns, end_ns):
        self.taken.append((begin_ns, end_ns))
        return self.traces

    def close(self):
        self.closed = True


@pytest.fixture
def sampling(monkeypatch):
    """The fake in place of the real one; `made` lists those that were started."""
    monkeypatch.setattr(FakeSampling, "made", [])
    monkeypatch.setattr("stopwatt.meters.sampling.Sampling", FakeSampling)
    return FakeSampling


@pytest.fixture
def cell(short):
    def make(device="cpu", threads=1, **changes):
        changes.setdefault("telemetry", Telemetry.OFF)
        return Cell(Workload("synthetic"), Setup(device=device, threads=threads, batch=4), short(**changes))

    return make


def host(tmp_path, allowed, quota="max 100000"):
    files = {
        "proc/self/status": f"Cpus_allowed_list:\t{allowed}",
        "proc/self/mountinfo": "30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
        "proc/self/cgroup": "0::/job",
        "sys/fs/cgroup/job/cpu.max": quota,
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Host(tmp_path)


@pytest.mark.parametrize(
    ("threads", "machine", "wanted"),
    [
        (1, ("0-1",), True),
        (2, ("0-1",), False),
        (3, ("0-1,4-5",), True),
        (1, ("0-3", "150000 100000"), False),
        (1, ("0-3", "200000 100000"), True),
    ],
)
def test_on_a_cpu_telemetry_wants_a_core_that_the_model_leaves_over(cell, tmp_path, threads, machine, wanted):
    found = wants_telemetry(cell(threads=threads, telemetry=Telemetry.AUTO), host(tmp_path, *machine))
    assert found is wanted


def test_on_a_gpu_telemetry_is_on_and_for_ways_of_measuring_it_is_off(cell, tmp_path):
    one_core = host(tmp_path, "0")
    assert wants_telemetry(cell("cuda", telemetry=Telemetry.AUTO), one_core)
    assert not wants_telemetry(cell("cuda", telemetry=Telemetry.AUTO, ablation=Ablation(())), one_core)
    assert not wants_telemetry(cell("cuda", telemetry=Telemetry.OFF), one_core)
    assert wants_telemetry(cell(telemetry=Telemetry.ON), one_core)


def test_where_nothing_is_wanted_nothing_is_started_or_read(cell, sampling):
    metering = Metering()
    watch = metering.watch(cell())
    watch.leave_alone(alone=True, stopping=lambda: False)
    watch.follow(1)
    assert (watch.tick_s, watch.idle_s, sampling.made) == (0.0, 0.0, [])
    metering.close()


def test_a_plain_bench_imports_no_meter():
    code = (
        "import sys; from stopwatt.records import *; from stopwatt.energy import Telemetry;"
        "from stopwatt.sweeping.metering import Metering;"
        "cell = Cell(Workload('mlp'), Setup(), Protocol(telemetry=Telemetry.OFF));"
        "Metering().watch(cell).complete(Measurement(cell, 0, Status.OK));"
        "print([name for name in sys.modules if name.startswith('stopwatt.meters')])"
    )
    import subprocess

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_one_process_reads_for_all_rounds_of_a_device_until_the_run_ends(cell, sampling):
    metering = Metering()
    for batch_of in (cell(telemetry=Telemetry.ON), cell(telemetry=Telemetry.ON), cell("cuda", telemetry=Telemetry.ON)):
        metering.watch(batch_of).follow(7)
    cpu, gpu = sampling.made
    assert (cpu.asked, cpu.followed) == (("cpu", False), [7, 7])
    assert gpu.asked == ("cuda", False)
    assert not cpu.closed
    metering.close()
    assert cpu.closed
    assert gpu.closed


def test_what_is_read_for_one_round_takes_no_core_from_another(cell, sampling):
    metering = Metering()
    metering.watch(cell(telemetry=Telemetry.ON))
    metering.watch(cell("cuda", telemetry=Telemetry.ON))
    assert [one.closed for one in sampling.made] == [False, False]
    metering.watch(cell(threads=1000, telemetry=Telemetry.AUTO))
    assert [one.closed for one in sampling.made] == [True, True]
    metering.watch(cell(telemetry=Telemetry.ON))
    assert [one.closed for one in sampling.made] == [True, True, False]


def test_a_counter_of_energy_is_read_by_one_process_whether_or_not_telemetry_is_wanted_too(cell, sampling):
    metering = Metering()
    for telemetry in (Telemetry.ON, Telemetry.OFF, Telemetry.ON):
        assert metering.watch(cell(energy=QUICK_RULES, telemetry=telemetry)).tick_s == 0.02
    assert [one.closed for one in sampling.made] == [False]
    metering.close()
    assert [one.closed for one in sampling.made] == [True]


def test_where_nothing_counts_energy_and_nobody_wants_telemetry_reading_ends_at_once(cell, sampling, monkeypatch):
    monkeypatch.setattr(sampling, "tick_s", 0.0)
    monkeypatch.setattr(sampling, "why", dict.fromkeys((Scope.PACKAGE, Scope.DRAM), "no RAPL: virtual machine"))
    metering = Metering()
    for _ in range(2):
        watch = metering.watch(cell(energy=SCREENING))
        watch.leave_alone(alone=True, stopping=lambda: False)
        assert (watch.tick_s, watch.idle_s) == (0.0, 0.0)
    assert [one.closed for one in sampling.made] == [True]
    found = watch.complete(Measurement(cell(energy=SCREENING), 0, Status.OK))
    assert found.readings["energy_package"] == Unavailable("no RAPL: virtual machine")
    assert found.readings["power_dram"] == Unavailable("no RAPL: virtual machine")
    assert found.readings["energy_gpu"] == Unavailable(NO_GPU)
    assert set(found.readings) == set(ALL)


def test_who_did_not_ask_for_energy_is_told_so(cell):
    found = Watch().complete(Measurement(cell(), 0, Status.OK))
    assert found.readings == dict.fromkeys(ALL, Unavailable(NOT_ASKED))


def test_a_round_that_failed_or_compares_ways_has_no_word_about_energy(cell):
    failed = Measurement(cell(energy=SCREENING), 0, Status.CRASHED, Trouble("died"))
    assert Watch().complete(failed).readings == {}
    assert Watch().complete(Measurement(cell(ablation=Ablation(())), 0, Status.OK)).readings == {}


def test_the_machine_is_left_alone_for_as_long_as_the_rules_say(cell, sampling):
    watch = Metering().watch(cell(energy=QUICK_RULES))
    watch.leave_alone(alone=True, stopping=lambda: False)
    found = watch.complete(Measurement(cell(energy=QUICK_RULES), 0, Status.OK))
    (idle,) = found.spans
    assert idle.name == IDLE
    assert idle.seconds >= QUICK_RULES.idle_s
    assert found.phases["idle"] == watch.idle_s == idle.seconds
    ((begin, end),) = sampling.made[0].taken
    assert begin <= idle.begin_ns < idle.end_ns <= end


def test_a_stop_ends_the_waiting_and_there_is_no_idle_time_then(cell, sampling):
    rules = replace(QUICK_RULES, idle_s=3600.0)
    asked = iter([False, False])
    watch = Metering().watch(cell(energy=rules))
    watch.leave_alone(alone=True, stopping=lambda: next(asked, True))
    assert watch.idle_s == 0.0
    assert len(sampling.made) == 1


def test_nobody_waits_for_what_instruments_say_after_the_last_thing_that_a_round_did(cell, sampling):
    wanted = cell(telemetry=Telemetry.ON)
    long_ago = now_ns() - 10**9
    Metering().watch(wanted).complete(replace(Measurement(wanted, 0, Status.OK), spans=(Span(TRIALS, 0, long_ago, 9),)))
    Metering().watch(wanted).complete(Measurement(wanted, 0, Status.CRASHED))
    ((_, end),), ((_, now),) = (one.taken for one in sampling.made)
    assert long_ago < end < long_ago + 10**9 < now <= now_ns()


def constant_power(begin_s, end_s, watts, scope=Scope.PACKAGE, tick_s=0.02):
    time_s = np.arange(begin_s, end_s, tick_s)
    channels = {"energy": watts * time_s, "power": np.full(time_s.size, watts)}
    return Trace(About("package-0", scope, "replay"), (time_s * 1e9).astype(np.int64), channels)


def worked(of, *more):
    """A round with a window of 2 s with 1000 calls, and what follows."""
    spans = (Span(WINDOW, 10 * 10**9, 12 * 10**9, 1000), Span(ACTIVE_IDLE, 12 * 10**9, 14 * 10**9))
    return Measurement(of, 0, Status.OK, spans=(*more, *spans))


def test_joules_are_of_a_sample_and_come_from_the_traces_of_the_round(cell, sampling, monkeypatch):
    monkeypatch.setattr(sampling, "traces", (constant_power(5.0, 15.0, 40.0),))
    found = Metering().watch(cell(energy=QUICK_RULES)).complete(worked(cell(energy=QUICK_RULES)))
    reading = found.readings["energy_package"]
    assert isinstance(reading, Measured)
    assert reading.value == pytest.approx(40.0 * 2.0 / 1000 / 4, rel=1e-6)
    assert found.traces == sampling.traces
    assert found.readings["energy_dram"] == Unavailable("no DRAM domain")
    assert any(name.startswith("energy.package.") for name in found.facts)


def test_idle_power_needs_a_machine_without_other_processes_of_the_run(cell, sampling, monkeypatch):
    monkeypatch.setattr(sampling, "traces", (constant_power(1.0, 15.0, 40.0),))
    watch = Metering().watch(cell(energy=QUICK_RULES))
    watch.leave_alone(alone=False, stopping=lambda: False)
    shared = watch.complete(worked(cell(energy=QUICK_RULES)))
    assert shared.readings["power_idle_package"] == Unavailable(NOT_ALONE)
    alone = watch.complete(worked(cell(energy=QUICK_RULES), Span(IDLE, 2 * 10**9, 5 * 10**9)))
    assert alone.readings["power_idle_package"].value == pytest.approx(40.0, rel=1e-6)


def test_a_share_of_a_machine_has_no_energy_of_its_own_but_that_of_its_gpu(cell, sampling, monkeypatch):
    gpu = replace(constant_power(5.0, 15.0, 300.0), about=About("gpu-0", Scope.GPU, "replay"))
    monkeypatch.setattr(sampling, "traces", (constant_power(5.0, 15.0, 40.0), gpu))
    on_gpu, on_cpu = cell("cuda", energy=QUICK_RULES), cell(energy=QUICK_RULES)
    metering = Metering(divided=True)
    found = metering.watch(on_gpu).complete(worked(on_gpu))
    assert found.readings["energy_package"] == found.readings["power_dram"] == Unavailable(DIVIDED)
    assert isinstance(found.readings["energy_gpu"], Measured)
    assert len(found.traces) == 2
    assert (metering.watch(on_gpu).tick_s, metering.watch(on_cpu).tick_s) == (0.02, 0.0)


def test_once_the_process_that_reads_has_died_for_good_no_time_is_spent_on_energy(cell, sampling, monkeypatch):
    monkeypatch.setattr(sampling, "pid", 0)
    monkeypatch.setattr(
        sampling, "traces", (replace(constant_power(0.0, 0.0, 40.0), gone="the process that reads it has died"),)
    )
    watch = Metering().watch(cell(energy=QUICK_RULES))
    watch.leave_alone(alone=True, stopping=lambda: False)
    assert (watch.tick_s, watch.idle_s) == (0.0, 0.0)
    found = watch.complete(Measurement(cell(energy=QUICK_RULES), 0, Status.OK))
    assert found.readings["energy_package"] == Unavailable("the process that reads it has died")


def test_what_the_process_of_the_round_knows_better_stays(cell, sampling, monkeypatch):
    monkeypatch.setattr(sampling, "traces", (constant_power(5.0, 15.0, 40.0),))
    why = Unavailable("the calls cannot be recorded for replay: cpu has no queue of work")
    measured = replace(worked(cell(energy=QUICK_RULES)), readings={"energy_package": why})
    assert Metering().watch(cell(energy=QUICK_RULES)).complete(measured).readings["energy_package"] == why


def test_a_scope_that_nobody_can_say_anything_about_is_never_missing(cell, sampling, monkeypatch):
    monkeypatch.setattr(sampling, "why", {})
    found = Metering().watch(cell("cuda", energy=QUICK_RULES)).complete(worked(cell("cuda", energy=QUICK_RULES)))
    assert all(isinstance(found.readings[name], Unavailable) and found.readings[name].why for name in ALL)
