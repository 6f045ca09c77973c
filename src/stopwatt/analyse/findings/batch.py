"""Which batch pays, in one sentence."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from stopwatt import units
from stopwatt.analyse.findings.words import (
    change,
    counted,
    factor_weight,
    listed,
    located,
    named,
    seconds,
    span,
    split_by,
    times,
)
from stopwatt.analyse.scaling import BatchCost, Scaling
from stopwatt.records import Finding, Scalar, Strength
from stopwatt.stats.batching import KNEE

SWEET_SPOT = "sweet-spot"
WITHIN = "within-bound"
DESCRIBES = 0.1
"""Largest relative residual up to which the additive model is told."""
_MOST_TOLD = 3
_NO_GAIN = 1.05


def find_sweet_spots(scaling: Scaling) -> list[Finding]:
    """The smallest batch that gives nearly the most samples/s; with a bound of latency, also the best within it."""
    if not scaling.batches:
        return []
    bound = [] if scaling.within_s is None else [_within(scaling.batches, scaling.within_s)]
    return [_sweet_spot(scaling.batches), *bound]


def _sweet_spot(costs: Sequence[BatchCost]) -> Finding:
    knee, count = Counter(cost.knee for cost in costs).most_common(1)[0]
    same = [cost for cost in costs if cost.knee == knee]
    told = same if len(costs) == 1 or count > len(costs) / 2 else costs
    gain = float(np.median([cost.gain for cost in told]))
    measured = all(cost.fixed_low is not None for cost in told)
    pays = all(cost.gain_low is not None and cost.gain_low > 1 for cost in told if cost.knee != cost.smallest)
    one = told[0] if len(told) == 1 == len(costs) else None
    return Finding(
        SWEET_SPOT,
        _text(costs, same) if told is same else _scattered(costs),
        tuple(point.row.cell.key for cost in told for point in cost.line.points),
        {"gain": gain, "batch": knee, "cost": float(np.median([cost.cost for cost in told]))},
        one.gain_low if one else None,
        one.gain_high if one else None,
        Strength.SHOWN if measured and pays else Strength.SUGGESTED,
        factor_weight(max(gain, _NO_GAIN), len(told), len(costs)),
        count,
        len(costs),
        named([cost.line.fixed for cost in costs if cost.knee != knee]) if count > len(costs) / 2 else (),
    )


def _text(costs: Sequence[BatchCost], same: Sequence[BatchCost]) -> str:
    first, knee = same[0], same[0].knee
    smallest = first.smallest
    where = "" if len(costs) == 1 else f" in {counted(len(same), len(costs), 'place')}"
    if knee == smallest:
        text = f"A larger batch does not pay{where}: batch {smallest} gives at least {KNEE:.0%} of the most samples/s"
        return text.replace("%", " %") + _others(costs, same)
    gains, waits = [cost.gain for cost in same], [cost.cost for cost in same]
    gain = times(float(np.median(gains)), first.gain_low, first.gain_high) if len(same) == 1 else _spread(gains)
    wait = times(waits[0]) if len(same) == 1 else times(float(np.median(waits)))
    largest = all(knee == _largest(cost) for cost in same)
    more = ", and it is the largest that was measured" if largest else ""
    text = f"Batch {knee} is the sweet spot{where}: {gain} the samples/s of batch {smallest} for {wait} the latency"
    return f"{text}{more}{_others(costs, same)}{_model(same)}"


def _spread(gains: Sequence[float]) -> str:
    spread = span(times(min(gains)), times(max(gains)))
    middle = times(float(np.median(gains)))
    return f"{middle} ({spread})" if spread else middle


def _others(costs: Sequence[BatchCost], same: Sequence[BatchCost]) -> str:
    """What it is at the other places."""
    rest = [cost for cost in costs if cost.knee != same[0].knee]
    if not rest:
        return ""
    for name in split_by([float(cost.knee) for cost in costs], [cost.line.fixed for cost in costs]):
        parts = [f"batch {knee} with {name}={value}" for value, knee in _knees_by(costs, name) if knee != same[0].knee]
        if parts:
            return f"; mostly {listed(parts)}"
    return f"; {_counts(rest)}"


def _counts(costs: Sequence[BatchCost], of: int = 0) -> str:
    """`batch 4 in 20 of 64 places, batch 1 in 8 and others in 6`."""
    counts = Counter(cost.knee for cost in costs).most_common()
    told, left = counts[:_MOST_TOLD], sum(count for _, count in counts[_MOST_TOLD:])
    places = f" of {of} places" if of else ""
    parts = [f"batch {knee} in {count}{places if not index else ''}" for index, (knee, count) in enumerate(told)]
    return listed([*parts, *([f"others in {left}"] if left else [])])


def _scattered(costs: Sequence[BatchCost]) -> str:
    """No batch is the sweet spot of most places."""
    for name in split_by([float(cost.knee) for cost in costs], [cost.line.fixed for cost in costs]):
        return f"The sweet spot is mostly {listed([f'batch {k} with {name}={v}' for v, k in _knees_by(costs, name)])}"
    gains = [cost.gain for cost in costs]
    return f"The sweet spot is {_counts(costs, len(costs))}: {_spread(gains)} the samples/s of the smallest batch"


def _knees_by(costs: Sequence[BatchCost], name: str) -> list[tuple[Scalar | None, int]]:
    values = dict.fromkeys(cost.line.fixed.get(name) for cost in costs)
    return [
        (value, Counter(cost.knee for cost in costs if cost.line.fixed.get(name) == value).most_common(1)[0][0])
        for value in values
    ]


def _model(same: Sequence[BatchCost]) -> str:
    """Fixed and marginal cost, where three batches or more are described by them."""
    told = [cost for cost in same if len(cost.line.points) > 2 and cost.error <= DESCRIBES]  # noqa: PLR2004
    if len(told) < len(same) or any(cost.marginal_s <= 0 for cost in told):
        return ""
    if len(told) == 1:
        cost = told[0]
        sample = seconds(cost.marginal_s, cost.marginal_low, cost.marginal_high)
        fixed = "no fixed cost" if _no_fixed(cost) else seconds(cost.fixed_s, cost.fixed_low, cost.fixed_high)
        return f"; a call costs {fixed} and {sample} a sample"
    shares = [max(0.0, cost.fixed_s) / (max(0.0, cost.fixed_s) + cost.marginal_s) for cost in told]
    spread = span(change(min(shares)), change(max(shares)))
    fixed = change(float(np.median(shares)))
    return f"; of a call with one sample {fixed} is fixed cost{f' ({spread})' if spread else ''}"


def _no_fixed(cost: BatchCost) -> bool:
    return cost.fixed_s <= 0 or (cost.fixed_low is not None and cost.fixed_low <= 0)


def _largest(cost: BatchCost) -> int:
    return int(cost.line.points[-1].where["batch"])


def _within(costs: Sequence[BatchCost], bound: float) -> Finding:
    fitting = [cost for cost in costs if cost.within is not None]
    misses = [cost.line.fixed for cost in costs if cost.within is None]
    text = f"No batch answers within {units.exact(bound, 's')}"
    batch, count = 0, 0
    if fitting:
        batch, count = Counter(cost.within or 0 for cost in fitting).most_common(1)[0]
        same = [cost for cost in fitting if cost.within == batch]
        where = "" if len(costs) == 1 else f" in {counted(len(same), len(costs), 'place')}"
        text = f"Within {units.exact(bound, 's')}, batch {batch} gives the most samples/s{where}"
        none = f"; none answers in time {located(misses, [cost.line.fixed for cost in costs])}" if misses else ""
        text += none if len(costs) > 1 else ""
    return Finding(
        WITHIN,
        text,
        tuple(point.row.cell.key for cost in fitting or costs for point in cost.line.points),
        {"bound_s": bound, "batch": batch},
        strength=Strength.SUGGESTED if any(cost.fixed_low is None for cost in costs) else Strength.SHOWN,
        weight=2.0,
        count=count,
        of=len(costs),
        exceptions=named(misses),
    )
