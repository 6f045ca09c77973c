"""What is simulated: loads, instruments, and whether such an instrument can be told from a sound one."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from meter_truth_env.device import Instrument
from meter_truth_env.load import Cycle, Load, Pieces, Settling
from stopwatt.energy import SCREENING, EnergyRules, Scope

TICKS = (0.02, 0.05, 0.1)
PERIODS = (0.033, 0.07, 0.1)
CALL_S = 0.01
"""Give or take a fifth, by chance: the ends of a window lie anywhere between ticks."""
RAPL_WRAPS_J = 262_143.328850

MakeLoad = Callable[[np.random.Generator], Load]


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Attributes:
        name: For people.
        load: Draws the load; where in its cycle it begins is left to chance.
        call_s: Time of a call: that of a cycle where the load has one.
        instrument: That sees it.
        sound: Whether a figure may be expected of such an instrument.
        told: Whether what is wrong with it can be told at all from what it says.
    """

    name: str
    load: MakeLoad
    instrument: Instrument
    call_s: float = CALL_S
    sound: bool = True
    told: bool = True

    def draw_call_s(self, dice: np.random.Generator) -> float:
        """Time of a call in one round."""
        return self.call_s * dice.uniform(0.8, 1.2) if self.call_s == CALL_S else self.call_s


def constant(dice: np.random.Generator) -> Load:
    """400 W."""
    return Pieces((0.0,), (400.0 + 0 * dice.random(),))


def cycle(period_s: float) -> MakeLoad:
    """500 W and 100 W in turn."""
    return lambda dice: Cycle(period_s, phase_s=dice.uniform(0, period_s))


def step(after_s: float, watts: float = 500.0) -> MakeLoad:
    """300 W, and so long after the load began another power."""
    return lambda _dice: Pieces((0.0, after_s), (300.0, watts))


def noise(sd: float, every_s: float) -> MakeLoad:
    """Another power by chance again and again."""

    def draw(dice: np.random.Generator) -> Load:
        edges = np.arange(0, 60, every_s)
        return Pieces(tuple(edges), tuple(400 * np.clip(1 + sd * dice.normal(size=edges.size), 0.1, None)))

    return draw


def cases(rules: EnergyRules = SCREENING) -> list[Case]:
    """All, in the order of the table.

    Args:
        rules: That the rounds follow: where a load changes is said by their windows.
    """
    return [*_loads(rules), *_sound_instruments(), *_unsound_instruments()]


def _loads(rules: EnergyRules) -> list[Case]:
    found = []
    within, between = rules.settle_s + 0.5, rules.settle_s + rules.window_s + 0.1
    for tick in TICKS:
        seen_by, name = Instrument(tick_s=tick), f"tick {1e3 * tick:.0f} ms"
        found.append(Case(f"constant, {name}", constant, seen_by))
        found += [
            Case(f"cycle of {1e3 * period:.0f} ms, {name}", cycle(period), seen_by, call_s=period) for period in PERIODS
        ]
        found += [
            Case(f"warming up by 15 %, {name}", lambda _dice: Settling(400, -60, 4.0), seen_by),
            Case(f"noise of 5 % every 30 ms, {name}", noise(0.05, 0.03), seen_by),
            Case(f"noise of 5 % every 300 ms, {name}", noise(0.05, 0.3), seen_by),
            Case(f"step of +67 % 0.5 s into a window, {name}", step(within), seen_by),
            Case(f"step of +10 % between windows, {name}", step(between, 330), seen_by),
        ]
    return found


def _sound_instruments() -> list[Case]:
    usual = Instrument()
    rapl = usual.but(
        tick_s=0.001, jitter_s=1e-4, fields=(), scope=Scope.PACKAGE, wraps_j=RAPL_WRAPS_J, starts_j=RAPL_WRAPS_J - 1500
    )
    return [
        Case("RAPL: tick 1 ms, wraps once, no power field", cycle(0.1), rapl, call_s=0.1),
        Case("wraps every 1,000 J", constant, usual.but(wraps_j=1000.0)),
        Case("no power field", cycle(0.07), usual.but(fields=()), call_s=0.07),
        Case("10 % of the readings missing", cycle(0.07), usual.but(dropped=0.1), call_s=0.07),
        Case("nothing read for 0.3 s", cycle(0.07), usual.but(lost=(6.0, 6.3)), call_s=0.07),
        Case("one poll in 20 late by up to 30 ms", cycle(0.07), usual.but(late=0.05), call_s=0.07),
        Case("instant field only, constant load", constant, usual.but(fields=("power_instant",))),
        Case("counter 1.5 % off", constant, usual.but(gain=1.015), told=False),
    ]


def _unsound_instruments() -> list[Case]:
    usual = Instrument()
    wrong = {
        "counter 3 % off": usual.but(gain=1.03),
        "counter 30 % off": usual.but(gain=0.7),
        "averaged power 4 % off": usual.but(power_gain=0.96),
        "reset to 0": usual.but(resets_at=7.5),
        "reset to 0, of a counter that wraps": usual.but(resets_at=7.5, wraps_j=RAPL_WRAPS_J),
        "counter stops": usual.but(stops_at=7.5),
        "counter of 0": usual.but(gain=0.0, starts_j=0.0),
        "nothing read for 0.8 s": usual.but(lost=(7.5, 8.3)),
        "sampler killed": usual.but(lost=(6.0, 99.0), gone="the sampler was killed"),
        "tick 200 ms": usual.but(tick_s=0.2),
        "another process on the GPU": usual.but(others_at=6.5),
        "MIG": usual.but(refused="MIG is on: the counter is that of the whole card"),
    }
    found = [Case(name, constant, instrument, sound=False) for name, instrument in wrong.items()]
    only = usual.but(fields=("power_instant",))
    return [*found, Case("instant field only, cycle of 100 ms", cycle(0.1), only, call_s=0.1, sound=False)]
