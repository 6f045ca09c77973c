"""A run once a second: waiting is summed from every change, meters are read aside, and nothing of it stops a run."""

import json
import time
from itertools import pairwise

import numpy as np
import pytest

from stopwatt import wire
from stopwatt.bulk.judging import instruments, ticks
from stopwatt.bulk.judging.instruments import Instruments, device_of
from stopwatt.bulk.judging.ticks import Counts, Nobody, Ticker, Waiting
from stopwatt.bulk.records import Idle, Stage, Tick
from stopwatt.energy import About, Scope, Trace

S = 1_000_000_000


class Silent:
    """Instruments that say nothing at once."""

    def __init__(self, _device):
        self.read_before = 0

    def read(self):
        self.read_before += 1
        return instruments.Now(0.5 * self.read_before, 1000, {"gpu-0.utilisation": 50.0})

    def begin(self):
        self.read_before = 0

    def energy(self, images):
        return {"gpu.joules": 10.0 * images}

    def close(self):
        pass


class Heard(Nobody):
    def __init__(self):
        self.ticks = []

    def tick(self, tick):
        self.ticks.append(tick)


@pytest.fixture
def unmetered(monkeypatch):
    monkeypatch.setattr(ticks, "Instruments", Silent)


def test_waiting_is_summed_from_change_to_change():
    waiting = Waiting(0)
    waiting.change(Counts(room=4, queued=0, idle_workers=2, idle_decoders=0), 1 * S)
    waiting.change(Counts(room=4, queued=3, idle_workers=0, idle_decoders=1), 4 * S)
    assert waiting.until(6 * S) == {Idle.QUEUE_EMPTY: 3.0, Idle.WORKERS: 6.0, Idle.DECODERS: 2.0}


def test_without_a_queue_none_is_empty():
    waiting = Waiting(0)
    waiting.change(Counts(room=0, queued=0, idle_workers=1), 0)
    assert waiting.until(2 * S)[Idle.QUEUE_EMPTY] == 0


def test_a_clock_that_is_read_twice_counts_once():
    waiting = Waiting(0)
    waiting.change(Counts(idle_workers=1), 0)
    waiting.until(2 * S)
    assert waiting.until(1 * S)[Idle.WORKERS] == 2.0
    assert waiting.until(3 * S)[Idle.WORKERS] == 3.0


def test_ticks_hold_the_last_state_and_are_written_and_shown(unmetered, tmp_path):
    file, heard = tmp_path / "ticks.jsonl", Heard()
    with Ticker(heard, file=file, every_s=0.02) as ticker:
        ticker.observe(Counts(done=7, by_worker=(7,), queued=2, room=4, stage_s={Stage.READ: 0.25}))
        time.sleep(0.1)
    written = [wire.from_json(Tick, line) for line in file.read_text().splitlines()]
    assert tuple(written) == ticker.ticks == tuple(heard.ticks)
    last = ticker.ticks[-1]
    assert (last.done, last.queued, last.rss_bytes) == (7, 2, 1000)
    assert last.stage_s[Stage.READ] == 0.25
    assert last.readings == {"gpu-0.utilisation": 50.0}
    assert all(before.at_ns < after.at_ns for before, after in pairwise(ticker.ticks))
    assert json.loads(file.read_text().splitlines()[-1])["done"] == 7


def test_ticks_since_the_last_change_of_the_layout(unmetered):
    with Ticker(Nobody(), every_s=0.02) as ticker:
        time.sleep(0.1)
        before = len(ticker.ticks)
        ticker.settle()
    assert before
    assert 0 < len(ticker.settled) < len(ticker.ticks)


def test_what_was_before_the_first_image_counts_for_nothing(unmetered):
    with Ticker(Nobody(), every_s=5) as ticker:
        ticker.observe(Counts(idle_workers=1000))
        time.sleep(0.05)
        ticker.begin()
        ticker.observe(Counts(idle_workers=0))
    assert ticker.ticks[-1].idle_s[Idle.WORKERS] == 0


def test_a_console_or_a_disk_that_fails_does_not_end_the_run(unmetered, tmp_path):
    class Broken(Nobody):
        def tick(self, tick):
            raise BrokenPipeError("gone")

    with Ticker(Broken(), file=tmp_path / "nowhere" / "ticks.jsonl", every_s=0.02) as ticker:
        time.sleep(0.1)
    assert len(ticker.ticks) >= 2
    assert len(ticker.trouble) == 2
    assert any("gone" in one for one in ticker.trouble)


