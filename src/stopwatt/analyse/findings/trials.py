"""What the trials of single cells are like: forms of the distribution, drift, dependence, rounds that differ."""

from collections.abc import Sequence

import numpy as np
from scipy.special import bdtrc

from stopwatt import units
from stopwatt.analyse.findings.cells import Named, having, keys
from stopwatt.analyse.findings.words import change, factor_weight, sentence, span
from stopwatt.analyse.grid import place
from stopwatt.analyse.shape import Drift, Form, Shape
from stopwatt.records import Finding, Strength
from stopwatt.stats.ratios import holm
from stopwatt.stats.rounds import RoundSpread, compare_levels

BODY_MODES = "body-modes"
HEAVY_TAIL = "heavy-tail"
RESOLUTION = "resolution-limited"
TOO_FEW = "too-few-trials"
DRIFT = "drift"
DEPENDENCE = "dependence"
ROUNDS_DIFFER = "rounds-differ"
RISK = 0.01
"""Of one false finding of a kind in a whole grid: with about five kinds tested, 5 % together."""
TREND_P = 0.01
"""p-value from which on a round alone is said to drift."""
NOTABLE = 1.01
"""Ratio of levels below which drift or rounds are not worth a sentence."""
_MINOR = 0.05
_FORMS: dict[Form, tuple[str, str, float]] = {
    Form.HEAVY_TAIL: (HEAVY_TAIL, "the slow trials form a heavy tail without separate modes", 4 * _MINOR),
    Form.RESOLUTION_LIMITED: (
        RESOLUTION,
        "the trials are equal to within the clock's tick, so nothing can be said of their spread",
        4 * _MINOR,
    ),
    Form.TOO_FEW: (TOO_FEW, "there are too few trials to describe their distribution", 2 * _MINOR),
}


def find_trials(named: Sequence[Named]) -> list[Finding]:
    """At most one finding of each kind."""
    shaped = [(one, one.cell.shape) for one in named if one.cell.shape is not None]
    if not shaped:
        return []
    found = [_of_form(form, shaped) for form in _FORMS]
    found += [_body_modes(shaped), _drift(shaped), _dependence(shaped), _rounds_differ(named)]
    return [one for one in found if one is not None]


Shaped = Sequence[tuple[Named, Shape]]


def _of_form(form: Form, shaped: Shaped) -> Finding | None:
    members = [one for one, shape in shaped if shape.form is form]
    if not members:
        return None
    kind, text, weight = _FORMS[form]
    return Finding(
        kind,
        _said(members, [one for one, _ in shaped], text),
        keys(members),
        {"share": len(members) / len(shaped)},
        weight=weight * (len(members) / len(shaped)) ** 0.5,
        count=len(members),
        of=len(shaped),
    )


def _said(members: Sequence[Named], every: Sequence[Named], text: str) -> str:
    if len(members) == 1:
        return sentence(place(members[0].where), text)
    return f"In {having(members, every)} {text}"


def _body_modes(shaped: Shaped) -> Finding | None:
    members = [(one, max(shape.body_modes_s) / min(shape.body_modes_s)) for one, shape in shaped if shape.body_modes_s]
    if not members:
        return None
    ratios = [ratio for _, ratio in members]
    text = f"the body of the distribution has several modes, apart by {_middle([ratio - 1 for ratio in ratios])}"
    cells = [one for one, _ in members]
    return Finding(
        BODY_MODES,
        _said(cells, [one for one, _ in shaped], text),
        keys(cells),
        {"apart": float(np.median(ratios)) - 1},
        weight=factor_weight(float(np.median(ratios)), len(members), len(shaped)),
        count=len(members),
        of=len(shaped),
    )


def _middle(shares: Sequence[float]) -> str:
    """`4.1 %`, or `4.1 % (3.2 to 5.0 %) in the median`."""
    middle = change(float(np.median(shares)))
    spread = span(change(min(shares)), change(max(shares))) if len(shares) > 1 else ""
    return f"{middle} in the median ({spread})" if spread else middle


