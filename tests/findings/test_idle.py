"""What a pause before each call does to its latency."""

import numpy as np
import pytest
from planted_grids import row

from stopwatt.analyse.findings.idle import find_idle
from stopwatt.analyse.grid import arrange
from stopwatt.analyse.scaling import scaling_of
from stopwatt.records import Protocol, Strength


def grid_of(factors, hiddens=(64, 128)):
    """Medians of four rounds that a pause makes longer by a factor."""
    dice = np.random.default_rng(0)
    return arrange(
        [
            row(
                factor * hidden * 1e-5 * np.exp(dice.normal(0, 0.002, 4)),
                protocol=Protocol(idle_s=pause),
                hidden=hidden,
            )
            for pause, factor in factors.items()
            for hidden in hiddens
        ]
    )


def the_finding(grid):
    (found,) = find_idle(grid, scaling_of(grid).noise)
    return found


def test_the_pause_that_changes_most_is_told_with_its_ratio():
    found = the_finding(grid_of({0.0: 1.0, 0.001: 1.2, 0.1: 2.5}))
    assert found.text == "After a pause of 100 ms a call takes 2.5 x what it takes without one, in both places"
    assert found.numbers["ratio"] == pytest.approx(2.5, rel=0.01)
    assert found.numbers["ratio after 0.001 s"] == pytest.approx(1.2, rel=0.01)
    assert found.strength is Strength.SHOWN
    assert 2.4 < found.low < found.high < 2.6


def test_that_pauses_change_nothing_is_said_as_strongly():
    found = the_finding(grid_of({0.0: 1.0, 0.01: 1.0}))
    assert found.text.startswith("Pauses change nothing")
    assert found.strength is Strength.SHOWN


def test_at_one_place_the_sentence_names_it_and_gives_the_interval():
    found = the_finding(grid_of({0.0: 1.0, 0.01: 2.0}, hiddens=(64,)))
    assert "10.0 ms a call takes 2" in found.text
    assert find_idle(grid_of({0.0: 1.0})) == []


def test_a_pause_is_no_size_along_which_latency_grows():
    scaling = scaling_of(grid_of({0.001: 1.0, 0.01: 0.8, 0.1: 1.5}))
    assert {growth.line.axis.name for growth in scaling.growths} == {"hidden"}
    assert scaling.inversions == ()
