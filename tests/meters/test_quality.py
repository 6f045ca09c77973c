"""What a trace says of its instrument."""

import numpy as np
import pytest

from stopwatt.energy import About, Scope, Span, Trace
from stopwatt.meters.quality import Agreement, Trust, quality_of

LOADED = (Span("load", int(4e9), int(9e9)),)
IDLE = (Span("idle", int(0.2e9), int(3.8e9)),)


def joules_at(at):
    return 60 * np.minimum(at, 4) + 400 * np.clip(at - 4, 0, 5) + 60 * np.clip(at - 9, 0, None)


def trace(*, tick=0.1, gain=1.0, averaging=1.0, offset_w=0.0, field="power", seconds=12.0, poll=0.005):
    polls = np.arange(0.0013, seconds, poll)
    joules = np.floor(1000 * gain * joules_at(np.floor(polls / tick) * tick)) / 1000
    state = np.append(True, np.floor(polls[1:] / 0.1) != np.floor(polls[:-1] / 0.1))
    rows = state | np.append(True, joules[1:] != joules[:-1])
    since = np.maximum(polls - averaging, 0)
    watts = offset_w + (joules_at(polls) - joules_at(since)) / (polls - since)
    channels = {"energy": joules[rows], field: np.where(state, watts, np.nan)[rows]}
    return Trace(About("gpu-0", Scope.GPU, "simulated"), np.rint(polls[rows] * 1e9).astype(np.int64), channels)


@pytest.mark.parametrize("tick", [0.02, 0.05, 0.1])
def test_a_sound_instrument_is_believed_and_described(tick):
    found = quality_of(trace(tick=tick), LOADED, IDLE)

    assert found.trust is Trust.BELIEVED
    assert found.why == ""
    assert found.tick_s == pytest.approx(tick, rel=0.01)
    assert found.quantum_j == pytest.approx(0.001)
    assert found.rise_s == pytest.approx(0.9, abs=0.11)
    assert (found.loaded.counter_w, found.loaded.power_w) == pytest.approx((400, 400), rel=0.005)
    assert (found.idle.counter_w, found.idle.power_w) == pytest.approx((60, 60), rel=0.005)


def test_a_counter_that_is_off_under_load_is_suspect():
    found = quality_of(trace(gain=1.04), LOADED, IDLE)

    assert found.trust is Trust.SUSPECT
    assert found.why == "the counter says 416 W and the averaged power 400 W over the same time (+4.0 %)"


def test_a_field_that_is_off_only_when_idle_is_found_out_too():
    found = quality_of(trace(offset_w=3.0), LOADED, IDLE)

    assert found.trust is Trust.SUSPECT
    assert found.why.startswith("the counter says 60.0 W and the averaged power 63.0 W")


def test_an_instant_field_stands_in_for_an_average():
    found = quality_of(trace(field="power_instant", averaging=0.025), LOADED, IDLE)

    assert found.loaded.field == "power_instant"
    assert found.rise_s < 0.2


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda joules: joules * 0, "stays at 0"),
        (lambda joules: np.minimum(joules, 1000), "stood still"),
        (lambda joules: np.where(joules > 1000, joules - 1000, joules), "fell back"),
        (lambda joules: joules * np.nan, "no energy counter"),
    ],
)
def test_a_counter_that_does_not_count_is_useless(change, why):
    sound = trace()
    broken = Trace(sound.about, sound.time_ns, {**sound.channels, "energy": change(sound.channels["energy"])})

    found = quality_of(broken, LOADED, IDLE)

    assert found.trust is Trust.USELESS
    assert why in found.why


def test_without_spans_the_whole_trace_is_looked_at():
    found = quality_of(trace())

    assert found.trust is Trust.BELIEVED
    assert (found.loaded, found.idle, found.rise_s) == (None, None, None)
    assert found.ticks > 100


def test_a_time_without_rows_is_a_gap():
    sound = trace()
    kept = (sound.time_ns < 6e9) | (sound.time_ns > 6.7e9)
    holed = Trace(sound.about, sound.time_ns[kept], {name: values[kept] for name, values in sound.channels.items()})

    found = quality_of(holed, LOADED, IDLE)

    assert found.gap_s == pytest.approx(0.7, abs=0.11)
    assert found.trust is Trust.USELESS


def test_a_trace_of_nothing_is_useless():
    empty = Trace(About("gpu-0", Scope.GPU, "NVML"), np.empty(0, np.int64), {})

    assert quality_of(empty).why == "gpu-0 has no energy counter"


@pytest.mark.parametrize(
    ("counter", "power", "suspect"), [(407.9, 400, False), (409, 400, True), (0, 0, False), (5, 0, True)]
)
def test_two_per_cent_are_the_limit(counter, power, suspect):
    assert bool(Agreement("power", counter, power).why) is suspect
