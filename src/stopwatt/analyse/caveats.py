"""What a reader of a comparison must know besides its numbers."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from datetime import datetime
from statistics import median

from stopwatt.analyse.energy import ENERGY_METRICS
from stopwatt.analyse.estimate import counted
from stopwatt.analyse.weighing import Pair
from stopwatt.meters.sentinel import MOVED, SAME_TEMPERATURE
from stopwatt.records import Note, Severity
from stopwatt.stats.intervals import LEAST_ROUNDS
from stopwatt.units import change, duration


def caveats(pairs: Sequence[Pair], metric: str, *, paired: bool) -> tuple[Note, ...]:
    """Notes on the pairs of a comparison.

    Args:
        pairs: At least one.
        metric: What is compared.
        paired: Whether A and B were measured in turn.
    """
    found = (
        None if paired else _one_after_another(pairs),
        None if paired else _same_versions(pairs),
        _few_rounds(pairs),
        _lost_rounds(pairs),
        _warnings(pairs),
        *((_temperatures(pairs), _sentinels(pairs)) if metric in ENERGY_METRICS else ()),
    )
    return tuple(note for note in found if note is not None)


def _one_after_another(pairs: Sequence[Pair]) -> Note | None:
    """Two sets of rounds that do not interleave: what the machine did in between looks like a difference.

    When rounds of an imported table were measured is not known: their time is that of the import.
    """
    if any(one.imported for pair in pairs for member in pair for one in member.rounds):
        return None
    a, b = ([_time(one.started_at) for pair in pairs for one in pair[side].rounds] for side in (0, 1))
    if not a or not b or None in {*a, *b}:
        return None
    moments = [[moment for moment in side if moment is not None] for side in (a, b)]
    gap = max(min(moments[1]) - max(moments[0]), min(moments[0]) - max(moments[1]))
    if gap < 0:
        return None
    later = "B after A" if moments[1] > moments[0] else "A after B"
    return Note(
        "one-after-another",
        f"all rounds of one side were measured before those of the other ({later}, {duration(gap)} between them): "
        "a machine that became slower or faster meanwhile looks the same as code that did",
        now="measure A once more and compare it with the first A: what differs is the machine; or measure both in turn "
        "with stopwatt compare --now, or --commands",
    )


def _same_versions(pairs: Sequence[Pair]) -> Note | None:
    if any(a.cell.key != b.cell.key for a, b in pairs):
        return None
    return Note(
        "same-versions",
        "A and B are the same code on the same versions of the software: a difference is the machine's, or chance",
        Severity.INFO,
    )


def _few_rounds(pairs: Sequence[Pair]) -> Note | None:
    few = sum(min(len(a.rounds), len(b.rounds)) < LEAST_ROUNDS for a, b in pairs)
    if not few:
        return None
    return Note(
        "too-few-rounds",
        f"{few} of {len(pairs)} cells have fewer than {LEAST_ROUNDS} rounds on a side: they have no interval, and "
        "nothing is decided",
        now=f"measure with --rounds {LEAST_ROUNDS} or more",
    )


def _lost_rounds(pairs: Sequence[Pair]) -> Note | None:
    lost = [sum(bool(pair[side].failed) for pair in pairs) for side in (0, 1)]
    if not any(lost):
        return None
    first = next(member for pair in pairs for member in pair if member.failed)
    return Note(
        "lost-rounds",
        f"some rounds gave no value: in {lost[0]} of {len(pairs)} cells of A, {lost[1]} of B; the first: {first.why}",
        now="stopwatt show lists the rounds",
    )


def _warnings(pairs: Sequence[Pair]) -> Note | None:
    """What the measurements themselves warn of."""
    told = [f"{name}: {text}" for name, text in zip("AB", (_kinds(pairs, 0), _kinds(pairs, 1)), strict=True) if text]
    if not told:
        return None
    return Note(
        "warned-rounds",
        f"rounds carry warnings ({'; '.join(told)}): their values may be off",
        now="stopwatt show ID shows a round with its notes",
    )


def _temperatures(pairs: Sequence[Pair]) -> Note | None:
    """That a pair was measured at different temperatures: the pair where they differ most."""
    known = [
        tuple(median(found) for found in degrees)
        for a, b in pairs
        if all(degrees := [[r.temperature for r in side.rounds if r.temperature is not None] for side in (a, b)])
    ]
    ours, theirs = max(known, key=lambda both: abs(both[1] - both[0]), default=(0.0, 0.0))
    if abs(theirs - ours) <= SAME_TEMPERATURE:
        return None
    return Note(
        "energy-temperatures",
        f"the energy windows of A began at {ours:.0f} °C, those of B at {theirs:.0f} °C: a warmer chip leaks more, and "
        "of the difference some may be that",
        now="measure both in turn: stopwatt compare --now",
    )


def _sentinels(pairs: Sequence[Pair]) -> Note | None:
    """That the device itself took another energy on either side: the device where that differs most."""
    sides: tuple[dict[Hashable, list[float]], ...] = (defaultdict(list), defaultdict(list))
    for one, of_device in ((one, sides[side]) for pair in pairs for side in (0, 1) for one in pair[side].rounds):
        if one.sentinel is not None:
            of_device[one.sentinel.device].append(one.sentinel.joules)
    ratios = [median(sides[1][device]) / median(sides[0][device]) for device in sides[0].keys() & sides[1].keys()]
    most = max(ratios, key=lambda ratio: abs(ratio - 1), default=1.0)
    if abs(most - 1) <= MOVED:
        return None
    return Note(
        "energy-sentinels",
        f"the same fixed work took {change(most)} energy in the rounds of B: so much of a difference is the device's",
        now="measure both in turn: stopwatt compare --now",
    )


def _kinds(pairs: Sequence[Pair], side: int) -> str:
    """`no-steady-state in 3 rounds, load in 1 round`."""
    counts = Counter(kind for pair in pairs for one in pair[side].rounds for kind in one.warnings)
    return ", ".join(f"{kind} in {counted(count, 'round')}" for kind, count in counts.most_common())


def _time(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None
