"""From traces and spans to energy with a verdict. The instruments here are simulated: their truth is known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopwatt.energy import (
    ACTIVE_IDLE,
    IDLE,
    REPORTED,
    SCREENING,
    SENTINEL,
    SETTLING,
    WINDOW,
    About,
    Scope,
    Span,
    Trace,
)
from stopwatt.meters.anytime import unlike
from stopwatt.meters.laid import Laid
from stopwatt.meters.spread import HALF_WIDTH
from stopwatt.meters.window import energy_between, energy_of_round
from stopwatt.metrics import METRICS
from stopwatt.records import Measured, Suspect, Unavailable

IDLE_W, READY_W, BUSY_W = 60.0, 90.0, 400.0
BUSY = (4.0, 11.7)
CALLS, BATCH = 200, 4
WINDOWS = ((5.2, 7.2), (7.25, 9.25), (9.4, 11.4))


def span(name, begin, end, calls=0):
    return Span(name, round(begin * 1e9), round(end * 1e9), calls)


SPANS = (
    span(IDLE, 0.1, 1.6),
    span(SETTLING, 4.0, 5.2),
    *(span(WINDOW, begin, end, CALLS) for begin, end in WINDOWS),
    span(ACTIVE_IDLE, 12.0, 13.5),
)


def joules_at(at, busy=BUSY_W):
    starts, (begin, end) = 2.0, BUSY
    alone = np.minimum(at, starts) * IDLE_W
    ready = (np.clip(at - starts, 0, begin - starts) + np.clip(at - end, 0, None)) * READY_W
    return alone + ready + np.clip(at - begin, 0, end - begin) * busy


def trace(
    *,
    name="gpu-0",
    scope=Scope.GPU,
    tick=0.05,
    poll=0.005,
    gain=1.0,
    averaged=1.0,
    instant=None,
    busy=BUSY_W,
    begin=0.0,
    end=14.0,
    change=lambda joules: joules,
    **about,
):
    """What a poller writes down of an instrument: a row for each tick, and one of state ten times a second."""
    polls = np.arange(begin + 0.0013, end, poll)
    ticked = np.floor(polls / tick) * tick
    joules = change(5_000 + gain * joules_at(ticked, busy))
    state = np.append(True, np.floor(polls[1:] / 0.1) != np.floor(polls[:-1] / 0.1))
    rows = state | np.append(True, joules[1:] != joules[:-1])
    channels = {"energy": joules}
    if averaged:
        since = np.maximum(polls - averaged, 0)
        channels["power"] = (joules_at(polls, busy) - joules_at(since, busy)) / (polls - since)
    if instant is not None:
        channels["power_instant"] = np.full(polls.size, instant)
    for at, values in list(channels.items())[1:]:
        channels[at] = np.where(state, values, np.nan)
    return Trace(
        About(name, scope, "simulated", poll_s=poll, **about),
        np.rint(polls[rows] * 1e9).astype(np.int64),
        {at: values[rows] for at, values in channels.items()},
    )


def with_channel(one, name, value_at):
    seconds = one.time_ns / 1e9
    return replace(one, channels={**one.channels, name: np.array([value_at(at) for at in seconds], float)})


def without_rows(one, begin, end, gone=""):
    seconds = one.time_ns / 1e9
    kept = (seconds < begin) | (seconds >= end)
    return Trace(one.about, one.time_ns[kept], {name: values[kept] for name, values in one.channels.items()}, gone)


def of_round(*traces, spans=SPANS, batch=BATCH, rules=SCREENING):
    return energy_of_round(traces, spans, batch, rules)


def gpu(found, metric="energy"):
    return found.readings[f"{metric}_gpu"]


def test_a_steady_round_gives_what_the_device_used():
    found = of_round(trace())
    each = 2.0 / (CALLS * BATCH)

    values = {name: reading.value for name, reading in found.readings.items()}
    assert all(isinstance(reading, Measured) for reading in found.readings.values())
    assert values == pytest.approx(
        {
            "energy_gpu": BUSY_W * each,
            "power_gpu": BUSY_W,
            "power_active_idle_gpu": READY_W,
            "power_idle_gpu": IDLE_W,
            "energy_net_gpu": (BUSY_W - READY_W) * each,
            "efficiency_gpu": 1 / (BUSY_W * each),
            "energy_delay_gpu": BUSY_W * each * each,
        },
        rel=0.002,
    )
    assert found.notes == ()
    assert found.windows["energy_gpu"] == pytest.approx([BUSY_W * each] * 3, rel=0.005)


@pytest.mark.parametrize("scope", [Scope.GPU, Scope.PACKAGE, Scope.DRAM])
def test_each_figure_of_the_windows_says_how_far_its_process_supports_it(scope):
    found = of_round(trace(scope=scope))
    halves = {name.removeprefix(HALF_WIDTH): half for name, half in found.facts.items() if name.startswith(HALF_WIDTH)}

    assert set(halves) == {name for name in found.readings if "idle" not in name}
    assert all(0 < half < 0.005 for half in halves.values())


@pytest.mark.parametrize("scope", [Scope.GPU, Scope.PACKAGE, Scope.DRAM])
def test_every_metric_is_one_that_is_declared_in_its_unit(scope):
    readings = of_round(trace(scope=scope)).readings

    assert {METRICS[name].unit == reading.unit for name, reading in readings.items()} == {True}
    assert set(readings) == {name for name in METRICS if name.endswith(f"_{scope}")}


def test_packages_add_up_and_dram_is_another_metric():
    packages = [trace(name=f"package-{n}", scope=Scope.PACKAGE, averaged=0) for n in range(2)]
    found = of_round(*packages, trace(name="dram-0", scope=Scope.DRAM, averaged=0))

    assert found.readings["power_package"].value == pytest.approx(2 * BUSY_W, rel=0.002)
    assert found.readings["power_dram"].value == pytest.approx(BUSY_W, rel=0.002)
    assert "power_idle_dram" not in found.readings


def test_one_package_that_cannot_be_read_makes_their_sum_unavailable():
    silent = trace(name="package-1", scope=Scope.PACKAGE, change=np.zeros_like)
    found = of_round(trace(name="package-0", scope=Scope.PACKAGE), silent)

    assert found.readings["energy_package"] == Unavailable("the energy counter of package-1 stays at 0")


def test_an_instrument_without_energy_has_no_readings():
    about = About("process", Scope.NONE, "Linux")

    assert of_round(Trace(about, np.array([0, 1]), {"busy": np.array([0.0, 1.0])})).readings == {}


def stopping_at(moment):
    def change(joules):
        return np.minimum(joules, 5_000 + joules_at(np.array(moment)))

    return change


def falling_at(joules):
    """A reset in the second window."""
    limit = 5_000 + joules_at(np.array(8.0))
    return np.where(joules > limit, joules - limit, joules)


FAULTS = {
    "stays at 0": trace(change=np.zeros_like),
    "fell back without a wrap in energy window 2 of 3": trace(change=falling_at),
    "stood still for 1.2": trace(change=stopping_at(8.0)),
    "only 10 ticks": trace(tick=0.2),
    "nothing was read from gpu-0 for 8": without_rows(trace(), 8.0, 8.8),
    "the sampler was killed": without_rows(trace(), 8.0, 99.0, gone="the sampler was killed"),
    "MIG": trace(refused="MIG is on: the counter is that of the whole card"),
    "another process computed on gpu-0 (up to 2) in energy window 3 of 3": with_channel(
        trace(), "others", lambda at: 2.0 if at > 10 else 0.0
    ),
    "has no energy counter": with_channel(trace(), "energy", lambda at: np.nan),
}


@pytest.mark.parametrize(("what", "one"), FAULTS.items(), ids=FAULTS.keys())
def test_what_would_make_a_figure_wrong_withholds_it(what, one):
    found = of_round(one)

    for metric in ("energy", "power", "energy_net", "efficiency", "energy_delay"):
        assert isinstance(gpu(found, metric), Unavailable)
        assert what in gpu(found, metric).why
    assert found.windows == {}


def test_an_empty_trace_says_why_its_instrument_is_gone():
    empty = Trace(About("gpu-0", Scope.GPU, "NVML"), np.empty(0, np.int64), {}, "the GPU fell off its bus")

    assert gpu(of_round(empty)) == Unavailable("the GPU fell off its bus")


def test_an_instrument_that_falls_silent_after_the_windows_has_measured_them():
    found = of_round(without_rows(trace(), 11.5, 99.0, gone="killed"))

    assert isinstance(gpu(found), Measured)
    assert gpu(found, "power_active_idle") == Unavailable("killed in active idle")
    assert gpu(found, "energy_net").why == "no active-idle power: killed in active idle"


def test_without_a_window_or_a_call_there_is_no_energy():
    no_windows = [one for one in SPANS if one.name != WINDOW]
    no_calls = [replace(one, calls=0) for one in SPANS]

    assert gpu(of_round(trace(), spans=no_windows)) == Unavailable("the round has no span of energy window")
    assert "no call" in gpu(of_round(trace(), spans=no_calls)).why
    assert isinstance(gpu(of_round(trace(), spans=no_calls), "power_idle"), Measured)


def test_without_idle_spans_the_gross_energy_stands_and_the_net_does_not():
    found = of_round(trace(), spans=[one for one in SPANS if one.name not in {IDLE, ACTIVE_IDLE}])

    assert isinstance(gpu(found), Measured)
    assert gpu(found, "power_idle") == Unavailable("the round has no span of idle")
    assert isinstance(gpu(found, "energy_net"), Unavailable)


def test_idle_powers_need_fewer_ticks_than_windows():
    found = of_round(trace(tick=0.1), spans=(replace(SPANS[0], end_ns=round(0.9e9)), *SPANS[1:]))
    short = of_round(trace(tick=0.1), spans=(replace(SPANS[0], end_ns=round(0.42e9)), *SPANS[1:]))

    assert gpu(found, "power_idle").value == pytest.approx(IDLE_W, rel=0.01)
    assert "only 4 ticks" in gpu(short, "power_idle").why


def test_an_idle_power_that_was_none_makes_the_net_energy_suspect_and_not_the_gross():
    def falling(joules):
        """The device cools down in the middle of the active idle span."""
        return joules + 1.5 * np.clip(
            np.minimum(joules, 5_000 + joules_at(np.array(12.3))) - 5_000 - joules_at(12.0), 0, None
        )

    found = of_round(trace(change=falling))

    assert isinstance(gpu(found), Measured)
    assert "changed within a window" in gpu(found, "power_active_idle").why
    assert gpu(found, "energy_net").why == gpu(found, "power_active_idle").why


def test_no_more_than_active_idle_is_no_net_energy():
    found = of_round(trace(busy=READY_W - 1))

    assert isinstance(gpu(found), Measured)
    assert gpu(found, "energy_net") == Unavailable("no more than the active-idle power of 90.0 W")


@pytest.mark.parametrize("gain", [0.97, 1.03])
def test_a_counter_that_disagrees_with_the_averaged_power_is_suspect_and_both_figures_are_named(gain):
    found = of_round(trace(gain=gain))

    assert all(isinstance(reading, Suspect) for reading in found.readings.values())
    assert gpu(found).why.startswith(f"the counter says {gain * BUSY_W:.0f} W and the averaged power 400 W")


def test_an_average_is_looked_at_from_a_second_after_the_load_began():
    hurried = [one for one in SPANS if one.name != SETTLING]
    early = [span(WINDOW, 4.0, 6.0, CALLS), *hurried]

    assert isinstance(gpu(of_round(trace(), spans=early)), Measured)


def test_the_instant_power_is_asked_only_where_there_is_no_average():
    both = of_round(trace(instant=200.0))
    alone = of_round(trace(instant=200.0, averaged=0))

    assert isinstance(gpu(both), Measured)
    assert "the instant power 200 W" in gpu(alone).why


def test_without_a_power_field_the_counter_stands_alone_and_that_is_said():
    found = of_round(trace(averaged=0))

    assert isinstance(gpu(found), Measured)
    assert found.facts["energy.gpu.checked_by"].startswith("nothing")


def test_a_step_of_the_load_within_a_window_makes_its_slope_suspect():
    def rising(joules):
        return joules + np.clip(joules - (5_000 + joules_at(np.array(7.75))), 0, None) * 0.5

    found = of_round(trace(change=rising, averaged=0))

    assert isinstance(gpu(found), Suspect)
    assert gpu(found).why.startswith("the power of gpu-0 changed within a window, and the counter ticks every 50.0 ms")


def test_one_uneven_window_among_windows_that_agree_counts_as_what_it_hides_of_all_of_them():
    def wavering(joules):
        """A tenth more for a while, early in the second window."""
        begin, length_j = joules_at(np.array(7.35)), 0.04 * BUSY_W
        return joules + np.clip(joules - (5_000 + begin), 0, length_j) * 0.9

    uneven = of_round(trace(change=wavering, averaged=0))

    assert isinstance(gpu(uneven), Measured)
    assert gpu(uneven).value * 3 * CALLS * BATCH == pytest.approx(6.0 * BUSY_W, rel=0.012)
    assert uneven.facts["energy.gpu.half_width"] > of_round(trace(averaged=0)).facts["energy.gpu.half_width"]


def test_a_step_that_ticks_are_fine_enough_for_is_measured():
    def rising(joules):
        return joules + np.clip(joules - (5_000 + joules_at(np.array(7.75))), 0, None) * 0.5

    found = of_round(trace(change=rising, averaged=0, tick=0.02))
    truth = BUSY_W * (2.0 + 0.5 + 1.5 * 1.5 + 1.5 * 2.0)  # the step is half a second after the second window began

    assert isinstance(gpu(found), Measured)
    assert gpu(found).value * 3 * CALLS * BATCH == pytest.approx(truth, rel=0.005)


def test_windows_that_differ_are_noted():
    def drifting(joules):
        return joules + np.clip(joules - (5_000 + joules_at(np.array(9.3))), 0, None) * 0.04

    found = of_round(trace(change=drifting, averaged=0))

    assert [note.kind for note in found.notes] == ["energy-windows-differ"]
    assert "400 W to 416 W (GPU board)" in found.notes[0].text


def test_the_sentinel_gives_watts_and_joules_a_call_and_its_temperature():
    warm = with_channel(trace(), "temperature", lambda at: 50 + at)
    spans = (*SPANS[:-1], span(SENTINEL, 10.6, 11.6, 250), SPANS[-1])
    found = of_round(warm, spans=spans)

    assert found.facts["energy.gpu.sentinel_w"] == pytest.approx(BUSY_W, rel=0.002)
    assert found.facts["energy.gpu.sentinel_j"] == pytest.approx(BUSY_W / 250, rel=0.002)
    assert found.facts["energy.gpu.sentinel_half_width"] < 0.01
    assert found.facts["energy.gpu.sentinel_temperature"] == pytest.approx(60.6, abs=0.15)
    assert found.readings == of_round(warm).readings  # it is beside the windows, not in them


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (with_channel(trace(), "others", lambda at: at > 11.45), "another process computed on gpu-0"),
        (trace(tick=0.3), "only"),
    ],
)
def test_a_sentinel_of_which_nothing_is_known_says_why(one, why):
    spans = (*SPANS, span(SENTINEL, 11.42, 11.9, 100))
    found = of_round(one, spans=spans)
    if "energy.gpu.ticks" in found.facts:
        assert why in found.facts["energy.gpu.sentinel_why"]
        assert "energy.gpu.sentinel_j" not in found.facts
    else:
        assert isinstance(gpu(found), Unavailable)


def test_windows_that_begin_at_other_temperatures_are_noted():
    warm = with_channel(trace(), "temperature", lambda at: 50 + at)
    found = of_round(warm)

    assert [note.kind for note in found.notes] == ["energy-temperature"]
    assert found.facts["energy.gpu.temperature_spread"] == pytest.approx(4.2, abs=0.1)
    assert of_round(with_channel(trace(), "temperature", lambda at: 60 + at / 5)).notes == ()


def test_the_share_of_capped_and_throttled_readings_is_noted():
    found = of_round(with_channel(trace(), "slowdown", lambda at: 0x04 | 0x20 if 7.2 < at < 9.3 else 0))

    assert [note.kind for note in found.notes] == ["energy-capped", "energy-throttled"]
    assert found.facts["energy.gpu.capped_share"] == pytest.approx(1 / 3, abs=0.01)
    assert of_round(with_channel(trace(), "slowdown", lambda at: 0)).facts["energy.gpu.capped_share"] == 0


def test_fewer_ticks_than_asked_for_are_noted():
    found = of_round(trace(), rules=REPORTED)

    assert [note.kind for note in found.notes] == ["energy-few-ticks"]
    assert isinstance(gpu(found), Measured)


@given(st.permutations(["energy", "power", "temperature"]))
def test_the_order_of_channels_does_not_matter(order):
    one = with_channel(trace(), "temperature", lambda at: 60.0)
    turned = replace(one, channels={name: one.channels[name] for name in order})

    assert of_round(turned) == of_round(one)


@given(shift_ns=st.integers(0, 10**17))
def test_when_it_was_does_not_matter(shift_ns):
    one = trace()
    moved = replace(one, time_ns=one.time_ns + shift_ns)
    spans = [replace(each, begin_ns=each.begin_ns + shift_ns, end_ns=each.end_ns + shift_ns) for each in SPANS]

    assert of_round(moved, spans=spans).readings == of_round(one).readings


@given(wraps=st.floats(300, 20_000))
def test_wraps_do_not_matter(wraps):
    wrapped = of_round(trace(change=lambda joules: joules % wraps, wraps_j=wraps))

    assert gpu(wrapped).value == pytest.approx(gpu(of_round(trace())).value, rel=1e-9)


@given(scale=st.floats(0.01, 100))
def test_energy_scales_with_the_counter_and_the_field(scale):
    one = trace()
    scaled = replace(one, channels={name: values * scale for name, values in one.channels.items()})

    for metric in ("energy", "power", "power_idle", "energy_net"):
        assert gpu(of_round(scaled), metric).value == pytest.approx(scale * gpu(of_round(one), metric).value)


@given(batch=st.integers(1, 512))
def test_a_sample_has_its_share_of_a_batch(batch):
    assert gpu(of_round(trace(), batch=batch)).value * batch == pytest.approx(BUSY_W * 2.0 / CALLS, rel=0.002)


def metered(one, begin, end):
    return energy_between(one, round(begin * 1e9), round(end * 1e9))


def test_the_energy_of_any_time_needs_no_even_load():
    joules, watts = metered(trace(tick=0.02), 3.013, 12.721)
    truth = float(np.diff(joules_at(np.array([3.013, 12.721])))[0])

    assert isinstance(joules, Measured)
    assert joules.value == pytest.approx(truth, rel=0.005)
    assert watts.value == pytest.approx(joules.value / 9.708)


def test_a_load_that_begins_and_ends_with_the_time_is_all_of_it():
    joules, _ = metered(trace(tick=0.02), *BUSY)

    assert joules.value == pytest.approx(BUSY_W * (BUSY[1] - BUSY[0]), rel=0.003)
    assert isinstance(joules, Measured)


def test_what_the_ends_may_hide_makes_a_short_time_suspect():
    joules, watts = metered(trace(tick=0.05), 6.0, 8.0)

    assert isinstance(joules, Suspect)
    assert "the counter ticks every 50.0 ms" in joules.why
    assert joules.why == watts.why


def test_a_wrong_counter_is_suspect_for_any_time_too():
    joules, _ = metered(trace(tick=0.02, gain=1.05), 3.0, 13.0)

    assert "and the averaged power" in joules.why


@pytest.mark.parametrize(
    ("one", "begin", "end", "what"),
    [
        (trace(), 6.0, 6.5, "only"),
        (trace(), 6.0, 6.0, "the time is empty"),
        (trace(), 20.0, 25.0, "nothing was read"),
        (trace(change=np.zeros_like), 3.0, 13.0, "stays at 0"),
        (trace(refused="MIG is on"), 3.0, 13.0, "MIG is on"),
        (trace(change=falling_at), 3.0, 13.0, "fell back"),
    ],
)
def test_a_time_of_which_the_counter_says_nothing_is_unavailable(one, begin, end, what):
    joules, watts = metered(one, begin, end)

    assert isinstance(joules, Unavailable)
    assert what in joules.why
    assert watts == joules


@pytest.mark.parametrize("begin", [5.2, 5.25, 5.3])
def test_a_counter_that_ticks_seldom_is_not_doubted_for_the_parts_of_its_first_and_last_tick(begin):
    nearly_right = Laid(trace(tick=0.1, begin=begin, end=begin + 2.0, gain=0.985))

    assert unlike(nearly_right, 0.0, 2.0) == ""
    assert unlike(Laid(trace(tick=0.1, begin=begin, end=begin + 2.0, gain=1.05)), 0.0, 2.0) != ""
