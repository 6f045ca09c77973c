"""Series on a device in steps: the host needs what the test says to submit a call, the device what it says to do it."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from stopwatt.measuring import clock, trials
from stopwatt.measuring.operators import series
from stopwatt.measuring.operators.series import CALL, DEVICE, SUBMIT, measure
from stopwatt.operators.replay import ReplayRules

RULES = ReplayRules(samples=30, seconds=1.0, least=3, sample_s=2e-5, settle_s=1e-3)


@dataclass
class Stepped:
    """A clock that only the host's calls move, and a device that works off its queue beside it."""

    kind: str = "cuda"
    name: str = "cuda:0"
    now: int = 0
    free_at: int = 0
    records: bool = True
    launch_ns: int = 0
    recording: list | None = None
    events: dict = field(default_factory=dict)

    def enqueue(self, work_ns):
        if self.recording is not None:
            self.recording.append(work_ns)
        else:
            self.free_at = max(self.free_at, self.now) + work_ns

    def synchronize(self):
        self.now = max(self.now, self.free_at)

    def occupy(self, seconds):
        self.enqueue(round(seconds * 1e9))

    def timer(self, trials):
        return self if self.kind == "cuda" else None

    def capture(self, work):
        if not self.records:
            raise RuntimeError("operation not permitted when stream is capturing")
        self.recording = []
        work()
        work_ns, self.recording = sum(self.recording), None

        def again():
            self.now += self.launch_ns
            self.enqueue(work_ns)

        return again

    def start(self, trial):
        self.events["start", trial] = max(self.free_at, self.now)

    def stop(self, trial):
        self.events["stop", trial] = max(self.free_at, self.now)

    def has_begun(self, trial):
        return self.events["start", trial] <= self.now

    def elapsed_ns(self, trials):
        return [self.events["stop", trial] - self.events["start", trial] for trial in range(trials)]


@dataclass
class Played:
    """An operator that takes the host `submit_ns` to give away and the device `work_ns`; some wait for the device."""

    device: Stepped
    submit_ns: int
    work_ns: int = 0
    waits: bool = False
    most_calls: int = 2**62
    ready: int = 0
    prepared: list = field(default_factory=list)
    refreshed: int = 0

    def prepare(self, calls):
        self.ready = calls
        self.prepared.append(calls)

    def prepare_rounds(self, calls):
        self.ready = calls
        return calls

    def refresh(self):
        self.refreshed += 1

    def play(self):
        for _ in range(self.ready):
            self.device.now += self.submit_ns
            self.device.enqueue(self.work_ns)
            if self.waits:
                self.device.synchronize()


@pytest.fixture
def stepped(monkeypatch):
    def make(**how):
        device = Stepped(**how)
        monkeypatch.setattr(clock, "now_ns", lambda: device.now)
        monkeypatch.setattr(
            trials.run_trials, "__kwdefaults__", {**trials.run_trials.__kwdefaults__, "clock": clock.now_ns}
        )
        return device

    return make


def values(found, name):
    return set(np.round(found.samples[name].values, 6))


def test_on_a_cpu_a_sample_is_as_many_calls_as_take_the_least_time(stepped):
    device = stepped(kind="cpu", name="cpu")
    found = measure(Played(device, 3000), device, RULES)
    assert found.calls == 7
    assert set(found.samples) == {CALL}
    assert values(found, CALL) == {3000.0}
    assert found.samples[CALL].values.dtype == np.float64
    assert found.samples[CALL].values.size == RULES.samples


def test_a_long_call_is_a_sample_of_its_own(stepped):
    device = stepped(kind="cpu", name="cpu")
    assert measure(Played(device, 10**6), device, RULES).calls == 1


def test_a_sample_has_no_more_calls_than_may_follow_each_other(stepped):
    device = stepped(kind="cpu", name="cpu")
    played = Played(device, 100, most_calls=8)
    assert measure(played, device, RULES).calls == 8
    assert max(played.prepared) == 8


def test_the_time_ends_the_samples_but_not_before_the_least(stepped):
    device = stepped(kind="cpu", name="cpu")
    found = measure(Played(device, 10**9), device, RULES)
    assert found.samples[CALL].values.size == RULES.least


def test_on_a_gpu_submitting_waiting_and_working_are_three_series(stepped):
    device = stepped()
    found = measure(Played(device, 4000, 9000), device, RULES)
    assert values(found, CALL) == {13000.0}
    assert values(found, SUBMIT) == {4000.0}
    assert values(found, DEVICE) == {9000.0}


def test_what_cannot_be_recorded_is_queued_behind_a_busy_device(stepped):
    device = stepped(records=False)
    found = measure(Played(device, 4000, 1000), device, RULES)
    assert values(found, DEVICE) == {1000.0}


def test_a_recording_that_takes_long_to_launch_is_hidden_behind_a_longer_wait(stepped):
    device = stepped(launch_ns=700_000)
    found = measure(Played(device, 4000, 9000), device, RULES)
    assert values(found, DEVICE) == {9000.0}


def test_what_waits_for_the_device_itself_has_no_time_on_the_device(stepped):
    device = stepped(records=False)
    found = measure(Played(device, 4000, 1000, waits=True), device, RULES)
    assert set(found.samples) == {CALL, SUBMIT}


def test_what_a_recording_wrote_is_restored_before_each_replay(stepped):
    device = stepped()
    played = Played(device, 4000, 9000)
    found = measure(played, device, RULES)
    assert played.refreshed > found.samples[DEVICE].values.size


def test_a_recording_runs_long_enough_for_the_clock_of_the_device(stepped):
    device = stepped()
    played = Played(device, 1000, 1000)
    lengths = []
    played.prepare_rounds = lambda calls: lengths.append(calls) or Played.prepare_rounds(played, calls)
    measure(played, device, RULES)
    assert lengths[0] * 2000 >= series._RECORDED_S * 1e9


def test_an_interrupt_is_the_users_and_ends_the_series(stepped):
    device = stepped(kind="cpu", name="cpu")
    played = Played(device, 1000)
    plain = played.prepare

    def prepare(calls):
        if calls > 1:
            raise KeyboardInterrupt
        plain(calls)

    played.prepare = prepare
    with pytest.raises(KeyboardInterrupt):
        measure(played, device, RULES)
