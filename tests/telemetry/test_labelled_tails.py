"""A statement about the tail says with how many labelled trials it was made."""

from dataclasses import replace

import numpy as np
import pytest

from stopwatt.analyse.analysis import analyse
from stopwatt.analyse.document import to_document
from stopwatt.analyse.labels import Label
from stopwatt.analyse.worst import worst_cases
from stopwatt.records import Samples
from stopwatt.reporting.charts.deadline import DEADLINE
from stopwatt.reporting.html.details import details_of
from stopwatt.reporting.worst import labelled_line

HOT = {"slowdown": np.where(np.arange(30) == 4, 0x20, 0.0)}


@pytest.fixture
def hot(planted):
    """1,000 trials in four rounds; ten of each ran throttled, the longest of all among them."""
    return [planted(HOT, trials=250, slow=(25,) if number == 2 else (), number=number) for number in range(4)]


def test_it_counts_the_labelled_trials_and_says_whether_the_longest_is_one(hot):
    (case,) = worst_cases(hot)
    assert case.n == 1000
    assert case.labelled == {Label.THROTTLED: 40}
    assert case.max_labels == (Label.THROTTLED,)
    ran = "ran throttled (for heat or the power supply)"
    assert labelled_line(case) == f"of the 1,000 trials 40 {ran}; the longest one {ran}"


def test_a_longest_trial_without_a_label_is_told_too(planted):
    (case,) = worst_cases([planted(HOT, trials=250, slow=(100,))])
    assert case.max_labels == ()
    assert labelled_line(case).endswith("; the longest one had none of these")


def test_labelled_trials_count_like_all_others(hot):
    (case,) = worst_cases(hot, [0.012])
    (bare,) = worst_cases([replace(one, traces=()) for one in hot], [0.012])
    assert case.deadlines == bare.deadlines
    assert (case.max_s, case.n) == (bare.max_s, bare.n)


def test_without_instruments_it_is_not_known_and_not_nothing(planted):
    (case,) = worst_cases([planted(trials=250)])
    assert case.labelled is None
    assert labelled_line(case) == ""


def test_paced_requests_before_the_load_and_under_it_are_counted_apart(paced_round):
    paced = replace(paced_round.cell.protocol.paced, load="cpu")
    protocol = replace(paced_round.cell.protocol, paced=paced)
    one = replace(paced_round, cell=replace(paced_round.cell, protocol=protocol), facts={"load_from": 5})
    before, under = worst_cases([one])
    assert (before.load, before.labelled, before.max_labels) == ("", {Label.POWER_CAPPED: 1}, (Label.POWER_CAPPED,))
    assert (under.load, under.labelled) == ("cpu", {})


def test_the_document_has_the_counts_or_null(hot, planted):
    def worst(rounds):
        (cell,) = analyse(rounds, deadlines=[0.012]).cells
        return to_document([replace(cell.row, worst=cell.worst)])["rows"][0]["worst"][0]

    assert (worst(hot)["labelled"], worst(hot)["max_labels"]) == ({"throttled": 40}, ["throttled"])
    assert worst([planted(trials=250)])["labelled"] is None


def test_the_page_and_its_deadline_curve_say_so(hot):
    (cell,) = analyse(hot, deadlines=[0.012]).cells
    assert " ".join(DEADLINE.chart(cell).title.subtitle).endswith("closed loop; 40 throttled among them")
    assert details_of(cell, "", (), 500).annexes[0].startswith("latency: of the 1,000 trials 40 ran throttled")


def test_a_trial_that_cannot_be_one_is_still_rejected(hot):
    spoilt = hot[0].samples["latency"].values.copy()
    spoilt[3] = -1
    bad = replace(hot[0], samples=hot[0].samples | {"latency": Samples(spoilt, "ns")})
    assert worst_cases([bad]) == ()
