"""The sampler as its parent sees it, with the faults of both."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from stopwatt.energy import Scope
from stopwatt.errors import UsageError
from stopwatt.meters import sampling as module
from stopwatt.meters.sampling import Sampling

HERE = Path(__file__).parent


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(module, "SILENT_S", 1.0)


@pytest.fixture
def fakes(tmp_path, monkeypatch):
    """Registers the faulty meters of `fake_meters`, for processes that are started from here."""
    kinds = ("Fake", "HangsAtOpening", "DiesAtOpening", "RaisesAtOpening", "Vanishing", "Stuck", "HangsLater")
    folder = tmp_path / "site" / "faulty-1.0.dist-info"
    folder.mkdir(parents=True)
    points = "\n".join(f"{kind.lower()} = fake_meters:{kind}" for kind in kinds)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(f"[stopwatt.meters]\n{points}\n")
    monkeypatch.setenv("PYTHONPATH", f"{folder.parent}:{HERE}")


@pytest.fixture
def started():
    """Starts samplings and closes them."""
    opened = []

    def start(device="cuda", *, energy=True, meters=None):
        opened.append(Sampling(device, energy=energy, meters=meters))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def sampled(sampling, seconds):
    begin = time.monotonic_ns()
    time.sleep(seconds)
    return sampling.take(begin, time.monotonic_ns()), begin


def test_what_a_recording_says_comes_out_as_a_trace_of_the_time_asked_for(started, recording, undisturbed):
    def attempt():
        sampling = started(meters=[f"replay:{recording()}", "process"])
        assert [about.name for about in sampling.about] == ["replay", "process"]
        assert set(sampling.why) == {Scope.PACKAGE, Scope.DRAM}
        assert sampling.tick_s == pytest.approx(0.02, rel=0.25)
        (trace, process), begin = sampled(sampling, 1.0)
        assert trace.gone == ""
        assert np.all(np.diff(trace.time_ns) > 0)
        assert trace.time_ns[0] >= begin
        counted = ~np.isnan(trace.channels["energy"])
        seconds, joules = trace.time_ns[counted] / 1e9, trace.channels["energy"][counted]
        assert np.polyfit(seconds, joules, 1)[0] == pytest.approx(100, rel=0.03)
        assert np.nanmean(trace.channels["power"]) == 100
        assert "busy" in process.channels

    undisturbed(attempt)


def test_the_followed_process_and_its_children_are_counted(started):
    sampling = started("cpu", energy=False, meters=["process"])
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
    own = np.zeros(1)
    begin = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", program], start_new_session=True) as process:
        try:
            sampling.follow(process.pid)
            while own[-1] < 0.5 and time.monotonic() - begin < 60:
                (trace,), _ = sampled(sampling, 0.5)
                found = trace.channels.get("own", own[-1:])
                own = np.append(own, found[~np.isnan(found)])
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    assert np.all(np.diff(own) >= 0)
    assert own[-1] >= 0.5, "the child spins, its parent waits"
    assert np.nanmax(trace.channels["resident"]) > 2**20
    assert np.all(np.diff(trace.channels["switches"]) >= 0)


def test_a_killed_sampler_keeps_what_it_had_written_and_is_started_again_once(started, recording, undisturbed):
    def killed():
        sampling = started(meters=[f"replay:{recording()}?loop"])
        first = sampling.pid
        begin = time.monotonic_ns()
        time.sleep(1.0)
        os.kill(first, signal.SIGKILL)
        end = time.monotonic_ns()
        (trace,) = sampling.take(begin, time.monotonic_ns())
        assert "SIGKILL" in trace.gone
        assert trace.time_ns.size
        assert end - trace.time_ns[-1] < 1e9, "at most a second is lost"
        assert sampling.pid not in {0, first}
        (trace,), _ = sampled(sampling, 0.5)
        assert (trace.gone, trace.time_ns.size > 5) == ("", True)
        return sampling

    sampling = undisturbed(killed)
    os.kill(sampling.pid, signal.SIGKILL)
    (trace,), _ = sampled(sampling, 0.2)
    assert "SIGKILL" in trace.gone
    assert sampling.pid == 0
    (trace,), _ = sampled(sampling, 0.1)
    assert (trace.time_ns.size, "SIGKILL" in trace.gone) == (0, True)
    sampling.follow(os.getpid())


def test_a_time_that_began_before_a_restart_is_incomplete(started, recording):
    sampling = started(meters=[f"replay:{recording()}?loop"])
    begin = time.monotonic_ns()
    os.kill(sampling.pid, signal.SIGKILL)
    time.sleep(0.1)
    sampling.take(begin, time.monotonic_ns())
    (trace,) = sampling.take(begin, time.monotonic_ns())
    assert "SIGKILL" in trace.gone


def test_a_stopped_sampler_is_given_up_within_bounds_and_started_again(started, recording, impatient):
    sampling = started(meters=[f"replay:{recording()}?loop"])
    first = sampling.pid
    os.kill(first, signal.SIGSTOP)
    (trace,), _ = sampled(sampling, 0.3)
    assert "did not answer for 1 s" in trace.gone
    assert sampling.pid not in {0, first}
    assert not Path(f"/proc/{first}").exists()


def test_an_instrument_that_hangs_is_given_up(started, fakes, impatient):
    sampling = started(meters=["hangslater"])
    time.sleep(0.6)
    (trace,), _ = sampled(sampling, 0.2)
    assert "did not answer" in trace.gone


@pytest.mark.parametrize(
    ("meter", "why"), [("hangsatopening", "did not answer for {:g} s"), ("diesatopening", "SIGABRT"),
                       ("raisesatopening", "RuntimeError: no luck"), ("nothing", "unknown meter 'nothing'")],
)  # fmt: skip
def test_a_meter_that_cannot_be_opened_costs_its_own_scope_only(started, fakes, monkeypatch, meter, why):
    for patience_s in (2.0, 10.0, 50.0):  # the meter beside it may need a while on a busy machine
        monkeypatch.setattr(module, "LOOK_S", patience_s)
        sampling = started(meters=[meter, "process"])
        if sampling.about:
            break
    why = why.format(patience_s)
    assert [about.name for about in sampling.about] == ["process"]
    assert why in sampling.missing[meter]
    if meter != "nothing":
        assert why in sampling.why[Scope.GPU]


def test_a_meter_with_options_that_cannot_be_opened_is_left_out_and_named_without_them(started, fakes, impatient):
    sampling = started(meters=["hangsatopening:some.csv?loop&scope=gpu", "process"])
    assert [about.name for about in sampling.about] == ["process"]
    assert sampling.missing["hangsatopening:some.csv"].startswith("hangsatopening:some.csv: the process that reads it")
    assert "loop" not in sampling.why[Scope.GPU]


def last_words(sampling):
    """Why its one instrument says nothing more; empty as long as it does."""
    (trace,), _ = sampled(sampling, 0.2)
    return trace.gone


def test_an_instrument_that_vanishes_says_so(started, fakes, eventually):
    sampling = started(meters=["vanishing"])
    assert eventually(lambda: last_words(sampling)) == "it was unplugged"


def test_a_recording_that_ends_says_so(started, recording, eventually):
    sampling = started(meters=[f"replay:{recording(seconds=0.4)}"])
    assert eventually(lambda: last_words(sampling)) == "the recording ended after 400 ms"


def test_a_counter_of_zero_has_no_tick_and_the_scope_says_why(started, fakes):
    sampling = started(meters=["stuck"])
    assert sampling.tick_s == 0.0
    assert sampling.why[Scope.GPU] == "the energy counter of fake-0 stands still"


def test_of_an_instrument_without_a_counter_it_is_not_said_that_one_stands_still(started, tmp_path):
    path = tmp_path / "power.csv"
    path.write_text("time,power\n" + "".join(f"{n / 10},100\n" for n in range(100)))
    sampling = started("cpu", meters=[f"replay:{path}"])
    assert sampling.tick_s == 0.0
    assert sampling.why[Scope.PACKAGE] == "replay gave no reading of an energy counter"


def test_a_recording_with_a_fault_is_unavailable_with_its_line(started, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("time,power\n0,1\n2,1\n1,1\n")
    sampling = started("cpu", meters=[f"replay:{path}"])
    assert sampling.about == ()
    assert "line 4 goes back in time" in sampling.why[Scope.PACKAGE]


def test_no_process_can_be_started_and_nothing_is_raised(monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", raising)
    with Sampling("cpu", energy=True) as sampling:
        assert "no process to read it can be started" in sampling.why[Scope.PACKAGE]
        assert sampling.take(0, time.monotonic_ns()) == ()
        assert sampling.tick_s == 0.0


def raising(*_arguments, **_options):
    raise OSError(11, "Resource temporarily unavailable")


def test_an_unknown_device_is_refused_before_anything_is_started(monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", raising)
    with pytest.raises(UsageError, match="unknown device"):
        Sampling("gpu", energy=True)


def test_the_sampler_ends_with_a_parent_that_is_killed(recording, eventually):
    program = (
        "import sys, time\nfrom stopwatt.meters.sampling import Sampling\n"
        f"one = Sampling('cuda', energy=True, meters=['replay:{recording()}?loop'])\n"
        "print(one.pid, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        sampler = int(parent.stdout.readline())
        parent.kill()
    assert eventually(lambda: has_ended(sampler)), "it lives on"


def has_ended(pid):
    """Whether a process is no more, or waits only for whoever takes care of orphans."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_an_interrupt_is_left_to_the_parent(started, recording, eventually):
    sampling = started(meters=[f"replay:{recording()}?loop"])
    os.kill(sampling.pid, signal.SIGINT)

    def rows():
        (trace,), _ = sampled(sampling, 0.4)
        assert trace.gone == ""
        return trace.time_ns.size

    assert eventually(rows)


def test_the_sampler_imports_no_torch():
    program = "import sys, stopwatt.meters.sampler; sys.exit('torch' in sys.modules or 'pynvml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