def test_long_runs_keep_every_second_tick_and_the_file_all(unmetered, tmp_path, monkeypatch):
    monkeypatch.setattr(ticks, "MOST", 8)
    file = tmp_path / "ticks.jsonl"
    ticker = Ticker(Nobody(), file=file, every_s=100)
    for _ in range(100):
        ticker._tick()
    ticker.close()
    assert len(ticker.ticks) <= 9
    assert len(file.read_text().splitlines()) == 101
    assert ticker.ticks[-1].at_ns > ticker.ticks[0].at_ns


def test_the_meters_of_one_device_or_of_the_whole_machine():
    assert device_of(("cpu", "cpu")) == "cpu"
    assert device_of(("cuda:1",)) == "cuda:1"
    assert device_of(("cuda:0", "cuda:1")) == ""


@pytest.fixture
def replayed(tmp_path, monkeypatch):
    """A package that takes 50 W for ever."""
    path = tmp_path / "trace.csv"
    path.write_text("time,energy\n" + "".join(f"{row / 50},{50 * row / 50}\n" for row in range(60 * 50)))
    monkeypatch.setenv("STOPWATT_METERS", f"replay:{path}?scope=package,process")


def test_energy_of_a_run_is_that_of_its_meters(replayed):
    with Ticker(Nobody(), device="cpu", every_s=0.25) as ticker:
        time.sleep(0.5)
        before = time.monotonic()
        ticker.begin()
        time.sleep(2.0)
    seconds = time.monotonic() - before
    energy = ticker.energy(40)
    assert energy["package.verdict"] in {"measured", "suspect"}  # the ends of two seconds may hide more than 1 %
    assert 95 < energy["package.joules"] < 50 * seconds * 1.02
    assert energy["package.joules_per_image"] == energy["package.joules"] / 40
    assert "gpu.verdict" not in energy, "a run on a CPU uses no GPU"
    assert energy["dram.verdict"] == "unavailable"
    assert energy["dram.why"]
    assert ticker.ticks[-1].rss_bytes > 1 << 20
    assert ticker.ticks[-1].cpu_s >= 0


class Playing:
    """Sampling of a counter of 100 W, read every 20 ms, without a process."""

    about = (About("package-0", Scope.PACKAGE, "replay"),)

    def __init__(self, _device, *, energy):
        self.why = {Scope.DRAM: "no such counter"}

    def follow(self, pid):
        pass

    def take(self, begin_ns, end_ns):
        step = 20_000_000
        at = np.arange(-(-begin_ns // step) * step, end_ns + 1, step, dtype=np.int64)
        return (Trace(self.about[0], at, {"energy": at / S * 100.0}),)

    def close(self):
        pass


@pytest.fixture
def hours(monkeypatch):
    """Instruments whose clock jumps; what is held of the traces is counted."""
    clock = [1000 * S]
    monkeypatch.setattr(instruments, "Sampling", Playing)
    monkeypatch.setattr(instruments.time, "monotonic_ns", lambda: clock[0])
    monkeypatch.setattr(instruments.time, "sleep", lambda _: None)
    return clock


def test_energy_of_a_long_run_is_exact_and_its_traces_are_forgotten(hours):
    read = Instruments("cpu")
    held = []
    for _ in range(3700):
        hours[0] += S
        read.read()
        held.append(sum(trace.time_ns.size for pieces in read._pieces for trace in pieces))
    read.close()
    assert read.energy(1000)["package.joules"] == pytest.approx(100 * 3700, rel=1e-4)
    assert read.energy(1000)["package.verdict"] == "measured"
    assert max(held[1800:]) <= max(held[:1800]) < 130 * 50


def test_a_reason_that_many_minutes_have_is_said_once(hours, monkeypatch):
    monkeypatch.setattr(Playing, "about", (About("package-0", Scope.PACKAGE, "replay", refused="it is broken"),))
    read = Instruments("cpu")
    for _ in range(600):
        hours[0] += S
        read.read()
    read.close()
    assert read.energy(10)["package.joules"] is None
    assert read.energy(10)["package.why"].count("it is broken") == 1


def test_power_of_now_comes_from_the_counter_where_there_is_no_field(hours):
    read = Instruments("cpu")
    for _ in range(5):
        hours[0] += S
        now = read.read()
    assert now.readings["package-0.power"] == pytest.approx(100, rel=0.01)
