from dataclasses import dataclass, replace

import numpy as np
import pytest

from stopwatt.measuring import warmup
from stopwatt.measuring.warmup import warm_up
from stopwatt.records import Warmup

RULES = Warmup(min_calls=10, min_seconds=0.0, window_calls=50, window_seconds=0.0, cap_seconds=1.0, tolerance=0.05)


@dataclass
class Clock:
    """A clock that only the scripted calls move: whether they are steady is known, whatever else runs."""

    ns: int = 10**15

    def scripted(self, durations_ns):
        """A call that lasts as long as the script says, its last entry for ever."""
        script = iter(durations_ns)
        last = [0]

        def call(_):
            last[0] = next(script, last[0])
            self.ns += last[0]

        return call


@pytest.fixture
def clock(monkeypatch):
    planted = Clock()
    monkeypatch.setattr(warmup, "now_ns", lambda: planted.ns)
    return planted


def test_a_steady_call_is_steady_after_two_windows(clock):
    warmed = warm_up(clock.scripted([100_000]), [0], RULES, device_seconds=0.0)
    assert warmed.steady
    assert warmed.note() is None
    assert warmed.calls == 10 + 2 * 50


def test_a_slow_beginning_is_warmed_away(clock):
    beginning = list(np.linspace(2_000_000, 200_000, 150).astype(int))
    warmed = warm_up(clock.scripted([*beginning, 200_000]), [0], RULES, device_seconds=0.0)
    assert warmed.steady
    assert warmed.calls > 200
    assert set(warmed.latency_ns[-50:]) == {200_000}


def test_a_call_that_never_settles_ends_at_the_cap_and_says_so(clock):
    rules = Warmup(min_calls=5, min_seconds=0.0, window_calls=20, window_seconds=0.0, cap_seconds=0.3, tolerance=0.01)
    growing = (int(20_000 * 1.01**n) for n in range(10_000))
    warmed = warm_up(clock.scripted(growing), [0], rules, device_seconds=0.0)
    assert not warmed.steady
    note = warmed.note()
    assert note is not None
    assert note.kind == "no-steady-state"
    assert note.now


def test_the_least_time_of_the_device_is_kept(clock):
    begin = clock.ns
    warm_up(clock.scripted([10_000]), [0], replace(RULES, min_seconds=None), device_seconds=0.2)
    assert clock.ns - begin >= 200_000_000


def test_a_slow_model_gets_shorter_windows_instead_of_minutes(clock):
    rules = Warmup(
        min_calls=2, min_seconds=0.0, window_calls=10_000, window_cap_seconds=0.05, cap_seconds=5.0, tolerance=0.5
    )
    warmed = warm_up(clock.scripted([2_000_000]), [0], rules, device_seconds=0.0)
    assert warmed.steady
    assert warmed.calls < 500


def test_every_input_set_is_used():
    seen = set()
    warm_up(seen.add, list(range(8)), RULES, device_seconds=0.0)
    assert seen == set(range(8))
