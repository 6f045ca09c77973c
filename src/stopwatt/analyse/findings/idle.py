"""What a pause before each call does to its latency."""

import math
from collections.abc import Sequence

import numpy as np

from stopwatt import units
from stopwatt.analyse.findings.words import counted, factor_weight, sentence, span, times
from stopwatt.analyse.grid import IDLE, Grid, place
from stopwatt.analyse.steps import UNKNOWN_NOISES, Noises, Step, bounds_of, steps_between, together
from stopwatt.records import Finding, Scalar, Strength
from stopwatt.stats.ratios import MARGIN

KIND = "idle-gap"
_LEAST_WEIGHT = 0.05


def find_idle(grid: Grid, noises: Noises = UNKNOWN_NOISES) -> list[Finding]:
    """One finding: the pause that changes latency most against the shortest one, over all places of the grid.

    Args:
        grid: Of any shape.
        noises: How much a cell differs between rounds.
    """
    axis = grid.axis(IDLE)
    if axis is None:
        return []
    found = {
        value: steps for value in axis.values[1:] if (steps := steps_between(grid, axis, axis.values[0], value, noises))
    }
    if not found:
        return []
    most = max(found, key=lambda value: abs(math.log(_middle(found[value]))))
    return [
        _finding(axis.values[0], most, found[most], {value: _middle(steps) for value, steps in found.items()}, noises)
    ]


def _middle(steps: Sequence[Step]) -> float:
    return float(np.median([step.ratio for step in steps]))


def _finding(
    least: Scalar, value: Scalar, steps: Sequence[Step], middles: dict[Scalar, float], noises: Noises
) -> Finding:
    middle = middles[value]
    evidence = together(steps, noises)
    low, high = (None, None) if evidence is None else (math.exp(end) for end in evidence.interval())
    apart = low is not None and high is not None and (low > 1 or high < 1)
    same = low is not None and high is not None and low > 1 / (1 + MARGIN) and high < 1 + MARGIN
    return Finding(
        KIND,
        _text(least, value, steps, same=same),
        tuple(key for step in steps for key in (step.large.row.cell.key, step.small.row.cell.key)),
        {"ratio": middle} | {f"ratio after {pause:g} s": ratio for pause, ratio in middles.items()},
        low,
        high,
        Strength.SHOWN if apart or same else Strength.SUGGESTED,
        max(_LEAST_WEIGHT, factor_weight(middle)),
        len(steps),
        len(steps),
    )


def _text(least: Scalar, value: Scalar, steps: Sequence[Step], *, same: bool) -> str:
    after = f"after a pause of {units.quantity(float(value), 's')}"
    against = "without one" if not least else f"after {units.quantity(float(least), 's')}"
    if len(steps) == 1:
        (step,) = steps
        ratio = times(step.ratio, *bounds_of(step))
        return sentence(place(step.fixed), f"{after} a call takes {ratio} what it takes {against}")
    ratios = [step.ratio for step in steps]
    spread = span(times(min(ratios)), times(max(ratios)))
    where = counted(len(steps), len(steps), "place")
    if same:
        return f"Pauses change nothing: {after} a call takes what it takes {against}, within 2 % over {where}"
    inside = f" ({spread})" if spread else ""
    ratio = times(_middle(steps))
    return f"{after[0].upper()}{after[1:]} a call takes {ratio}{inside} what it takes {against}, in {where}"
