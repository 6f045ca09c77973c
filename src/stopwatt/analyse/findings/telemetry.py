"""Trials that ran under conditions of their own, as instruments saw them, and slow trials that come with these."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stopwatt import units
from stopwatt.analyse.coincidence import RISK, Coincidence
from stopwatt.analyse.findings.cells import Named, having, keys
from stopwatt.analyse.findings.words import factor_weight, sentence, span
from stopwatt.analyse.grid import place
from stopwatt.analyse.labels import RAN, Label, Watched
from stopwatt.records import Finding, Strength
from stopwatt.stats.intervals import geometric_mean

LABELLED = "labelled-trials"
COINCIDENCE = "coincidence"
LEAST_TRIALS = 20
"""With a label and without it in a round, to compare the two."""
_CLOCKS: Mapping[Label, tuple[str, ...]] = {
    Label.POWER_CAPPED: ("sm_clock",),
    Label.THROTTLED: ("sm_clock", "cpu_clock"),
}
"""The clock that a label is about."""
_MOST_WEIGHT = 1.5
_LEAST_P = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class _Labelled:
    """The trials of a cell that have a label.

    Attributes:
        count, of: Trials with it, and those of which it is known.
        clock_mhz: At which they ran, in the median; `None` where no clock was read.
        ratio: Their median / that of the others of the same round; `None` where either are too few.
    """

    named: Named
    count: int
    of: int
    clock_mhz: float | None
    ratio: float | None

    @property
    def share(self) -> float:
        """Of the trials of which it is known."""
        return self.count / self.of


def find_telemetry(named: Sequence[Named]) -> list[Finding]:
    """One finding for each label that trials have, and one for each with which slow trials come together."""
    watched = [one for one in named if any(one.cell.watched)]
    return [*_labelled(watched), *_coincidences(watched)]


def _labelled(watched: Sequence[Named]) -> list[Finding]:
    found = []
    for label in Label:
        cells = [one for named in watched if (one := _of_cell(named, label)) is not None]
        if cells:
            found.append(_finding(label, sorted(cells, key=lambda one: -one.share), watched))
    return found


def _of_cell(named: Named, label: Label) -> _Labelled | None:
    """`None` where no trial has the label."""
    rounds = [
        (series.values, one, one.seen[label])
        for series, one in zip(named.cell.series, named.cell.watched, strict=True)
        if one is not None and label in one.seen
    ]
    count = sum(int(np.count_nonzero(seen.flags)) for _, _, seen in rounds)
    if not count:
        return None
    ratios = [
        float(np.median(values[seen.flags]) / np.median(values[seen.known & ~seen.flags]))
        for values, _, seen in rounds
        if min(np.count_nonzero(seen.flags), np.count_nonzero(seen.known & ~seen.flags)) >= LEAST_TRIALS
    ]
    of = sum(int(np.count_nonzero(seen.known)) for _, _, seen in rounds)
    clock = _clock([(one, seen.flags) for _, one, seen in rounds], _CLOCKS.get(label, ()))
    return _Labelled(named, count, of, clock, geometric_mean(np.array(ratios)) if ratios else None)


def _clock(rounds: Sequence[tuple[Watched, np.ndarray]], channels: Sequence[str]) -> float | None:
    """The median of the first of these clocks that was read while trials with a label ran."""
    for channel in channels:
        read = [held[flags] for one, flags in rounds if (held := one.held(channel)) is not None]
        values = np.concatenate(read) if read else np.zeros(0)
        if np.isfinite(values).any():
            return float(np.nanmedian(values))
    return None


def _finding(label: Label, cells: Sequence[_Labelled], watched: Sequence[Named]) -> Finding:
    shares = [one.share for one in cells]
    middle = float(np.median(shares))
    ratios = [one.ratio for one in cells if one.ratio is not None]
    numbers = {"share": middle, "most": shares[0], "trials": sum(one.count for one in cells)}
    clocks = [one.clock_mhz for one in cells if one.clock_mhz is not None]
    if clocks:
        numbers["clock_mhz"] = float(np.median(clocks))
    if ratios:
        numbers["ratio"] = geometric_mean(np.array(ratios))
    slower = max(1.0, numbers.get("ratio", 1.0))
    part = (len(cells) / len(watched)) ** 0.5
    return Finding(
        LABELLED,
        _one_cell(label, cells[0]) if len(cells) == 1 else _many_cells(label, cells, watched),
        keys([one.named for one in cells]),
        numbers,
        weight=min(_MOST_WEIGHT, 0.2 + 0.6 * middle * part + middle * factor_weight(slower) * part),
        count=len(cells),
        of=len(watched),
    )


def _one_cell(label: Label, one: _Labelled) -> str:
    trials = "the trials" if one.of == sum(series.values.size for series in one.named.cell.series) else "those watched"
    ratio = "" if one.ratio is None else f", with {units.ratio(one.ratio)} the median of the others"
    at = _at([one])
    return sentence(place(one.named.where), f"{units.percent(one.share)} of {trials} {RAN[label]}{at}{ratio}")


def _many_cells(label: Label, cells: Sequence[_Labelled], watched: Sequence[Named]) -> str:
    shares = [one.share for one in cells]
    where = having([one.named for one in cells], watched)
    worst = f" (at {place(cells[0].named.where)})" if shares[0] > shares[-1] else ""
    share = f"{units.percent(float(np.median(shares)))} of them in the median"
    most = f", at most {units.percent(shares[0])}{worst}"
    return f"In {where} trials {RAN[label]}{_at(cells)}: {share}{most}"


def _at(cells: Sequence[_Labelled]) -> str:
    """` at 1,410 MHz`, ` at 1,350 to 1,410 MHz`."""
    clocks = [one.clock_mhz for one in cells if one.clock_mhz is not None]
    if not clocks:
        return ""
    low, high = f"{min(clocks):,.0f} MHz", f"{max(clocks):,.0f} MHz"
    return f" at {span(low, high) or low}"


def _coincidences(watched: Sequence[Named]) -> list[Finding]:
    """The cells are one family (Bonferroni over those that have slow clusters)."""
    asked = [one for one in watched if one.cell.shape is not None and len(one.cell.shape.clusters) > 1]
    groups: dict[Label, list[tuple[Named, Coincidence]]] = {}
    for named in asked:
        told = {one.label: one for one in reversed(named.cell.coincidences) if one.p * len(asked) <= RISK}
        for label, one in told.items():
            groups.setdefault(label, []).append((named, one))
    return [_together(label, sorted(pairs, key=lambda pair: pair[1].p), asked) for label, pairs in groups.items()]


def _together(label: Label, pairs: Sequence[tuple[Named, Coincidence]], asked: Sequence[Named]) -> Finding:
    (named, first), cells = pairs[0], [one for one, _ in pairs]
    p = min(1.0, first.p * len(asked))
    chance = f"p < {_LEAST_P:g}" if p < _LEAST_P else f"p = {p:.1g}"
    text = (
        f"{units.percent(first.share)} of the {first.of_inside:,} trials at {units.ratio(_ratio(named, first))} the "
        f"main mode {RAN[label]}, and {units.percent(first.other_share)} of the main mode's {first.of_outside:,}: more "
        f"than chance brings together ({chance})"
    )
    more = f"; so it is in {having(cells, asked)}" if len(pairs) > 1 else ""
    ratios = [_ratio(*pair) for pair in pairs]
    return Finding(
        COINCIDENCE,
        sentence(place(named.where), text + more),
        keys(cells),
        {"share": first.share, "other_share": first.other_share, "p": p, "ratio": ratios[0]},
        strength=Strength.SHOWN,
        weight=min(_MOST_WEIGHT, factor_weight(float(np.median(ratios)), len(pairs), len(asked))),
        count=len(pairs),
        of=len(asked),
    )


def _ratio(named: Named, one: Coincidence) -> float:
    return named.cell.shape.clusters[one.cluster].ratio if named.cell.shape is not None else 1.0
