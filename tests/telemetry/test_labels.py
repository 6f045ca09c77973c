"""Which trials get a label, and of which it is not known."""

from dataclasses import replace

import numpy as np
import pytest

from stopwatt.analyse.labels import MEANINGS, Label, counts_of, watch, watch_paced
from stopwatt.energy import CHANNELS, Trace

CAP, HOT = 0x04, 0x20


def at(places, n=14, value=1.0):
    """Readings that are 0 but at some places; reading 2 is made as trial 0 begins, reading 3 as trial 10 does."""
    values = np.zeros(n)
    values[list(places)] = value
    return values


def grown(steps):
    return np.concatenate([[7.0], 7.0 + np.cumsum(steps)])


def labelled(measurement, label):
    return np.flatnonzero(watch(measurement).seen[label].flags).tolist()


def known(measurement, label):
    return np.flatnonzero(watch(measurement).seen[label].known).tolist()


def test_a_state_holds_from_one_reading_to_the_next(planted):
    one = planted({"slowdown": at([4], value=CAP)})
    assert labelled(one, Label.POWER_CAPPED) == list(range(20, 30))


def test_a_difference_of_a_count_belongs_to_all_trials_between_the_two_readings(planted):
    one = planted({"throttled_count": grown(at([4], n=13))})
    assert labelled(one, Label.CPU_THROTTLED) == list(range(20, 30))


def test_a_trial_longer_than_the_readings_are_apart_has_what_was_read_anywhere_in_it(planted):
    one = planted({"slowdown": at([3], n=24, value=HOT)}, trials=4, each_ms=500)
    assert labelled(one, Label.THROTTLED) == [0]


def test_a_trial_before_the_first_reading_or_after_the_last_is_not_known(planted):
    one = planted({"slowdown": at([], value=CAP)})
    trace = one.traces[0]
    fewer = Trace(trace.about, trace.time_ns[4:8], {"slowdown": trace.channels["slowdown"][4:8]})
    one = replace(one, traces=(fewer,))
    assert known(one, Label.POWER_CAPPED) == list(range(20, 50))
    assert labelled(one, Label.POWER_CAPPED) == []


def test_readings_too_far_apart_say_nothing_of_the_time_between_them(planted):
    one = planted({"slowdown": at(range(34), n=34, value=CAP)}, trials=300)
    trace = one.traces[0]
    kept = np.r_[0:5, 20:34]
    one = replace(
        one, traces=(Trace(trace.about, trace.time_ns[kept], {"slowdown": trace.channels["slowdown"][kept]}),)
    )
    silent = set(range(300)) - set(known(one, Label.POWER_CAPPED))
    assert silent == set(range(20, 180))
    assert labelled(one, Label.POWER_CAPPED) == known(one, Label.POWER_CAPPED)


def test_a_row_in_which_a_channel_was_not_read_says_nothing_of_it(planted):
    slowdown = at([4], value=CAP)
    slowdown[5] = np.nan
    assert labelled(planted({"slowdown": slowdown}), Label.POWER_CAPPED) == list(range(20, 40))


@pytest.mark.parametrize(
    ("bits", "label"),
    [
        (0x04, Label.POWER_CAPPED),
        (0x08, Label.THROTTLED),
        (0x20, Label.THROTTLED),
        (0x40, Label.THROTTLED),
        (0x80, Label.THROTTLED),
    ],
)
def test_every_reason_for_a_lower_clock_has_its_label(planted, bits, label):
    assert set(counts_of(watch(planted({"slowdown": at([4], value=bits)})))) == {label}


@pytest.mark.parametrize("bits", [0x01, 0x02, 0x10, 0x100])
def test_an_idle_gpu_and_a_clock_that_was_asked_for_are_no_throttling(planted, bits):
    assert counts_of(watch(planted({"slowdown": at([4], value=bits)}))) == {}


def test_another_process_on_the_gpu_labels_what_runs_beside_it(planted):
    assert labelled(planted({"others": at([4])}), Label.FOREIGN_GPU) == list(range(20, 30))


@pytest.mark.parametrize(("ticks", "found"), [(3, 0), (4, 0), (5, 10)])
def test_foreign_load_is_what_the_kernels_ticks_can_tell_and_some_more(planted, ticks, found):
    """On 2 CPUs: a tick of 10 ms on each, one in our own time, and 5 % of both for 100 ms."""
    busy = grown(np.full(13, 0.1) + at([4], n=13, value=ticks * 0.01))
    one = planted({"busy": busy, "own": grown(np.full(13, 0.1))})
    assert len(labelled(one, Label.FOREIGN_LOAD)) == found


@pytest.mark.parametrize(("ticks", "found"), [(2, 0), (3, 10)])
def test_stolen_time_is_more_than_a_tick_on_every_cpu(planted, ticks, found):
    one = planted({"steal": grown(at([4], n=13, value=ticks * 0.01))})
    assert len(labelled(one, Label.STOLEN)) == found


def test_without_the_number_of_cpus_their_counters_tell_nothing(planted):
    one = planted({"steal": grown(at([4], n=13)), "slowdown": 0.0}, cpus=0)
    assert set(watch(one).seen) == {Label.POWER_CAPPED, Label.THROTTLED}


def test_a_counter_that_falls_is_another_counter(planted):
    own = grown(np.full(13, 0.1))
    own[6:] -= 0.5
    one = planted({"busy": grown(np.full(13, 0.1)), "own": own})
    assert labelled(one, Label.FOREIGN_LOAD) == []
    assert set(range(100)) - set(known(one, Label.FOREIGN_LOAD)) == set(range(30, 40))


def test_what_one_instrument_says_counts_beside_what_another_does_not(planted):
    capped, hot = planted({"slowdown": at([4], value=CAP)}), planted({"heat_throttles": grown(at([6], n=13))})
    both = replace(capped, traces=(*capped.traces, *hot.traces))
    assert counts_of(watch(both)) == {Label.POWER_CAPPED: 10, Label.THROTTLED: 10}


def test_a_request_was_served_in_the_last_part_of_its_response(paced_round):
    """Request 2 was due at 40 ms, waited 15 ms and was served until 57 ms."""
    assert np.flatnonzero(watch_paced(paced_round).seen[Label.POWER_CAPPED].flags).tolist() == [2]
    assert watch(paced_round) is None


def test_the_state_at_each_trial_is_that_of_the_reading_before(planted):
    clock = np.arange(14) * 100.0
    held = watch(planted({"sm_clock": clock})).held("sm_clock")
    assert held.tolist() == np.repeat(clock[2:12], 10).tolist()
    assert watch(planted({"sm_clock": clock})).held("power") is None


@pytest.mark.parametrize("lacking", ["traces", "spans", "started"])
def test_a_round_whose_times_are_not_known_is_not_watched(planted, lacking):
    one = planted({"slowdown": 0.0})
    samples = {name: values for name, values in one.samples.items() if name != lacking}
    assert watch(replace(one, samples=samples, **({} if lacking == "started" else {lacking: ()}))) is None


def test_an_empty_round_has_empty_labels(planted):
    one = planted({"slowdown": at([4], value=CAP)})
    none = {name: replace(values, values=values.values[:0]) for name, values in one.samples.items()}
    assert counts_of(watch(replace(one, samples=none))) == {}


def test_every_label_has_its_meaning_and_every_channel_of_the_rules_exists(planted):
    assert set(MEANINGS) == set(Label)
    everything = {name: grown(np.ones(13)) if channel.counts else 1.0 for name, channel in CHANNELS.items()}
    assert set(watch(planted(everything)).seen) == set(Label)
