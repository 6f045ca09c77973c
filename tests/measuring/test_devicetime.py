"""A device in steps: everything takes as long as the test says, and nothing is read from a real clock but the notes."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from stopwatt.measuring import devicetime
from stopwatt.measuring.devicetime import DeviceTrials, run_device_trials


@dataclass
class Stepped:
    """A clock that only the host's calls move, and a device that works off its queue beside it."""

    now: int = 0
    free_at: int = 0
    others_free_at: int = 0
    events: dict = field(default_factory=dict)

    def enqueue(self, work_ns):
        self.free_at = max(self.free_at, self.now) + work_ns

    def timer(self, trials):
        assert trials
        return self

    def occupy(self, seconds):
        self.enqueue(round(seconds * 1e9))

    def start(self, trial):
        self.events["start", trial] = max(self.free_at, self.now)

    def stop(self, trial):
        self.events["stop", trial] = max(self.free_at, self.now)

    def has_begun(self, trial):
        return self.events["start", trial] <= self.now

    def wait(self, trial):
        self.now = max(self.now, self.events["stop", trial])

    def synchronize(self):
        self.now = max(self.now, self.free_at, self.others_free_at)

    def elapsed_ns(self, trials):
        return [self.events["stop", trial] - self.events["start", trial] for trial in range(trials)]


@pytest.fixture
def device(monkeypatch):
    stepped = Stepped()
    monkeypatch.setattr(devicetime, "now_ns", lambda: stepped.now)
    return stepped


def _subject(device, submit):
    return SimpleNamespace(device=device, sets=[None, None], submit=submit)


def _launches(device, kernels, launch_ns, kernel_ns):
    def submit(_):
        for _kernel in range(kernels):
            device.now += launch_ns
            device.enqueue(kernel_ns)

    return submit


def test_gaps_of_launching_are_hidden_behind_a_busy_device(device):
    submit = _launches(device, kernels=10, launch_ns=5_000, kernel_ns=1_000)
    measured = run_device_trials(_subject(device, submit), 20, None)
    assert list(measured.device_ns) == [10_000] * 20
    assert measured.exposed == 0
    assert measured.notes() == []


def test_a_call_that_waits_for_the_device_is_named_since_its_gaps_are_in_its_device_time(device):
    def submit(_):
        device.enqueue(1_000)
        device.synchronize()
        device.now += 50_000
        device.enqueue(1_000)

    measured = run_device_trials(_subject(device, submit), 20, None)
    assert min(measured.device_ns) >= 50_000
    assert measured.exposed == 1
    assert [note.kind for note in measured.notes()] == ["device-time-gaps"]


def test_a_slower_submission_than_the_pilot_saw_is_hidden_by_a_longer_wait(device):
    calls = []

    def submit(_):
        calls.append(1)
        device.now += 5_000 if len(calls) <= devicetime.PILOTS else 20_000
        device.enqueue(1_000)

    measured = run_device_trials(_subject(device, submit), 20, None)
    assert list(measured.device_ns) == [1_000] * 20
    assert measured.exposed == 0


def test_work_on_another_stream_is_named_since_the_events_do_not_see_it(device):
    def submit(_):
        device.now += 5_000
        device.others_free_at = max(device.others_free_at, device.now) + 1_000_000

    measured = run_device_trials(_subject(device, submit), 20, None)
    assert max(measured.device_ns) == 0
    assert [note.kind for note in measured.notes()] == ["other-streams"]


def test_the_time_limit_ends_the_series_after_a_whole_trial(device):
    submit = _launches(device, kernels=1, launch_ns=1_000, kernel_ns=1_000_000)
    measured = run_device_trials(_subject(device, submit), 100, 0.01)
    assert 5 <= len(measured.device_ns) <= 15


def test_a_device_without_a_clock_has_no_device_time():
    clockless = SimpleNamespace(timer=lambda trials: None)
    assert run_device_trials(_subject(clockless, None), 10, None) is None


def test_a_short_tail_after_the_end_event_is_no_other_stream():
    assert DeviceTrials(np.full(10, 1e6), 0.0, late_ns=90_000.0).notes() == []
    assert DeviceTrials(np.full(10, 1e6), 0.0, late_ns=110_000.0).notes() != []
    assert DeviceTrials(np.full(10, 1e3), 0.0, late_ns=40_000.0).notes() == []
