"""Two sides, cell by cell: is B slower than A, and is that decided?"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from stopwatt.analyse.caveats import caveats
from stopwatt.analyse.common import Common, find_arms, find_common, merged
from stopwatt.analyse.comparison import Compared, Comparison, Half, Named
from stopwatt.analyse.detectable import Calibration, Detectable, by_calibration, by_itself, choose, times
from stopwatt.analyse.likeness import changes
from stopwatt.analyse.matching import Member
from stopwatt.analyse.observed import Side, check_metric, is_rate
from stopwatt.analyse.weighing import Weighed, weigh_pairs, weigh_together
from stopwatt.stats.intervals import across_rounds, geometric_mean
from stopwatt.stats.noise import Evidence
from stopwatt.stats.quantiles import CONFIDENCE, Interval
from stopwatt.stats.ratios import MARGIN, Ratio, judge, judge_family

RISK_OF_MEAN = 0.2
"""Share of the risk of a false verdict that the mean of all cells has for itself."""


def compare(
    a: Side,
    b: Side,
    metric: str = "latency",
    *,
    margin: float = MARGIN,
    paired: bool = False,
    force: bool = False,
    calibrations: Sequence[Calibration] = (),
) -> Comparison:
    """Compare what two sides have in common.

    The verdicts of all cells and of their mean hold together: the risk that any one of them is wrong is at most 5 %
    (`stats.ratios.judge_family`).

    Args:
        a: What B is compared with.
        b: The side that gets the verdicts.
        metric: One of `observed.COMPARABLE`.
        margin: Relative difference that does not matter.
        paired: Whether both sides are one cell each, measured in turn (ABBA): rounds of the same number pair, and the
            two may be as unlike as they are.
        force: Compare also what is not alike; the result says so.
        calibrations: A/A runs that may tell how much rounds differ on this machine.

    Raises:
        UsageError: An unknown metric, nothing in common, no value on a side, or unlike things without `force`.
    """
    check_metric(metric)
    common = find_arms(a, b, metric) if paired else find_common(a, b, force=force)
    weighed = weigh_pairs(common.pairs, metric, paired=paired)
    together = weigh_together(common.pairs, metric)  # of paired ones there is one pair only
    ratios, mean = _judge(weighed, together, margin)
    return Comparison(
        metric=metric,
        margin=margin,
        named=_named(a, b, common),
        cells=_cells(common, weighed, ratios, metric),
        overall=mean,
        unmatched=common.missing,
        changes=merged(changes(one.cell, other.cell) for one, other in common.pairs),
        unlike=merged(common.unlike),
        notes=caveats(common.pairs, metric, paired=paired),
        detectable=_detectable(common, weighed, () if paired else calibrations, margin, paired=paired),
    )


def _judge(weighed: Sequence[Weighed], together: Weighed | None, margin: float) -> tuple[list[Ratio], Ratio | None]:
    """Time of B / time of A of each cell, and of all cells together.

    The risk of 5 % is divided: the mean, which sees what no cell shows alone, has a fifth of it, the cells have the
    rest.
    """
    risk = 1 - CONFIDENCE
    cells = [judge(one.value, one.evidence, min(one.rounds), margin=margin) for one in weighed]
    if together is None:
        return [ratio.inverted() for ratio in judge_family(cells)], None
    mean = judge(together.value, together.evidence, min(together.rounds), margin=margin)
    (judged,) = judge_family([mean], 1 - RISK_OF_MEAN * risk)
    if judged.verdict is not mean.verdict:
        judged = replace(
            judged, why=f"decided at {risk:.0%}, but not at the {RISK_OF_MEAN * risk:.0%} beside the cells"
        )
    rest = judge_family(cells, 1 - (1 - RISK_OF_MEAN) * risk)
    return [ratio.inverted() for ratio in rest], judged.inverted()


def _cells(common: Common, weighed: Sequence[Weighed], ratios: Sequence[Ratio], metric: str) -> tuple[Compared, ...]:
    return tuple(
        Compared(common.label(a.cell), _half(a, metric), _half(b, metric), ratio, one.method, unlike)
        for (a, b), one, ratio, unlike in zip(common.pairs, weighed, ratios, common.unlike, strict=True)
    )


def _half(member: Member, metric: str) -> Half:
    """The side's own value, in the metric's unit."""
    seconds = times(member.rounds, metric)
    values = 1 / seconds if is_rate(metric) else seconds
    found = across_rounds(values)
    return Half(member, geometric_mean(values), found if isinstance(found, Interval) else None)


def _named(a: Side, b: Side, common: Common) -> Named:
    runs = [tuple(dict.fromkeys(one.run for pair in common.pairs for one in pair[side].rounds)) for side in (0, 1)]
    return Named(a.word, b.word, a.where, b.where, *runs)


def _detectable(
    common: Common, weighed: Sequence[Weighed], calibrations: Sequence[Calibration], margin: float, *, paired: bool
) -> Detectable | None:
    """By an A/A of the machine where there is one, by the rounds compared otherwise."""
    (usual, _), *_ = Counter(one.rounds for one in weighed).most_common(1)
    if chosen := choose(calibrations, [b.cell for _, b in common.pairs]):
        return by_calibration(chosen, usual, margin)
    found = [(one.evidence, one.rounds) for one in weighed if isinstance(one.evidence, Evidence)]
    return by_itself(found, margin, paired=paired)
