"""Factors, levels and ways of measuring as people write them: `timer=time,events`, `sync=none idle=10ms`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

from stopwatt.devices.fitness import usable_threads
from stopwatt.errors import UsageError
from stopwatt.extensions import unknown
from stopwatt.records import Scalar, Setup
from stopwatt.sweeping.coordinates import threads_of, written_at
from stopwatt.sweeping.design import LeftOut, Levels, offered, possible, refusal
from stopwatt.units import parse
from stopwatt.ways import FACTOR_NAMES, REFERENCE, Way

ALL = "all"
LONGEST_IDLE_S = 60.0
"""A series has ten calls or more, and each way several series in each round."""
_FIELDS = {name: field for field, name in FACTOR_NAMES.items()}
_NEXT = re.compile(r"\s+(?=[\w-]+\s*=)")


def read_ways(texts: Iterable[str], setup: Setup, facts: Mapping[str, Scalar]) -> tuple[Way, ...]:
    """Ways such as `sync=none idle=10ms`, each once.

    Raises:
        UsageError: One cannot be read, is the reference, or cannot be measured in this setup.
    """
    return tuple(dict.fromkeys(_way(text, setup, facts) for text in texts))


def choose_levels(
    factors: Sequence[str], given: Mapping[str, Sequence[Scalar]], setup: Setup, facts: Mapping[str, Scalar]
) -> tuple[Levels, tuple[LeftOut, ...]]:
    """Levels to try, and those of the usual ones that this setup cannot have.

    Args:
        factors: Names of the factors to try; `all` for every one. Without any those in `given`, or all.
        given: Factor -> levels instead of the usual ones. The reference's own may be among them.
        setup: What is measured.
        facts: Of the machine.

    Raises:
        UsageError: An unknown name, a level that cannot be, or nothing left to try.
    """
    wanted = {ALL} if not factors and not given else {*factors, *given}
    for name in wanted - {ALL}:
        _field(name)
    usual = offered(setup, usable_threads(facts))
    chosen = {name: levels for name, levels in usual.items() if FACTOR_NAMES[name] in wanted or ALL in wanted}
    asked = {_field(name): _named_levels(name, values, setup, facts) for name, values in given.items()}
    kept, left_out = possible({name: asked.get(name, levels) for name, levels in chosen.items()}, setup)
    if not kept:
        why = left_out[0].why if left_out else "only levels of the reference were named"
        raise UsageError("there is no way of measuring to try", when=why, now="choose other factors or levels")
    return kept, left_out


def _named_levels(name: str, values: Sequence[Scalar], setup: Setup, facts: Mapping[str, Scalar]) -> tuple[Any, ...]:
    """What somebody asks for by name is refused, not left out, where it cannot be."""
    field = _field(name)
    if not values:
        raise UsageError(f"{name} has no levels", when=f"--level {name}=", now="give it at least one")
    levels = dict.fromkeys(_level(name, value, facts) for value in values)
    reference = {getattr(REFERENCE, field), setup.threads if field == "threads" else getattr(REFERENCE, field)}
    ways = [replace(REFERENCE, **{field: level}) for level in levels if level not in reference]
    for way in ways:
        _check(way, setup, f"--level {name}")
    return tuple(getattr(way, field) for way in ways)


def _way(text: str, setup: Setup, facts: Mapping[str, Scalar]) -> Way:
    changes: dict[str, Any] = {}
    where = f'--way "{text}"'
    for word in _NEXT.split(text.strip()):
        name, equals, value = (part.strip() for part in word.partition("="))
        if not equals or not name or not value:
            raise UsageError(f"cannot read {word!r} in a way", when=where, now='write --way "sync=none timer=time"')
        with written_at(where):
            field, level = _field(name), _level(name, value, facts)
        if field in changes:
            raise UsageError(f"{name} is given twice", when=where, now="give it once")
        changes[field] = level
    way = replace(REFERENCE, **changes)
    if way == REFERENCE:
        raise UsageError("this is the reference", when=where, now="change something: it is measured beside every way")
    _check(way, setup, where)
    return way


def _check(way: Way, setup: Setup, where: str) -> None:
    why = refusal(way, setup)
    if why:
        raise UsageError(why, when=f"{where}, {setup.label}", now="leave it out, or measure another setup")


def _field(name: str) -> str:
    if name not in _FIELDS:
        raise unknown("factor", name, [*_FIELDS, ALL])
    return _FIELDS[name]


def _level(name: str, value: Scalar, facts: Mapping[str, Scalar]) -> Any:
    """A level of the type that the factor has."""
    usual = getattr(REFERENCE, _field(name))
    if isinstance(usual, StrEnum):
        kind = type(usual)
        if str(value) not in list(kind):
            raise unknown(f"level of {name}", str(value), kind)
        return kind(str(value))
    if isinstance(usual, float):
        return _idle(value)
    return threads_of(value, facts)


def _idle(value: Scalar) -> float:
    seconds = parse(str(value), "s")
    if not 0 <= seconds <= LONGEST_IDLE_S:
        raise UsageError(f"idle {value} is out of range", now=f"use a pause from 0 to {LONGEST_IDLE_S:g} s")
    return seconds
