"""Modes apart from the main one: one finding for each ratio at which cells have them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from stopwatt import units
from stopwatt.analyse.findings.cells import Named, having, keys
from stopwatt.analyse.findings.words import counted, factor_weight, none_other, seconds, sentence, span, times
from stopwatt.analyse.grid import place
from stopwatt.analyse.shape import Cluster, Form
from stopwatt.records import Finding, Strength

KIND = "outlier-clusters"
APART = math.log(1.1)
"""Sizes whose logarithms lie further apart than this are different clusters."""
WIDEST = math.log(1.25)
"""The logarithms of ratios that are told as one lie in a range of at most this."""
_INSIDE = 0.75
"""Share of its range that a part of a chain may have at most, so that no chain is peeled off cell by cell."""
FAR = 3.0
"""Ratio to the main mode from which on trials are taken to have been interrupted."""
FAR_APART = math.log(1.5)
"""The same as `APART` for the time that interrupted trials lost, which varies more."""
_MOST_WEIGHT = 1.5
_COARSE = 10.0
BURSTY_P = 0.01
_SAME_PERIOD = 1.05


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A cluster of a cell, beside the main one."""

    named: Named
    cluster: Cluster
    index: int

    @property
    def lost_s(self) -> float:
        """Time by which its trials exceed the main mode, seconds."""
        return self.cluster.centre_s * (1 - 1 / self.cluster.ratio)


def find_clusters(named: Sequence[Named]) -> list[Finding]:
    """One finding for each group of clusters that different cells have alike.

    Near clusters are alike by their ratio to the main mode (another path through the code, another clock), far ones by
    the time that their trials lost (an interruption lasts as long whatever it interrupts).
    """
    shaped = [one for one in named if one.cell.shape is not None and one.cell.shape.form is not Form.TOO_FEW]
    found = [
        Found(one, cluster, index)
        for one in shaped
        for index, cluster in enumerate(one.cell.shape.clusters if one.cell.shape else ())
        if cluster.ratio != 1
    ]
    near, far = [one for one in found if one.cluster.ratio < FAR], [one for one in found if one.cluster.ratio >= FAR]
    chains = _chains(near, lambda one: one.cluster.ratio, APART)
    groups = [*(part for chain in chains for part in _parted(chain)), *_chains(far, lambda one: one.lost_s, FAR_APART)]
    return [_finding(group, shaped) for group in groups]


def _chains(found: Sequence[Found], size: Callable[[Found], float], apart: float) -> list[list[Found]]:
    """Single linkage on the logarithm of a size."""
    groups: list[list[Found]] = []
    for one in sorted(found, key=size):
        if groups and math.log(size(one) / size(groups[-1][-1])) <= apart:
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


def _parted(chain: Sequence[Found]) -> list[Sequence[Found]]:
    """A chain of ratios cut at its largest gap, and so on, until no part is too wide to be one thing."""
    logs = np.log([one.cluster.ratio for one in chain])
    wide = logs[-1] - logs[0]
    if wide <= WIDEST:
        return [chain]
    most = max(WIDEST, _INSIDE * wide)
    allowed = (logs[:-1] - logs[0] <= most) & (logs[-1] - logs[1:] <= most)
    cut = 1 + int(np.argmax(np.where(allowed, np.diff(logs), -1.0)))
    return [*_parted(chain[:cut]), *_parted(chain[cut:])]


