"""The classic table: what is reported for each warm-up, synchronisation and timer together."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from stopwatt import units
from stopwatt.analyse.study import Effect, Study
from stopwatt.reporting.console import MISSING
from stopwatt.reporting.ways_lines import DECIDED, measured
from stopwatt.ways import OWN_LOOP, REFERENCE, Timer, Waiting, Warming, Way, contradiction

FACTORS = frozenset({"warmup", "sync", "timer"})
LEAST = 4
"""Combinations that make a table; and at least half of those that are possible, so that it is not mostly empty."""
IMPOSSIBLE = "impossible"
NOTE = "Average call with the interval of its ratio to the reference; * differs from the reference"
"""What stands below the table."""


@dataclass(frozen=True, slots=True)
class CrossTable:
    """Reported averages; a row for each synchronisation and timer, a column for each warm-up.

    Attributes:
        scale: Unit of all its numbers.
        warmups: Of the columns.
        rows: Synchronisation, timer, and a text for each warm-up.
        ways: Those of which it shows a number, besides the reference.
    """

    scale: units.Scale
    warmups: tuple[Warming, ...]
    rows: tuple[tuple[Waiting, Timer, tuple[str, ...]], ...]
    ways: frozenset[Way]


def cross_table(study: Study) -> CrossTable | None:
    """The table of a study; `None` where too few of its combinations were measured."""
    effects = (*study.effects, *study.combined)
    known = {one.way: one for one in measured(effects) if FACTORS.issuperset(one.way.changes)}
    if study.reference.value is None or not any(len(way.changes) > 1 for way in known):
        return None
    held = {REFERENCE, *known}
    warmups = tuple(level for level in Warming if any(way.warmup is level for way in held))
    pairs = [(sync, timer) for sync, timer in _pairs(held) if _told(sync, timer, held)]
    possible = sum(
        not contradiction(Way(warmup, *pair), study.setup.device) for pair, warmup in product(pairs, warmups)
    )
    if len(held) < max(LEAST, possible / 2):
        return None
    scale = units.scale_for([study.reference.value], "s")
    rows = tuple(
        (sync, timer, tuple(_text(Way(warmup, sync, timer), known, study, scale) for warmup in warmups))
        for sync, timer in pairs
    )
    return CrossTable(scale, warmups, rows, frozenset(known))


def _pairs(held: set[Way]) -> Iterator[tuple[Waiting, Timer]]:
    syncs = [level for level in Waiting if any(way.sync is level for way in held)]
    timers = [level for level in Timer if any(way.timer is level for way in held)]
    return product(syncs, timers)


def _told(sync: Waiting, timer: Timer, held: set[Way]) -> bool:
    """Whether a row says anything; that a timer with a loop of its own cannot be told when to wait goes unsaid."""
    return timer not in OWN_LOOP or any((way.sync, way.timer) == (sync, timer) for way in held)


def _text(way: Way, known: Mapping[Way, Effect], study: Study, scale: units.Scale) -> str:
    if way == REFERENCE:
        found = study.reference
        return _number(found.value, found.low, found.high, scale)
    if way not in known:
        return IMPOSSIBLE if contradiction(way, study.setup.device) else MISSING
    effect = known[way]
    reference = effect.reference_s or 0.0
    bounds = [None if end is None else end * reference for end in (effect.ratio.low, effect.ratio.high)]
    mark = " *" if effect.ratio.verdict in DECIDED else ""
    return _number(effect.reported_s, bounds[0], bounds[1], scale) + mark


def _number(value: float | None, low: float | None, high: float | None, scale: units.Scale) -> str:
    if value is None:
        return MISSING
    return (
        units.column_value(value, scale)
        if low is None or high is None
        else (units.column_interval(value, low, high, scale))
    )
