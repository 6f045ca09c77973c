"""What is said of labelled trials, and of slow trials that come with a label."""

import numpy as np
import pytest

from stopwatt.analyse.analysis import analyse
from stopwatt.analyse.labels import Label

CAP = 0x04


def capped(n, places, clock=(1980.0, 1410.0)):
    """The power cap holds, with a lower clock, after these readings."""
    flags = np.isin(np.arange(n), places)
    return {"slowdown": np.where(flags, CAP, 0.0), "sm_clock": np.where(flags, clock[1], clock[0])}


def readings(trials, each_ms=10.0, slow=0, factor=1.5):
    return len(np.arange(-200, (trials + slow * (factor - 1)) * each_ms + 200, 100))


def slow_where(places, each=4):
    """Every so many trials of the stretches after these readings, in rounds of 10 ms trials."""
    return tuple(trial for place in places for trial in range((place - 2) * 10, (place - 1) * 10, each))


def of_kind(analysis, kind):
    return [one for one in analysis.findings if one.kind == kind]


def test_capped_trials_are_told_with_their_share_and_clock(planted):
    found = analyse([planted(capped(14, [4]), number=number) for number in range(3)])
    (one,) = of_kind(found, "labelled-trials")
    assert one.text == "10 % of the trials ran power-capped at 1,410 MHz"
    assert one.numbers["share"] == pytest.approx(0.1)
    assert one.numbers["trials"] == 30


def test_how_much_slower_they_were_is_told_where_there_are_enough(planted):
    trials = 400
    slow = tuple(range(100, 200))
    n = readings(trials, slow=len(slow), factor=1.2)
    places = range(12, 24)
    found = analyse([planted(capped(n, places), trials=trials, slow=slow, factor=1.2, jitter=0.003)])
    (one,) = of_kind(found, "labelled-trials")
    assert one.text == "25 % of the trials ran power-capped at 1,410 MHz, with 1.20 x the median of the others"


def test_trials_of_which_it_is_not_known_are_not_counted_as_free_of_it(planted):
    flags = capped(14, [4])
    flags["slowdown"][8:] = np.nan
    (one,) = of_kind(analyse([planted(flags)]), "labelled-trials")
    assert one.text.startswith("20 % of those watched ran power-capped")


@pytest.mark.parametrize("channels", [{}, {"slowdown": 0.0, "others": 0.0}])
def test_a_quiet_run_says_nothing(planted, channels):
    assert not of_kind(analyse([planted(channels)]), "labelled-trials")


def test_over_a_grid_it_is_one_finding_with_the_worst_cell(planted):
    rounds = [
        planted(capped(14, places), hidden=hidden, number=number)
        for hidden, places in ((8, []), (16, [4]), (32, [4, 5, 6]))
        for number in range(2)
    ]
    (one,) = of_kind(analyse(rounds), "labelled-trials")
    assert one.text == (
        "In 2 of 3 cells trials ran power-capped at 1,410 MHz: 20 % of them in the median, at most 30 % (at hidden=32)"
    )
    assert (one.count, one.of) == (2, 3)


def clustered(planted, places, with_cap, **fields):
    """A round of 1,000 trials of which every second in some stretches takes 1.5 x."""
    slow = slow_where(places, each=2)
    n = readings(1000, slow=len(slow))
    times = np.full(1000, 10.0)
    times[list(slow)] *= 1.5
    starts = np.cumsum(times) - times
    capped_at = sorted({2 + int(starts[trial] // 100) for trial in slow}) if with_cap is None else with_cap
    return planted(capped(n, capped_at), trials=1000, slow=slow, jitter=0.004, **fields)


def test_a_cluster_that_comes_with_the_cap_is_told_with_both_shares_and_the_chance(planted):
    dice = np.random.default_rng(1)
    rounds = [
        clustered(planted, dice.choice(np.arange(3, 100), 8, replace=False), None, number=number) for number in range(3)
    ]
    found = analyse(rounds)
    (one,) = of_kind(found, "coincidence")
    assert one.text.startswith("100 % of the 120 trials at 1.50 x the main mode ran power-capped, and ")
    assert one.text.endswith("of the main mode's 2,880: more than chance brings together (p < 0.0001)")
    (together,) = found.cells[0].coincidences
    assert together.label is Label.POWER_CAPPED
    assert together.inside == together.of_inside == 120
    assert together.other_share < 0.2


def test_a_cluster_that_has_nothing_to_do_with_the_cap_is_not_blamed_on_it(planted):
    dice = np.random.default_rng(2)
    rounds = [
        clustered(
            planted,
            dice.choice(np.arange(3, 100), 8, replace=False),
            dice.choice(np.arange(3, 100), 20, replace=False),
            number=number,
        )
        for number in range(3)
    ]
    assert len(analyse(rounds).cells[0].shape.clusters) == 2
    assert not of_kind(analyse(rounds), "coincidence")


def test_one_burst_inside_one_stretch_is_no_proof(planted):
    """A test of single trials would say p < 1e-9."""
    one = clustered(planted, [40], list(range(30, 60)))
    found = analyse([one])
    assert len(found.cells[0].shape.clusters) == 2
    assert not found.cells[0].coincidences


def test_estimates_of_latency_stay_over_all_trials(planted):
    slow = slow_where(range(20, 60), each=1)
    with_labels = planted(capped(readings(1000, slow=len(slow)), range(20, 60)), trials=1000, slow=slow)
    without = planted({}, trials=1000, slow=slow)
    one, other = (analyse([found]).cells[0].row.estimates for found in (with_labels, without))
    assert one["latency"] == other["latency"]
    assert one["latency"].n == 1000
    assert one["latency_max"] == other["latency_max"]
