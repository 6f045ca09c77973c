"""Figures as the pages write them: with as many digits as their interval supports, without one where there is none."""

from stopwatt.analyse.estimate import Estimate
from stopwatt.stats.ratios import Ratio
from stopwatt.units import interval, quantity


def estimate_text(one: Estimate) -> str:
    """A quantity with its unit."""
    if one.value is None:
        return "-"
    if one.low is None or one.high is None:
        return quantity(one.value, one.unit)
    return interval(one.value, one.low, one.high, one.unit)


def ratio_text(one: Ratio) -> str:
    """So many times."""
    if one.value is None:
        return "-"
    if one.low is None or one.high is None:
        return f"{one.value:.3g} x"
    return interval(one.value, one.low, one.high, "x")
