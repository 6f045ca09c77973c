"""What an analysis says of ways of measuring, and that their cells are nowhere else in it."""

from dataclasses import replace

import numpy as np
import pytest

from stopwatt.analyse.analysis import analyse
from stopwatt.records import Cell, Measurement, Protocol, Samples, Setup, Status, Workload
from stopwatt.ways import Ablation, Collector, Timer, Waiting, Way, sample_name

TRUTH = {Way(sync=Waiting.NONE): 0.1, Way(gc=Collector.RUNNING): 1.0, Way(timer=Timer.TIME): 1.0}
CELL = Cell(Workload("m.py:make"), Setup(), Protocol(), machine="here")


def ordinary(cell=CELL):
    for number in range(3):
        values = np.random.default_rng(number).normal(1e6, 1e4, 100)
        yield Measurement(cell, number, Status.OK, samples={"latency": Samples(np.rint(values).astype(np.int64), "ns")})


def ablated(ways, cell=CELL):
    """Four rounds in which each way reports what the truth says, give or take a thousandth."""
    rules = replace(cell.protocol, ablation=Ablation(tuple(ways)))
    for number in range(4):
        dice = np.random.default_rng(number)
        reference = 2e6 * dice.lognormal(0, 0.01, 2)
        samples = {"latency": Samples(np.rint(np.repeat(reference, 10)).astype(np.int64), "ns")}
        for way in ways:
            samples[sample_name(way)] = Samples(reference * TRUTH[way] * dice.lognormal(0, 0.001, 2), "ns")
            samples[sample_name(way, "reference")] = Samples(reference, "ns")
            samples[sample_name(way, "calls")] = Samples(np.full(2, 10.0), "calls")
        yield Measurement(replace(cell, protocol=rules), number, Status.OK, samples=samples)


@pytest.fixture(scope="module")
def both():
    stages = [*ablated([Way(sync=Waiting.NONE)]), *ablated([Way(gc=Collector.RUNNING), Way(timer=Timer.TIME)])]
    return analyse([*ordinary(), *stages])


def of_kind(analysis, kind):
    return [finding for finding in analysis.findings if finding.kind == kind]


def test_rounds_of_an_ablation_are_a_study_and_no_cells_of_the_grid(both):
    assert [cell.row.cell for cell in both.cells] == [CELL]
    (study,) = both.studies
    assert {one.way for one in study.effects} == set(TRUTH)
    assert len(both.rules) == 2


def test_ordinary_cells_are_analysed_as_without_it(both):
    alone = analyse(ordinary())
    assert [cell.row for cell in both.cells] == [cell.row for cell in alone.cells]
    ways = {"way-of-measuring", "way-without-effect"}
    assert tuple(one for one in both.findings if one.kind not in ways) == alone.findings


def test_a_choice_that_matters_is_a_finding_with_both_times(both):
    (finding,) = of_kind(both, "way-of-measuring")
    assert finding.text.startswith("m.py:make · eager fp32 batch 1 cpu: Without synchronisation you would report 0.2")
    assert finding.numbers["ratio"] == pytest.approx(0.1, rel=0.01)
    assert finding.low < 0.1 < finding.high
    assert finding.cells == both.studies[0].keys


def test_an_error_of_60_x_weighs_no_more_than_missed_deadlines(both):
    (finding,) = of_kind(both, "way-of-measuring")
    assert finding.weight == 2.0


def test_choices_that_do_not_matter_are_one_finding(both):
    (finding,) = of_kind(both, "way-without-effect")
    assert "gc=running" in finding.text
    assert "timer=time" in finding.text
    assert "make no difference to what is reported, within 2 %" in finding.text
    assert (finding.count, finding.of) == (2, 3)


def test_where_there_is_nothing_else_no_finding_says_what_it_is_about():
    alone = analyse(ablated([Way(sync=Waiting.NONE)]))
    assert alone.cells == ()
    (finding,) = of_kind(alone, "way-of-measuring")
    assert finding.text.startswith("Without synchronisation")


def test_of_two_workloads_each_finding_says_which_it_is_about():
    other = replace(CELL, workload=Workload("n.py:make"))
    found = analyse([*ablated([Way(sync=Waiting.NONE)]), *ablated([Way(sync=Waiting.NONE)], other)])
    assert {one.text.partition(" ")[0] for one in of_kind(found, "way-of-measuring")} == {"m.py:make", "n.py:make"}
