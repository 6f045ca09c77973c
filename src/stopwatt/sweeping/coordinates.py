"""What the names and values of a grid mean: parameters of a workload, and the coordinates of its setup."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from stopwatt.backends import catalogue
from stopwatt.devices.fitness import usable_threads
from stopwatt.devices.resolve import require_driver
from stopwatt.errors import StopwattError, UsageError
from stopwatt.extensions import unknown
from stopwatt.records import PRECISIONS, Boundary, Scalar
from stopwatt.sweeping.grid import Assignment, Axis, Block, Exclusion
from stopwatt.units import parse
from stopwatt.workloads.base import Family
from stopwatt.workloads.params import check_params

WORKLOAD = "workload"
IDLE = "idle"
"""Pause before each timed call."""
SETUP = ("backend", "precision", "batch", "device", "threads", "boundary", IDLE)
PARAM = "."
"""Stands before the names of parameters, so that one called `batch` is not taken for the batch size."""

AUTO = "auto"
ALL = "all"
"""Stand for several backends."""

MOST_BATCH = 2**20
MOST_THREADS_PER_CORE = 4
LONGEST_IDLE_S = 3600.0
_BOUNDARIES = (str(Boundary.DEVICE), str(Boundary.HOST))


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the axes of a grid as they concern one workload.

    Attributes:
        sources: All workloads of the grid.
        own: Names that the grid gives for this workload alone; they win over what is given for all.
        facts: Of the machine.
    """

    source: str
    family: Family
    sources: Sequence[str]
    own: frozenset[str]
    facts: Mapping[str, Scalar]

    def block(self, block: Block) -> list[Assignment]:
        """The assignments of a block: typed, checked, and without what does not concern this workload.

        Raises:
            UsageError: An unknown name, a value that cannot be, or one that occurs twice.
        """
        mine = [number for number, value in enumerate(_workloads(block)) if value in (self.source, None)]
        columns = {
            name: [self.value(name, axis.values[number], axis.place(number)) for number in mine]
            for axis in block
            if (name := self.name(axis)) is not None
        }
        rows: dict[tuple[object, ...], Assignment] = {}
        for place, row in enumerate(zip(*columns.values(), strict=True)):
            identity = tuple(map(_identity, row))
            if identity in rows and len(columns) == len(block):
                raise _twice(block, row, mine[place])
            rows.setdefault(identity, dict(zip(columns, row, strict=True)))
        return list(rows.values())

    def exclusion(self, exclusion: Exclusion, given: Mapping[str, Axis]) -> Mapping[str, frozenset[Scalar]] | None:
        """The conditions of an exclusion by coordinate; `None` where one does not concern this workload.

        Args:
            exclusion: As written.
            given: The grid's axes by name.

        Raises:
            UsageError: It names something that is no axis, or a value that its axis does not have.
        """
        found: dict[str, frozenset[Scalar]] = {}
        for condition in exclusion.conditions:
            if condition.name not in given:
                with written_at(condition.where):
                    raise unknown("axis in an exclusion", condition.name, given)
            name = self.name(condition)
            if name is None:
                return None
            found[name] = frozenset(
                self.value(name, value, condition.place(number)) for number, value in enumerate(condition.values)
            )
        return found

    def name(self, axis: Axis) -> str | None:
        """What an axis means for this workload; `None` for nothing.

        Raises:
            UsageError: Neither a coordinate of the setup nor a parameter of the workload.
        """
        if axis.name in (WORKLOAD, *SETUP):
            return axis.name
        owner = next((source for source in self.sources if axis.name.startswith(f"{source}.")), None)
        if owner is not None:
            return PARAM + axis.name.removeprefix(f"{owner}.") if owner == self.source else None
        if PARAM + axis.name in self.own:
            return None
        known = [param.name for param in self.family.params]
        if axis.name not in known and not self.family.open_params:
            refusal = unknown(f"axis of {self.source}", axis.name, [*known, *SETUP])
            other = next((f"{source}.{axis.name}" for source in self.sources if source != self.source), "")
            hint = f"; what another workload alone has is named after it, as {other}" if other else ""
            raise UsageError(refusal.what, when=axis.where, now=f"{refusal.now}{hint}")
        return PARAM + axis.name

    def value(self, name: str, value: Scalar, where: str = "") -> Scalar:
        """A value as the coordinate has it.

        Raises:
            UsageError: It cannot be a value of that coordinate.
        """
        with written_at(where):
            if name.startswith(PARAM):
                param = name.removeprefix(PARAM)
                return check_params(self.family, {param: value})[param]
            return threads_of(value, self.facts) if name == "threads" else _OF_SETUP[name](value)


