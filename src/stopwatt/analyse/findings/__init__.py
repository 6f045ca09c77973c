"""What the measurements of a grid say, in a few plain sentences: values first, words derived from them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from stopwatt.analyse.findings import (
    batch,
    clusters,
    energy,
    growth,
    idle,
    inversions,
    joules,
    setups,
    telemetry,
    trials,
    trouble,
    ways,
)
from stopwatt.analyse.findings.cells import name_cells
from stopwatt.analyse.findings.live import current_finding
from stopwatt.analyse.grid import Grid
from stopwatt.analyse.scaling import Scaling
from stopwatt.analyse.study import Study
from stopwatt.records import Finding, Strength

if TYPE_CHECKING:
    from stopwatt.analyse.analysis import CellAnalysis

__all__ = ["KINDS", "about", "current_finding", "find"]

FURTHER = "further"
KINDS: Mapping[str, str] = {
    trouble.DEADLINE: "a deadline that was asked for, and how often it was missed",
    trouble.OVERRUNS: "paced requests that were not done when the next was due",
    trouble.NO_RESULT: "cells that gave no result, once for each reason",
    trouble.ROUNDS_LOST: "cells that lost some of their rounds",
    trouble.WARNING: "a warning of the rounds (throttling, foreign load, no steady state)",
    telemetry.LABELLED: "trials that ran power-capped, throttled, stopped, stolen from or beside foreign load",
    setups.DIFFERENCE: "a backend, precision or device against another, over the whole grid",
    energy.LEAST: "the setup that takes the least energy, against the fastest",
    batch.SWEET_SPOT: "the smallest batch with nearly the most samples/s, with fixed and marginal cost",
    batch.WITHIN: "the batch with the most samples/s within a bound of latency",
    joules.BATCH: "up to which batch the energy of a sample falls",
    joules.WAITING: "where most of the energy is what the device takes when it only waits",
    idle.KIND: "what a pause before each call does to its latency",
    inversions.KIND: "a larger problem that is faster than a smaller neighbour",
    growth.KINK: "a size at which the growth changes abruptly",
    growth.GROWTH: "the exponent with which latency grows along an axis",
    clusters.KIND: "trials that gather apart from the main mode",
    telemetry.COINCIDENCE: "slow trials that come together with what instruments saw",
    trials.BODY_MODES: "several modes within the body of the distribution",
    trials.HEAVY_TAIL: "a heavy tail without separate modes",
    trials.DRIFT: "a level that changes within a round",
    trials.DEPENDENCE: "trials that depend on those before them",
    trials.ROUNDS_DIFFER: "rounds that differ by more than their trials explain",
    trials.RESOLUTION: "trials that the clock cannot tell apart",
    trials.TOO_FEW: "too few trials to describe their distribution",
    ways.KIND: "a way of measuring that changes what would be reported",
    ways.SAME: "ways of measuring that make no difference",
    setups.RANGE: "the fastest and the slowest cell",
    FURTHER: "how many findings of a kind are not told one by one",
}
"""Every kind of finding, and what it is about."""

MOST_OF_A_KIND = 4
_SUGGESTED = 0.5


def find(
    grid: Grid, cells: Sequence["CellAnalysis"], scaling: Scaling, studies: Sequence[Study] = ()
) -> tuple[Finding, ...]:
    """What is to be said of a grid, the most important first.

    A pattern that repeats over the grid is one finding. Of a kind there are at most four; how many more there would be
    is a finding of its own.

    Args:
        grid: Of any shape; one cell is a grid too.
        cells: In the order of the grid's points.
        scaling: Of the grid.
        studies: Of ways of measuring.
    """
    named = name_cells(grid, cells)
    found = [
        *trouble.find_trouble(named),
        *setups.find_setups(grid, scaling.noise),
        *energy.find_least_energy(grid),
        *batch.find_sweet_spots(scaling),
        *joules.find_energy_of_batches(grid),
        *joules.find_waiting(named),
        *idle.find_idle(grid, scaling.noise),
        *inversions.find_inversions(scaling),
        *growth.find_kinks(scaling),
        *growth.find_growth(scaling),
        *clusters.find_clusters(named),
        *telemetry.find_telemetry(named),
        *trials.find_trials(named),
        *ways.find_ways(studies, alone=not cells),
    ]
    weighed = [one if one.strength is Strength.SHOWN else replace(one, weight=_SUGGESTED * one.weight) for one in found]
    return tuple(sorted(_limited(weighed), key=lambda one: -one.weight))


def about(finding: Finding) -> str:
    """The kind of a finding; of one that counts further ones, theirs."""
    if finding.kind != FURTHER:
        return finding.kind
    return next(kind for kind in KINDS if finding.text.startswith(f"{_heading(kind)}:"))


def _heading(kind: str) -> str:
    return f"{KINDS[kind][:1].upper()}{KINDS[kind][1:]}"


def _limited(found: Sequence[Finding]) -> list[Finding]:
    """The strongest of each kind, and how many are left out."""
    kept = []
    for kind in dict.fromkeys(one.kind for one in found):
        members = sorted((one for one in found if one.kind == kind), key=lambda one: -one.weight)
        kept += members[:MOST_OF_A_KIND]
        if len(members) > MOST_OF_A_KIND:
            kept.append(_rest(kind, members[MOST_OF_A_KIND:]))
    return kept


def _rest(kind: str, members: Sequence[Finding]) -> Finding:
    count = len(members)
    places = sum(one.count for one in members)
    where = "1 place" if places == 1 else f"{places} places"
    more = f"{count} more finding{'' if count == 1 else 's'} like it, each of less weight, in {where}"
    return Finding(
        FURTHER,
        f"{_heading(kind)}: {more}",
        tuple(dict.fromkeys(key for one in members for key in one.cells)),
        {"findings": count},
        strength=Strength.SHOWN if any(one.strength is Strength.SHOWN for one in members) else Strength.SUGGESTED,
        weight=members[0].weight,
        count=places,
        of=sum(one.of for one in members),
    )