def _drift(shaped: Shaped) -> Finding | None:
    """The rounds of all cells are one family (Holm); without one that holds in it, their number must exceed chance."""
    rounds = sum(len(one.cell.series) for one, _ in shaped)
    found = [(one, drift) for one, shape in shaped for drift in shape.drifts]
    adjusted = holm([drift.trend_p for _, drift in found] + [1.0] * (rounds - len(found)))
    shown = [pair for pair, p in zip(found, adjusted, strict=False) if p <= RISK]
    chance = float(bdtrc(len(found) - 1, max(rounds, len(found)), 2 * TREND_P)) if found else 1.0
    pairs = [(one, drift) for one, drift in shown or found if abs(drift.change) >= NOTABLE - 1]
    if not pairs or (not shown and chance > RISK):
        return None
    members = list({one.key: one for one, _ in pairs}.values())
    largest = max(pairs, key=lambda pair: abs(pair[1].change))
    return Finding(
        DRIFT,
        _drift_text(members, [one for one, _ in shaped], [drift for _, drift in pairs], largest),
        keys(members),
        {"change": largest[1].change, "rounds": len(pairs)},
        strength=Strength.SHOWN if shown else Strength.SUGGESTED,
        weight=factor_weight(1 + abs(largest[1].change), len(members), len(shaped)),
        count=len(members),
        of=len(shaped),
    )


def _drift_text(
    members: Sequence[Named], every: Sequence[Named], drifts: Sequence[Drift], largest: tuple[Named, Drift]
) -> str:
    named, drift = largest
    far = f"rises by {change(drift.change)}" if drift.change > 0 else f"falls by {units.percent(-drift.change)}"
    if len(members) == 1:
        return sentence(place(named.where), f"latency {far} within round {drift.round + 1}")
    typical = change(float(np.median([abs(one.change) for one in drifts])))
    where = f"Within a round latency drifts in {having(members, every)}"
    return f"{where}: by {typical} in the median of {len(drifts)} rounds; at {place(named.where)} it {far}"


def _dependence(shaped: Shaped) -> Finding | None:
    adjusted = holm([shape.independence_p for _, shape in shaped])
    members = [one for (one, _), p in zip(shaped, adjusted, strict=True) if p <= RISK]
    if not members:
        return None
    text = "a trial depends on the trials before it, so that intervals within a round need blocks of trials"
    return Finding(
        DEPENDENCE,
        _said(members, [one for one, _ in shaped], text),
        keys(members),
        {"share": len(members) / len(shaped)},
        weight=_MINOR * (1 + len(members) / len(shaped)),
        count=len(members),
        of=len(shaped),
    )


def _rounds_differ(named: Sequence[Named]) -> Finding | None:
    """The cells are one family (Holm)."""
    compared = [(one, compare_levels([series.values for series in one.cell.series])) for one in named]
    tested: list[tuple[Named, RoundSpread]] = [(one, spread) for one, spread in compared if spread is not None]
    adjusted = holm([spread.p for _, spread in tested])
    pairs = [pair for pair, p in zip(tested, adjusted, strict=True) if p <= RISK and pair[1].ratio >= NOTABLE]
    if not pairs:
        return None
    pairs.sort(key=lambda pair: -pair[1].ratio)
    members = [one for one, _ in pairs]
    every = [one for one, _ in tested]
    worst, spread = pairs[0]
    rounds = len(worst.cell.series)
    text = f"the {rounds} rounds differ by {change(spread.ratio - 1)}, more than their trials explain"
    if len(pairs) > 1:
        middle = change(float(np.median([one.ratio for _, one in pairs])) - 1)
        most = f"{change(spread.ratio - 1)} (at {place(worst.where)})"
        text = f"rounds differ by more than their trials explain: by {middle} in the median, at most by {most}"
    return Finding(
        ROUNDS_DIFFER,
        f"{_said(members, every, text)}; one process alone would mislead",
        keys(members),
        {"ratio": float(np.median([one.ratio for _, one in pairs])), "most": spread.ratio},
        weight=factor_weight(spread.ratio, len(pairs), len(tested)),
        count=len(pairs),
        of=len(tested),
    )
