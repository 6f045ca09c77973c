"""`with stopwatt.meter() as m:` around code of this process."""

import json
import threading
import time

import pytest

import stopwatt
from stopwatt.errors import UsageError
from stopwatt.records import Measured, Suspect, Unavailable


def spin(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def near(reading, value, rel):
    """Whether something was read that is near a value; a sampler that had no turn for long has read nothing."""
    return isinstance(reading, Measured | Suspect) and reading.value == pytest.approx(value, rel=rel)


def test_code_has_the_energy_of_its_time(playing, undisturbed):
    playing(watts=120.0)

    def attempt():
        with stopwatt.meter() as m:
            time.sleep(1.0)
        reading = m.reading("gpu")
        assert near(reading, 120.0 * m.seconds, 0.01)
        assert m.reading("replay") == m.energy["gpu"] == reading
        assert near(m.power["gpu"], 120.0, 0.01)

    undisturbed(attempt)


def test_cpu_time_is_exact_where_this_process_works_alone(playing, undisturbed):
    playing()

    def attempt():
        before = time.process_time()
        with stopwatt.meter() as m:
            spin(0.2)
        after = time.process_time()
        assert 0.2 <= m.process["cpu_time"].value <= after - before + 1e-3

    undisturbed(attempt)


def test_meters_inside_and_after_each_other_share_what_is_sampled(playing, undisturbed):
    playing(watts=50.0)

    def attempt():
        with stopwatt.meter() as outer:
            with stopwatt.meter() as first:
                time.sleep(0.6)
            with stopwatt.meter() as second:
                time.sleep(0.8)
        assert outer.seconds >= first.seconds + second.seconds
        assert all(near(m.reading("gpu"), 50.0 * m.seconds, 0.02) for m in (outer, first, second))
        assert outer.process["cpu_time"].value >= first.process["cpu_time"].value

    undisturbed(attempt)


def test_a_meter_is_used_again(playing, undisturbed):
    playing()
    m = stopwatt.meter()

    def use(seconds):
        with m:
            time.sleep(seconds)
        assert m.seconds >= seconds
        assert near(m.reading("gpu"), 100.0 * m.seconds, 0.02)

    for seconds in (0.5, 0.7):
        undisturbed(lambda lasting=seconds: use(lasting))


def test_an_exception_passes_through_and_the_reading_is_there(playing, undisturbed):
    playing()
    m = stopwatt.meter()

    def fails():
        with m:
            time.sleep(0.5)
            raise ZeroDivisionError

    def attempt():
        with pytest.raises(ZeroDivisionError):
            fails()
        assert near(m.reading("gpu"), 100.0 * m.seconds, 0.02)

    undisturbed(attempt)


def test_a_meter_in_a_thread_reads_too(playing, undisturbed):
    playing()

    def work(found):
        with stopwatt.meter() as m:
            time.sleep(0.5)
        found.append((m.reading("gpu"), m.seconds))

    def attempt():
        found = []
        thread = threading.Thread(target=work, args=(found,))
        thread.start()
        thread.join()
        ((reading, seconds),) = found
        assert near(reading, 100.0 * seconds, 0.05)
        assert reading.unit == "J"

    undisturbed(attempt)


def test_what_is_not_there_says_why(monkeypatch):
    monkeypatch.setenv("STOPWATT_METERS", "null")
    with stopwatt.meter() as m:
        pass
    assert all(isinstance(one, Unavailable) and one.why for one in m.energy.values())
    document = json.loads(m.to_json())
    assert document["scopes"]["package"]["energy"]["value"] is None
    assert "unavailable" in repr(m)


def test_a_running_meter_and_an_unused_one_have_no_reading(playing):
    playing()
    with pytest.raises(UsageError, match="never used"):
        stopwatt.meter().reading("gpu")
    with stopwatt.meter() as m:
        with pytest.raises(UsageError, match="still running"):
            m.reading("gpu")
        with pytest.raises(UsageError, match="running already"):
            m.__enter__()
        assert m.seconds > 0
    assert m.seconds > 0


def test_unknown_names_are_refused_with_the_known_ones(playing):
    playing()
    with stopwatt.meter() as m:
        pass
    with pytest.raises(UsageError, match="gpuu"):
        m.reading("gpuu")
    with pytest.raises(UsageError):
        stopwatt.meter("tpu")


class Cuda:
    """torch.cuda of a machine with two GPUs, of which the second was given memory."""

    def __init__(self):
        self.waited = []

    def is_available(self):
        return True

    def is_initialized(self):
        return True

    def current_device(self):
        return 0

    def device_count(self):
        return 3

    def memory_reserved(self, index):
        return 1 if index == 1 else 0

    def synchronize(self, index):
        self.waited.append(index)


def test_every_gpu_that_has_work_is_waited_for_at_either_end(playing, monkeypatch):
    playing()
    torch = type("Torch", (), {"cuda": Cuda()})()
    monkeypatch.setitem(__import__("sys").modules, "torch", torch)
    with stopwatt.meter():
        assert torch.cuda.waited == [0, 1]
    assert torch.cuda.waited == [0, 1, 0, 1]


def test_a_trace_is_kept_as_the_replay_reads_it(playing, tmp_path):
    from stopwatt.meters.recording import read_recording

    playing(watts=70.0)
    with stopwatt.meter() as m:
        time.sleep(0.5)
    for name in ("kept.csv", "kept.parquet"):
        m.save_trace(tmp_path / name)
        recording = read_recording(tmp_path / name)
        assert recording.time_s[-1] >= 0.5
        assert {"energy", "power"} <= recording.channels.keys()
    with pytest.raises(UsageError, match="there already"):
        m.save_trace(tmp_path / "kept.csv")
