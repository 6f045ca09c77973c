"""Energy of any time, as `stopwatt.meter()` takes it: a load that begins and ends with it, or lies within it."""

from collections.abc import Callable

import numpy as np

from detection_env.rates import Table, share
from meter_truth_env.cases import cycle
from meter_truth_env.device import OFFSET_NS, Instrument
from meter_truth_env.load import Pieces, Run
from meter_truth_env.truth import HELD_OUT
from stopwatt.meters.window import energy_between
from stopwatt.records import Measured, Suspect, Unavailable
from stopwatt.units import percent

SECONDS = (1, 2, 5, 10, 30)
TICKS = (0.02, 0.1)
BEGIN = 4.0

Drawn = tuple[Run, float, float]


def _exactly(seconds: float, dice: np.random.Generator) -> Drawn:
    begin = BEGIN + dice.uniform(0, 0.2)
    return Run(begin, begin + seconds, Pieces((0.0,), (500.0,))), begin, begin + seconds


def _inside(seconds: float, dice: np.random.Generator) -> Drawn:
    begin = BEGIN + dice.uniform(0, 0.2)
    loaded = begin + dice.uniform(0.1, 0.3) * seconds
    return Run(loaded, loaded + seconds / 2, Pieces((0.0,), (500.0,))), begin, begin + seconds


def _cycling(period_s: float) -> Callable[[float, np.random.Generator], Drawn]:
    def draw(seconds: float, dice: np.random.Generator) -> Drawn:
        begin = BEGIN + dice.uniform(0, 0.2)
        return Run(begin, begin + seconds, cycle(period_s)(dice)), begin, begin + seconds

    return draw


KINDS = {
    "a constant load, exactly": (_exactly, Instrument()),
    "idle, a load, idle": (_inside, Instrument()),
    "a cycle of 70 ms": (_cycling(0.07), Instrument()),
    "a cycle of 400 ms": (_cycling(0.4), Instrument()),
    "a constant load, counter 5 % off": (_exactly, Instrument(gain=1.05)),
}


def times(seeds: int) -> Table:
    """One line a kind of time, tick and length."""
    table = Table(
        "Any time, one instrument (`stopwatt.meter()`)",
        (
            "what happens in it",
            "tick",
            "length",
            "measured",
            "suspect",
            "unavailable",
            "largest error",
            "of suspect ones",
        ),
    )
    for row, (name, tick, seconds) in enumerate((n, t, s) for n in KINDS for t in TICKS for s in SECONDS):
        draw, instrument = KINDS[name]
        outcomes = [
            _one(draw, instrument.but(tick_s=tick), seconds, np.random.default_rng([HELD_OUT, row, seed]))
            for seed in range(seeds)
        ]
        shares = [share([kind is one for kind, _ in outcomes]) for one in (Measured, Suspect, Unavailable)]
        worst = [
            max((abs(error) for kind, error in outcomes if kind is one), default=None) for one in (Measured, Suspect)
        ]
        table.add(
            name,
            f"{1e3 * tick:.0f} ms",
            f"{seconds} s",
            *(percent(rate.value) for rate in shares),
            *("-" if error is None else percent(error) for error in worst),
            what=name,
            tick_s=tick,
            seconds=seconds,
            measured=shares[0],
            suspect=shares[1],
            unavailable=shares[2],
            largest_error=worst[0],
            largest_suspect=worst[1],
        )
    return table


def _one(
    draw: Callable[[float, np.random.Generator], Drawn],
    instrument: Instrument,
    seconds: float,
    dice: np.random.Generator,
) -> tuple[type, float]:
    run, begin, end = draw(seconds, dice)
    trace, _ = instrument.trace(run, end + 1.0, dice)
    joules, _ = energy_between(trace, *(round(moment * 1e9) + OFFSET_NS for moment in (begin, end)))
    if isinstance(joules, Unavailable):
        return Unavailable, 0.0
    return type(joules), float(joules.value / np.diff(run.joules(np.array([begin, end])))[0] - 1)
