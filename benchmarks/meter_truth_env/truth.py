"""Rounds on simulated instruments: what is made of them, beside what was used."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detection_env.rates import Table, share
from meter_truth_env.cases import Case
from meter_truth_env.schedule import play
from stopwatt.energy import EnergyRules, Scope
from stopwatt.meters.window import energy_of_round
from stopwatt.records import Measured, Reading, Suspect, Unavailable
from stopwatt.units import percent

SIMULATED_TICK_S = 0.1
"""A round makes its windows as long as so slow a counter needs; one that is slower has too few ticks."""

HELD_OUT = 7
"""Sets the seeds apart from those on which the limits were chosen."""


@dataclass(frozen=True)
class Outcome:
    """One round.

    Attributes:
        reading: Energy a call.
        error: Relative to the truth; `None` where there is no figure.
        within: Whether the interval of the round holds the truth.
    """

    reading: Reading
    error: float | None = None
    within: bool = False


def simulate(case: Case, rules: EnergyRules, dice: np.random.Generator) -> Outcome:
    """One round of a case."""
    played = play(case.load(dice), case.draw_call_s(dice), rules, min(case.instrument.tick_s, SIMULATED_TICK_S), dice)
    trace, _ = case.instrument.trace(played.run, played.seconds, dice)
    found = energy_of_round([trace], played.spans, 1, rules)
    scope: Scope = case.instrument.scope
    reading = found.readings[f"energy_{scope}"]
    if isinstance(reading, Unavailable):
        return Outcome(reading)
    error = reading.value / played.truth() - 1
    return Outcome(reading, error, abs(error) <= float(found.facts[f"energy.{scope}.half_width"]))


def rounds(cases: Sequence[Case], rules: EnergyRules, seeds: int) -> Table:
    """One line a case."""
    table = Table(
        f"Rounds of three windows of {rules.window_s:g} s, at least {rules.ticks} ticks ({rules.grade})",
        (
            "load and instrument",
            "measured",
            "suspect",
            "unavailable",
            "typical error",
            "largest error",
            "within ±",
            "why",
        ),
    )
    for number, case in enumerate(cases):
        outcomes = [simulate(case, rules, np.random.default_rng([HELD_OUT, number, seed])) for seed in range(seeds)]
        _line(table, case, outcomes)
    return table


def _line(table: Table, case: Case, outcomes: Sequence[Outcome]) -> None:
    kinds = {
        kind: share([isinstance(one.reading, kind) for one in outcomes]) for kind in (Measured, Suspect, Unavailable)
    }
    measured = [one for one in outcomes if isinstance(one.reading, Measured)]
    errors = [abs(one.error) for one in measured if one.error is not None]
    typical, largest = (float(np.median(errors)), max(errors)) if errors else (None, None)
    within = sum(one.within for one in measured) / len(measured) if measured else None
    reasons = Counter(why for one in outcomes if (why := getattr(one.reading, "why", "")))
    table.add(
        case.name if case.told else f"{case.name} (cannot be told)",
        *(percent(rate.value) for rate in kinds.values()),
        *("-" if error is None else percent(error) for error in (typical, largest)),
        "-" if within is None else percent(within),
        reasons.most_common(1)[0][0] if reasons else "-",
        case=case.name,
        sound=case.sound,
        told=case.told,
        measured=kinds[Measured],
        suspect=kinds[Suspect],
        unavailable=kinds[Unavailable],
        typical_error=typical,
        largest_error=largest,
        within=within,
        reasons=dict(reasons.most_common(3)),
    )
