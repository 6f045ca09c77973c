"""From what a test saw to a verdict: what nothing but a fault explains, and what a disturbed machine may have done.

A fault of the tool is there each time it is looked for; a disturbance comes and goes, and it only ever lengthens what
is timed. So a claim that is not shown is tried again, a few times. It fails if what was seen cannot come from a
disturbance (a call that reads shorter than it lasted, a trial that is lost), or if the machine was quiet in every try.
Otherwise it is undecided.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from stopwatt.analyse.selftests import Claim, Verdict
from stopwatt.devices.fitness import judge
from stopwatt.devices.usage import CpuUsage
from stopwatt.records import Measured, Measurement

TRIES = 3
_DISTURBANCES = frozenset({"foreign-cpu", "steal", "throttled", "memory-pressure", "page-faults"})
"""Kinds of notes (`devices.fitness`) of what lengthens calls."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one try showed.

    Attributes:
        sentence: With its number, without a full stop.
        fault: What no disturbance explains; empty for nothing.
        short: Whether the claim was not shown, for whatever reason.
        disturbed: What disturbed the machine meanwhile; empty where nothing is known.
        numbers, limit: As in `Claim`.
    """

    sentence: str
    fault: str = ""
    short: bool = False
    disturbed: str = ""
    numbers: Mapping[str, Measured] = field(default_factory=dict)
    limit: Measured | None = None


def judged(name: str, look: Callable[[], Seen], tries: int = TRIES) -> Claim:
    """The verdict of a claim after as many tries as it takes.

    Args:
        name: Of the claim.
        look: One try.
        tries: How many there are at most.
    """
    disturbed: list[str] = []
    for _ in range(tries):
        seen = look()
        if seen.fault:
            return _claim(name, Verdict.FAILS, seen, seen.fault)
        if not seen.short:
            return _claim(name, Verdict.HOLDS, seen, seen.sentence)
        disturbed += [seen.disturbed] if seen.disturbed else []
    if disturbed:
        return _claim(name, Verdict.UNDECIDED, seen, f"the machine is too noisy ({disturbed[-1]}): {seen.sentence}")
    again = f", in each of {tries} tries" if tries > 1 else ""
    return _claim(name, Verdict.FAILS, seen, f"{seen.sentence}{again}")


def _claim(name: str, verdict: Verdict, seen: Seen, sentence: str) -> Claim:
    return Claim(name, verdict, sentence, seen.numbers, seen.limit)


def disturbance(measurements: Iterable[Measurement]) -> str:
    """What disturbed rounds, as they noted themselves; empty for nothing."""
    texts = (note.text for one in measurements for note in one.notes if note.kind in _DISTURBANCES)
    return _first_clause(next(texts, ""))


def watched(look: Callable[[], Seen], threads: int = 1) -> Seen:
    """What a try in this process showed, with what disturbed the machine meanwhile."""
    before = CpuUsage.read()
    seen = look()
    notes = judge({}, {}, usage=CpuUsage.read().since(before), threads=threads).notes
    texts = [note.text for note in notes if note.kind in _DISTURBANCES]
    return replace(seen, disturbed=seen.disturbed or _first_clause(texts[0] if texts else ""))


def _first_clause(text: str) -> str:
    return text.partition(":")[0]