def _finding(group: Sequence[Found], shaped: Sequence[Named]) -> Finding:
    ordered = sorted(group, key=lambda one: -one.cluster.mass)
    cells = list({one.named.key: one.named for one in ordered}.values())
    masses = [one.cluster.mass for one in ordered]
    ratio, mass = float(np.median([one.cluster.ratio for one in group])), float(np.median(masses))
    first = ordered[0].cluster if len(ordered) == 1 else None
    shown = len(cells) > 1 or _in_several_rounds(ordered[0])
    return Finding(
        KIND,
        _one_cell(ordered[0], shaped) if len(cells) == 1 else _many_cells(ordered, cells, shaped),
        keys(cells),
        {"mass": mass, "ratio": ratio, "most": masses[0]},
        first.mass_low if first else None,
        first.mass_high if first else None,
        Strength.SHOWN if shown else Strength.SUGGESTED,
        min(_MOST_WEIGHT, factor_weight(ratio, len(cells), len(shaped))),
        len(cells),
        len(shaped),
    )


def _in_several_rounds(found: Found) -> bool:
    """Whether trials of at least two processes are in it; true also where that is not known but for one round."""
    shape = found.named.cell.shape
    labels = shape.labels if shape is not None else None
    return labels is not None and sum(bool((of_round == found.index).any()) for of_round in labels.values()) > 1


def _one_cell(found: Found, shaped: Sequence[Named]) -> str:
    cluster = found.cluster
    mass = units.interval(100 * cluster.mass, 100 * cluster.mass_low, 100 * cluster.mass_high, "%")
    others = f", {none_other(len(shaped), 'cell')}" if len(shaped) > 1 else ""
    at = f"{_ratio(cluster.ratio)} the main mode ({seconds(cluster.centre_s)})"
    return sentence(place(found.named.where), f"{mass} of the trials take {at}{_rhythm(cluster, 1)}{others}")


def _rhythm(cluster: Cluster, family: int) -> str:
    if cluster.period is not None:
        return f", every {cluster.period:.3g} calls"
    return ", in bursts" if cluster.bursty_p <= BURSTY_P / family else ""


def _many_cells(ordered: Sequence[Found], cells: Sequence[Named], shaped: Sequence[Named]) -> str:
    masses = [one.cluster.mass for one in ordered]
    worst = f" (at {place(ordered[0].named.where)})" if masses[0] > masses[-1] else ""
    share = f"{units.percent(float(np.median(masses)))} of the trials in the median"
    most = f", at most {units.percent(masses[0])}{worst}"
    where = having(cells, shaped)
    return f"In {where} trials {_size(ordered)}: {share}{most}{_rhythms(ordered)}"


def _size(ordered: Sequence[Found]) -> str:
    """What the clusters have in common, in the median and from the least to the most."""
    ratios = [one.cluster.ratio for one in ordered]
    if min(ratios) >= FAR:
        lost = [one.lost_s for one in ordered]
        spread = span(seconds(min(lost)), seconds(max(lost)))
        far = f"{_ratio(min(ratios))} the main mode and more"
        return f"lose {seconds(float(np.median(lost)))}{f' ({spread})' if spread else ''}, which is {far}"
    spread = span(_ratio(min(ratios)), _ratio(max(ratios)))
    return f"gather at {_ratio(float(np.median(ratios)))}{f' ({spread})' if spread else ''} of the main mode"


def _ratio(value: float) -> str:
    """`1.25 x`; three digits, since modes 1 % apart are different ones."""
    return units.ratio(value) if value < _COARSE else times(value)


def _rhythms(ordered: Sequence[Found]) -> str:
    periods = [one.cluster.period for one in ordered if one.cluster.period is not None]
    cells = len({one.named.key for one in ordered})
    regular = {one.named.key for one in ordered if one.cluster.period is not None}
    bursts = {
        one.named.key
        for one in ordered
        if one.cluster.period is None and one.cluster.bursty_p <= BURSTY_P / len(ordered)
    }
    parts = []
    if periods:
        same = max(periods) / min(periods) < _SAME_PERIOD
        every = f"every {np.median(periods):.3g} calls" if same else "at a regular period"
        parts.append(f"{every} in {counted(len(regular), cells, 'cell')}")
    if bursts:
        parts.append(f"in bursts in {counted(len(bursts), cells, 'cell')}")
    return f"; {' and '.join(parts)}" if parts else ""
