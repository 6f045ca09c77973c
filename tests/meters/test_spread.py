"""What the energy windows of one process support, beside the intervals that SciPy gives for the same values."""

import numpy as np
import pytest
from scipy import stats

from stopwatt.energy import WINDOW, Scope, Span
from stopwatt.meters.meanpower import MeanPower
from stopwatt.meters.spread import half_widths

BATCH = 4
WATTS = (400.0, 404.0, 399.0)
CALLS = (200, 195, 203)
JOULES = np.array(WATTS) * 2.0 / (np.array(CALLS) * BATCH)
EACH = 2.0 / (np.array(CALLS) * BATCH)


def power(watts=WATTS, calls=CALLS, half=0.01):
    spans = tuple(Span(WINDOW, n * 3 * 10**9, (n * 3 + 2) * 10**9, one) for n, one in enumerate(calls))
    return MeanPower(spans, tuple(watts), (half,) * len(watts), 40, "")


def relative(values):
    """Half of SciPy's t-interval of the mean, relative to it."""
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    return (high - low) / 2 / np.mean(values)


def test_each_figure_has_the_t_interval_of_its_windows():
    found = half_widths(Scope.GPU, power(), BATCH, None)
    assert found == pytest.approx(
        {
            "energy_gpu": relative(JOULES),
            "power_gpu": relative(WATTS),
            "efficiency_gpu": relative(1 / JOULES),
            "energy_delay_gpu": relative(JOULES * EACH),
        }
    )


def test_windows_that_agree_are_not_more_certain_than_the_ticks_that_they_were_read_from():
    found = half_widths(Scope.GPU, power((400.0,) * 3, (200,) * 3, half=4.0), BATCH, None)
    assert found["energy_gpu"] == found["power_gpu"] == pytest.approx(0.01 / np.sqrt(3))


def test_of_net_energy_the_doubt_about_the_idle_power_is_a_part():
    def net(half):
        idle = MeanPower((Span("active idle", 0, 10**9),), (100.0,), (half,), 20, "")
        return half_widths(Scope.GPU, power(), BATCH, idle)["energy_net_gpu"]

    assert net(0.0) == pytest.approx(relative(JOULES - 100 * EACH))
    assert net(3.0) == pytest.approx(np.hypot(net(0.0), 3.0 * EACH.mean() / (JOULES - 100 * EACH).mean()))


def test_net_energy_that_is_lost_in_the_idle_power_has_none():
    idle = MeanPower((Span("active idle", 0, 10**9),), (500.0,), (1.0,), 20, "")
    assert "energy_net_gpu" not in half_widths(Scope.GPU, power(), BATCH, idle)


@pytest.mark.parametrize(("watts", "calls"), [((400.0,), (200,)), ((400.0, 401.0), (200, 0))])
def test_one_window_alone_or_one_without_a_call_supports_nothing(watts, calls):
    assert half_widths(Scope.GPU, power(watts, calls), BATCH, None) == {}