def _workloads(block: Block) -> Sequence[Scalar | None]:
    """The workload of each of a block's assignments, where the block has that axis."""
    axis = next((axis for axis in block if axis.name == WORKLOAD), None)
    return [None] * len(block[0].values) if axis is None else axis.values


def own_names(source: str, axes: Iterable[Axis]) -> frozenset[str]:
    """Coordinates that axes give for one workload alone (`lstm.hidden`)."""
    start = f"{source}."
    return frozenset(PARAM + axis.name.removeprefix(start) for axis in axes if axis.name.startswith(start))


@cache
def _backend(value: Scalar) -> str:
    return catalogue.read(str(value)).backend_label


def _precision(value: Scalar) -> str:
    return _one_of("precision", str(value), PRECISIONS)


def _batch(value: Scalar) -> int:
    number = _whole("batch", value)
    if not 1 <= number <= MOST_BATCH:
        raise UsageError(f"batch {number} is out of range", now=f"use a batch size from 1 to {MOST_BATCH}")
    return number


def _device(value: Scalar) -> str:
    require_driver(str(value))
    return str(value)


def threads_of(value: Scalar, facts: Mapping[str, Scalar]) -> int:
    """Host threads; as many as this process may use cores for 0.

    Raises:
        UsageError: No such number.
    """
    number, usable = _whole("threads", value), usable_threads(facts)
    if number < 0 or number > MOST_THREADS_PER_CORE * usable:
        raise UsageError(f"{number} threads are out of range", now=f"this process can run {usable} at once")
    return number or usable


def _boundary(value: Scalar) -> str:
    return _one_of("boundary", str(value), _BOUNDARIES)


def _idle(value: Scalar) -> float:
    seconds = parse(str(value), "s")
    if not 0 <= seconds <= LONGEST_IDLE_S:
        raise UsageError(f"idle {value} is out of range", now=f"use a pause from 0 to {LONGEST_IDLE_S:g} s")
    return seconds


_OF_SETUP: Mapping[str, Callable[[Scalar], Scalar]] = {
    WORKLOAD: str,
    "backend": _backend,
    "precision": _precision,
    "batch": _batch,
    "device": _device,
    "boundary": _boundary,
    IDLE: _idle,
}


def _one_of(what: str, text: str, known: Sequence[str]) -> str:
    if text not in known:
        raise unknown(what, text, known)
    return text


def _whole(name: str, value: Scalar) -> int:
    try:
        if not isinstance(value, bool):
            return int(str(value))
    except ValueError:
        pass
    raise UsageError(f"cannot read {value!r} as {name}", now="write a whole number, such as 8")


def _identity(value: Scalar) -> tuple[type, Scalar]:
    """What tells values apart: 1, 1.0 and true are equal to Python, but not to a workload."""
    return type(value), value


def _twice(block: Block, row: Sequence[Scalar], number: int) -> UsageError:
    names = ", ".join(f"{axis.name}={value}" for axis, value in zip(block, row, strict=True))
    return UsageError(f"{names} is given twice", when=block[0].place(number), now="give each value once")


@contextmanager
def written_at(where: str) -> Iterator[None]:
    """Errors inside say where their cause was written."""
    try:
        yield
    except StopwattError as error:
        if not where:
            raise
        when = f"{where}: {error.when}" if error.when else where
        raise type(error)(error.what, when=when, now=error.now) from None
