"""What a dry run says of the time that a sweep will take."""

import pytest

from stopwatt.reporting.foresight import DryRun
from stopwatt.sweeping.forecast import Forecast
from stopwatt.sweeping.foresee import Foresight
from stopwatt.sweeping.grid import Axis, Exclusion, Grid
from stopwatt.sweeping.plan import plan_grid


def told(low, likely, high, *, exclude=(), unknown=0, preparation_s=None):
    """The lines about a grid of 18 rounds."""
    grid = Grid(((Axis("workload", ("synthetic",)),), (Axis("batch", (1, 2, 4)),)), exclude)
    forecast = Forecast(18, 18 - unknown, 0, unknown, low, likely, high)
    foresight = Foresight(forecast, 3, probed=False, done=0, references=1, conversions=0, preparation_s=preparation_s)
    return DryRun(grid, plan_grid(grid), foresight).lines()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        ((0.0, None, None), "not known"),
        ((0.31, None, None), "at least 310 ms"),
        ((40.0, None, None), "at least 40 s"),
        ((0.1, 0.2, 0.3), "under a second"),
        ((0.2, 0.7, 3.0), "under a second, from under a second to 3 s"),
        ((0.2, 2.0, 30.0), "about 2 s, from under a second to 30 s"),
        ((40.0, 40.1, 40.2), "about 40 s"),
        ((40.0, 60.0, 80.0), "about 60 s, from 40 s to 80 s"),
    ],
)
def test_no_time_is_said_to_be_0_seconds(seconds, words):
    assert f"time for 18 rounds: {words}" in told(*seconds)


def test_preparation_of_no_time_is_under_a_second():
    assert any("(under a second more)" in line for line in told(1.0, 2.0, 3.0, preparation_s=0.01))
    assert any("(about 3 s more)" in line for line in told(1.0, 2.0, 3.0, preparation_s=3.0))


def test_one_of_a_thing_is_named_in_the_singular():
    one = (Exclusion((Axis("batch", (1,)),)),)
    lines = told(1.0, None, None, exclude=one, unknown=1)
    assert lines[0] == "2 cells, 1 exclusion"
    assert any("for 1 round the least" in line for line in lines)
