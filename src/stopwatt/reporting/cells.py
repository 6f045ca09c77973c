"""Estimates as cells of a column whose head names the unit."""

from stopwatt import units
from stopwatt.analyse.estimate import Estimate, Trust
from stopwatt.reporting.console import MISSING

SUSPECT = " ?"
"""Behind a value that may be wrong; the reason stands below the table."""


def interval_cell(estimate: Estimate, scale: units.Scale) -> str:
    """A value with its interval; marked where it is suspect."""
    if estimate.value is None:
        return MISSING
    if estimate.low is None or estimate.high is None:
        return units.column_value(estimate.value, scale) + mark(estimate)
    return units.column_interval(estimate.value, estimate.low, estimate.high, scale) + mark(estimate)


def value_cell(estimate: Estimate, scale: units.Scale) -> str:
    """A value with the digits that its interval supports; marked where it is suspect."""
    if estimate.value is None:
        return MISSING
    half = None if estimate.low is None or estimate.high is None else (estimate.high - estimate.low) / 2
    return units.column_value(estimate.value, scale, half_width=half) + mark(estimate)


def share_cell(estimate: Estimate) -> str:
    """A share from 0 to 1, in thousandths: what few samples say does not bear more."""
    return MISSING if estimate.value is None else f"{estimate.value:.3f}"


def rate_cell(estimate: Estimate) -> str:
    """Three digits: what a capacity is planned with."""
    if estimate.value is None:
        return MISSING
    return (f"{estimate.value:.0f}" if estimate.value >= 100 else f"{estimate.value:.3g}") + mark(estimate)  # noqa: PLR2004


def tail_cell(estimate: Estimate, scale: units.Scale) -> str:
    """A percentile, or how many trials it needs."""
    if estimate.value is None:
        return f"needs {estimate.needs}" if estimate.needs is not None else MISSING
    return units.column_value(estimate.value, scale)


def mark(estimate: Estimate) -> str:
    """What stands behind a value that is suspect."""
    return SUSPECT if estimate.verdict is Trust.SUSPECT else ""
