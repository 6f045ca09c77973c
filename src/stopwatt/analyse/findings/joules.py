"""Where the joules of a sample go: what a larger batch saves, and what the device takes when it only waits."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.analyse.energy import own_energy, scope_name
from stopwatt.analyse.findings.cells import Named, having, keys
from stopwatt.analyse.findings.energy import step_of
from stopwatt.analyse.findings.words import change, counted, factor_weight, named, sentence, span, times
from stopwatt.analyse.grid import Grid, place
from stopwatt.analyse.growth import Ladder, ladders_of
from stopwatt.analyse.row import paired
from stopwatt.analyse.steps import RISK, Step, bounds_of
from stopwatt.records import Finding, Strength
from stopwatt.stats.batching import KNEE, knee
from stopwatt.stats.noise import Evidence, weigh
from stopwatt.stats.ratios import holm

BATCH = "energy-batch"
WAITING = "waiting-energy"
MOST = 0.5
"""Share of the energy that is told: more of it goes into waiting than into work."""
_LEAST_WEIGHT = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class _Saving:
    """Energy a sample along one line of batch sizes.

    Attributes:
        at: Place of the smallest batch that needs at most 1/0.9 of the least joules a sample.
    """

    ladder: Ladder
    at: int

    @property
    def batch(self) -> int:
        """That batch."""
        return int(self.ladder.sizes[self.at])

    @property
    def smallest(self) -> int:
        """The first batch, which it is compared with."""
        return int(self.ladder.sizes[0])

    def to(self, at: int) -> Step:
        """From the smallest batch to another."""
        points = self.ladder.line.points
        return step_of(points[0], points[at], self.ladder.metric, self.ladder.line.fixed)

    @property
    def supported(self) -> bool:
        """Whether the rounds say that a larger batch saves energy, or that none saves more than the knee leaves."""
        steps = [self.to(at) for at in ([self.at] if self.at else range(1, self.ladder.sizes.size))]
        bounds = [bounds_of(step) for step in steps]
        if self.at:
            return all(high is not None and high < 1 for _, high in bounds)
        return all(low is not None and low > KNEE for low, _ in bounds)


def find_energy_of_batches(grid: Grid) -> list[Finding]:
    """One finding for each scope: up to which batch the energy of a sample falls.

    Args:
        grid: Of any shape; where other sizes change together with the batch nothing is said.
    """
    axis = grid.axis("batch")
    if axis is None or not axis.numeric or grid.tied(axis):
        return []
    found: dict[str, list[_Saving]] = defaultdict(list)
    for line in grid.lines(axis):
        for ladder in ladders_of(line, own_energy(line.points[0].row.cell.setup.device)):
            found[ladder.metric].append(_Saving(ladder, knee(ladder.sizes, ladder.levels * ladder.sizes)))
    return [_saved(metric, savings) for metric, savings in found.items()]


def _saved(metric: str, savings: Sequence[_Saving]) -> Finding:
    (batch, smallest), _ = Counter((one.batch, one.smallest) for one in savings).most_common(1)[0]
    same = [one for one in savings if (one.batch, one.smallest) == (batch, smallest)]
    steps = [one.to(one.at) for one in same if one.at]
    low, high = bounds_of(steps[0]) if len(steps) == 1 else (None, None)
    ratio = float(np.median([step.ratio for step in steps])) if steps else 1.0
    return Finding(
        BATCH,
        _saved_text(metric, same, steps, len(savings)),
        tuple(point.row.cell.key for one in same for point in one.ladder.line.points),
        {"ratio": ratio, "batch": batch},
        low,
        high,
        Strength.SHOWN if all(one.supported for one in same) else Strength.SUGGESTED,
        max(_LEAST_WEIGHT, factor_weight(ratio, len(same), len(savings))),
        len(same),
        len(savings),
        named([one.ladder.line.fixed for one in savings if one not in same]),
    )


def _saved_text(metric: str, same: Sequence[_Saving], steps: Sequence[Step], of: int) -> str:
    first, scope = same[0], scope_name(metric)
    where = place(first.ladder.line.fixed) if of == 1 else ""
    count = "" if of == 1 else f" in {counted(len(same), of, 'place')}"
    if not steps:
        most = f"batch {first.smallest} needs at most {times(1 / KNEE)} the least joules a sample"
        return sentence(where, f"a larger batch saves hardly any energy ({scope}){count}: {most}")
    ratios = [step.ratio for step in steps]
    spread = span(times(min(ratios)), times(max(ratios)))
    middle = f"{times(float(np.median(ratios)))}{f' ({spread})' if spread else ''}"
    ratio = times(ratios[0], *bounds_of(steps[0])) if of == 1 else middle
    largest = all(one.at == one.ladder.sizes.size - 1 for one in same)
    more = ", and it is the largest that was measured" if largest else ""
    text = f"energy a sample ({scope}) falls up to batch {first.batch}{count}: {ratio} that of batch {first.smallest}"
    return sentence(where, f"{text}{more}")


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """A cell whose device takes much of its energy for waiting.

    Attributes:
        share: Active-idle power / power under load: of the energy of a sample what is not net.
        evidence: On the share beyond `MOST`; `None` with fewer than 3 rounds.
    """

    named: Named
    share: float
    evidence: Evidence | None


def find_waiting(every: Sequence[Named]) -> list[Finding]:
    """One finding for each scope: where most of the energy is what the device takes when it only waits.

    Args:
        every: All cells.
    """
    found: dict[str, list[_Waiting]] = defaultdict(list)
    for one in every:
        metric = own_energy(one.cell.row.cell.setup.device)
        shares = _shares(one, metric)
        if shares.size:
            found[metric].append(_Waiting(one, float(shares.mean()), weigh(shares - MOST)))
    return [
        _waited(metric, members, looked) for metric, looked in found.items() if (members := _mostly_waiting(looked))
    ]


def _shares(one: Named, metric: str) -> NDArray[np.float64]:
    """Of each round with an energy and a net energy."""
    row, net = one.cell.row, metric.replace("energy_", "energy_net_")
    if any(name not in row.estimates or row.estimates[name].measured is None for name in (metric, net)):
        return np.empty(0)
    whole, beyond = paired(row.round_energies.get(metric, ()), row.round_energies.get(net, ()))
    return 1 - beyond / whole


def _mostly_waiting(looked: Sequence[_Waiting]) -> list[_Waiting]:
    """Those whose rounds say so among all cells (Holm); where no round says it of any, those whose values do."""
    tested = [one for one in looked if one.evidence is not None]
    adjusted = holm([min(1.0, 2 * one.evidence.above(0.0)) for one in tested if one.evidence is not None])
    shown = [one for one, p in zip(tested, adjusted, strict=True) if p <= RISK]
    return shown or [one for one in looked if one.share > MOST and one.evidence is None]


def _waited(metric: str, members: Sequence[_Waiting], looked: Sequence[_Waiting]) -> Finding:
    ordered = sorted(members, key=lambda one: -one.share)
    share = float(np.median([one.share for one in members]))
    low, high = _bounds(ordered[0]) if len(looked) == 1 else (None, None)
    places = [one.named for one in ordered]
    return Finding(
        WAITING,
        _waited_text(metric, members, looked),
        keys(places),
        {"share": share},
        low,
        high,
        Strength.SUGGESTED if any(one.evidence is None for one in members) else Strength.SHOWN,
        share * (len(members) / len(looked)) ** 0.5,
        len(members),
        len(looked),
    )


def _waited_text(metric: str, members: Sequence[_Waiting], looked: Sequence[_Waiting]) -> str:
    what = f"of the joules a sample are what the {scope_name(metric)} takes when it only waits"
    if len(looked) == 1:
        return f"{change(members[0].share, *_bounds(members[0]))} {what}"
    shares = [one.share for one in members]
    spread = span(change(min(shares)), change(max(shares)))
    middle = f"{change(float(np.median(shares)))} {what}"
    where = having([one.named for one in members], [one.named for one in looked])
    return f"In {where}, {middle}{f' ({spread})' if spread else ''}"


def _bounds(one: _Waiting) -> tuple[float | None, float | None]:
    if one.evidence is None:
        return None, None
    low, high = one.evidence.interval()
    return MOST + low, MOST + high
