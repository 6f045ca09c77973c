"""How far the energy windows of one round support its figures: an interval within one process, and of no other."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from stopwatt.energy import Scope
from stopwatt.meters.meanpower import MeanPower
from stopwatt.stats.quantiles import CONFIDENCE

HALF_WIDTH = "energy.half_width."
"""Before the name of a metric: half the width of its interval within the round's process, relative to its value."""
LEAST_WINDOWS = 2
"""With one nobody knows how much they differ."""


def half_widths(scope: Scope, loaded: MeanPower, batch: int, idle: MeanPower | None) -> dict[str, float]:
    """Half the 95 % interval of metrics of energy, relative to their value in the round.

    Each by the ticks of the counter or by what the windows differ (Student's t), the wider; net energy also by the
    ticks behind the active-idle power.

    Args:
        scope: Of the energy.
        loaded: Power in the energy windows.
        batch: Samples a call.
        idle: Active-idle power; `None` where it is not known, and with it no net energy.

    Returns:
        By name of the metric; empty where there are too few windows, or one in which no call ended.
    """
    seconds = np.array([span.seconds for span in loaded.spans])
    samples = np.array([span.calls * batch for span in loaded.spans], dtype=np.float64)
    if len(samples) < LEAST_WINDOWS or not samples.all():
        return {}
    each = seconds / samples
    joules = np.array(loaded.watts) * each
    values = {
        f"energy_{scope}": joules,
        f"efficiency_{scope}": 1 / joules,
        f"energy_delay_{scope}": joules * each,
        f"power_{scope}": np.array(loaded.watts),
    }
    ticks = math.hypot(*(seconds * loaded.half)) / loaded.joules
    found = {name: max(ticks, _half(one) / float(one.mean())) for name, one in values.items()}
    return found if idle is None else found | _net(scope, joules, each, ticks, idle)


def _net(
    scope: Scope, joules: NDArray[np.float64], each: NDArray[np.float64], ticks: float, idle: MeanPower
) -> dict[str, float]:
    beyond = joules - idle.mean * each
    value = float(beyond.mean())
    if value <= 0:
        return {}
    loaded = max(ticks * float(joules.mean()), _half(beyond))
    return {f"energy_net_{scope}": math.hypot(loaded, idle.half_width * idle.mean * float(each.mean())) / value}


def _half(values: NDArray[np.float64]) -> float:
    """Of the 95 % interval of their mean."""
    n = values.size
    return float(stdtrit(n - 1, (1 + CONFIDENCE) / 2) * values.std(ddof=1)) / math.sqrt(n)
