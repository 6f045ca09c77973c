"""Which ways of measuring are tried on a setup: the levels of each factor, and designs over them.

A screening looks at every single change first. Pairs come second, and only where both of their parts were found to
matter: an interaction of two factors that do nothing by themselves is rare (strong effect heredity: Hamada and Wu 1992,
"Analysis of designed experiments with complex aliasing"; Wu and Hamada, "Experiments"). The classic table, warm-up x
synchronisation x timer, is always there. A full factorial is everything with everything.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations, product
from math import prod
from typing import Any

from stopwatt.backends import catalogue
from stopwatt.devices.resolve import kind_of
from stopwatt.errors import UsageError
from stopwatt.records import Setup
from stopwatt.ways import (
    FACTOR_NAMES,
    OWN_LOOP,
    REFERENCE,
    Cache,
    Collector,
    Copies,
    Inputs,
    Load,
    Timer,
    Waiting,
    Warming,
    Way,
    contradiction,
)

Levels = Mapping[str, tuple[Any, ...]]
"""Field of `Way` -> levels other than the reference's."""

CLASSIC = ("warmup", "sync", "timer")
"""Fields whose pairs and triples are always tried."""
MOST_WAYS = 5_000
"""Of one design."""
_PAIR, _TRIPLE = 2, 3


class Interactions(StrEnum):
    """Which pairs of changes follow the single ones."""

    HEREDITY = "heredity"  # those whose parts both matter, and warm-up x synchronisation x timer
    NONE = "none"
    ALL = "all"  # every pair, and warm-up x synchronisation x timer


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A way that is not tried, and why."""

    way: Way
    why: str


@dataclass(frozen=True, slots=True)
class Design:
    """Ways to try, each once, and those that cannot be."""

    ways: tuple[Way, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def offered(setup: Setup, cores: int) -> Levels:
    """The levels of every factor that are tried unless others are asked for; some may be impossible in this setup.

    Args:
        setup: What is measured.
        cores: That this process may use.
    """
    return {
        "warmup": (Warming.NONE, Warming.FIXED),
        "sync": (Waiting.NONE, Waiting.END),
        "timer": (Timer.TIME, Timer.BENCHMARK, Timer.EVENTS, Timer.GRAPH, Timer.DO_BENCH),
        "inputs": (Inputs.ONE, Inputs.ZEROS),
        "cache": (Cache.FLUSHED,),
        "gc": (Collector.RUNNING,),
        "threads": (cores if setup.threads == 1 else 1,),
        "copies": (Copies.INSIDE,),
        "idle_s": (0.001, 0.01, 0.1),
        "load": (Load.CPU,),
    }


def refusal(way: Way, setup: Setup) -> str:
    """Why a way cannot be measured in this setup, as far as that is known beforehand; empty where it may be."""
    return contradiction(way, kind_of(setup.device)) or _timer_refusal(way, setup) or _threads_refusal(way, setup)


def _timer_refusal(way: Way, setup: Setup) -> str:
    if way.timer not in OWN_LOOP or catalogue.get(setup.backend).packages[0] == "torch":
        return ""
    return f"timer={way.timer} times what torch runs, and {setup.backend} runs the model itself"


def _threads_refusal(way: Way, setup: Setup) -> str:
    if not way.threads:
        return ""
    if way.threads == setup.threads:
        return f"threads={way.threads} is what the setup has"
    if getattr(catalogue.get(setup.backend), "adjusts_threads", False):
        return ""
    return f"threads={way.threads}: {setup.backend} cannot change its threads while the model is loaded"


def possible(levels: Levels, setup: Setup) -> tuple[Levels, tuple[LeftOut, ...]]:
    """The levels that can be measured by themselves, and the others; factors without any are gone."""
    left_out: list[LeftOut] = []
    kept: dict[str, tuple[Any, ...]] = {}
    for name, values in levels.items():
        reasons = {value: refusal(_way({name: value}), setup) for value in values}
        left_out += [LeftOut(_way({name: value}), why) for value, why in reasons.items() if why]
        if good := tuple(value for value, why in reasons.items() if not why):
            kept[name] = good
    return kept, tuple(left_out)


def singles(levels: Levels) -> tuple[Way, ...]:
    """Every level by itself."""
    return tuple(_combined(levels, 1))


def follow_up(
    levels: Levels,
    setup: Setup,
    interactions: Interactions,
    matter: Collection[Way] = (),
    lost: Collection[Way] = (),
) -> Design:
    """Ways with several changes that follow the single ones.

    Args:
        levels: That were tried by themselves.
        setup: What is measured.
        interactions: Which pairs are wanted.
        matter: Ways with one change whose effects are decided and outside the margin.
        lost: Ways with one change that turned out not to be measurable here: nothing is tried together with them.
    """
    if interactions is Interactions.NONE:
        return Design()
    classic = {name: levels[name] for name in CLASSIC if name in levels}
    pairs = [
        way
        for way in _combined(levels, _PAIR)
        if interactions is Interactions.ALL or all(part in matter for part in parts_of(way))
    ]
    wanted = dict.fromkeys((*_combined(classic, _PAIR), *_combined(classic, _TRIPLE), *pairs))
    return _sorted_out([way for way in wanted if not any(part in lost for part in parts_of(way))], setup)


def factorial(levels: Levels, setup: Setup) -> Design:
    """Every combination of levels, those with fewer changes first.

    Raises:
        UsageError: There would be more than `MOST_WAYS`; none is made.
    """
    count = prod(len(values) + 1 for values in levels.values()) - 1
    if count > MOST_WAYS:
        sizes = " x ".join(f"{len(values) + 1} {FACTOR_NAMES[name]}" for name, values in levels.items())
        raise UsageError(
            f"a full factorial has {count} ways here, which is too many",
            when=f"{sizes} levels, contradictions included",
            now=f"choose fewer factors (--factor) or levels (--level), for {MOST_WAYS} ways at most",
        )
    return _sorted_out([way for size in range(1, len(levels) + 1) for way in _combined(levels, size)], setup)


def parts_of(way: Way) -> tuple[Way, ...]:
    """Its changes, each by itself."""
    return tuple(_way({name: level}) for name, level in way.changes.items())


def _combined(levels: Levels, size: int) -> Iterator[Way]:
    """Ways with so many changes."""
    for names in combinations(levels, size):
        for values in product(*(levels[name] for name in names)):
            yield _way(dict(zip(names, values, strict=True)))


def _way(changes: Mapping[str, Any]) -> Way:
    return replace(REFERENCE, **changes)


def _sorted_out(ways: Iterable[Way], setup: Setup) -> Design:
    """Ways that contradict themselves apart from the others."""
    reasons = {way: refusal(way, setup) for way in ways}
    return Design(
        tuple(way for way, why in reasons.items() if not why),
        tuple(LeftOut(way, why) for way, why in reasons.items() if why),
    )
