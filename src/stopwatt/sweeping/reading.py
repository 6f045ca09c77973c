"""From a grid as it was written to typed values: what each workload's cells are combinations of."""

import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from stopwatt.backends import catalogue
from stopwatt.devices.resolve import kind_of
from stopwatt.errors import UsageError
from stopwatt.records import Precision, Scalar
from stopwatt.sweeping.coordinates import ALL, AUTO, PARAM, WORKLOAD, Reader, own_names
from stopwatt.sweeping.grid import Assignment, Axis, Exclusion, Grid, check_size, matches
from stopwatt.workloads.base import Family

_DEFAULTS: Mapping[str, Scalar] = {
    "backend": "eager",
    "precision": str(Precision.FP32),
    "batch": 1,
    "device": "cpu",
    "threads": 0,
}
_QUICK_TO_START = ("eager", "cudagraph", "onnxruntime", "openvino")
"""Backends of `auto`: those that need no minutes of compilation."""

Conditions = Mapping[str, frozenset[Scalar]]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the cells of one workload are: one assignment of each block, without what an exclusion matches."""

    blocks: list[list[Assignment]]
    exclusions: list[Conditions]


def complete(grid: Grid) -> Grid:
    """The grid with an axis for each coordinate of the setup, and with names for `auto` and `all`.

    Raises:
        UsageError: It has no workload, or `auto` is zipped.
    """
    if not grid.values(WORKLOAD):
        raise UsageError("nothing to measure: no workload was given", now="name one, such as lstm")
    devices = [str(device) for device in grid.values("device") or (_DEFAULTS["device"],)]
    blocks = tuple((_expanded(block[0], devices),) if len(block) == 1 else block for block in grid.blocks)
    for axis in (axis for block in blocks for axis in block if axis.name == "backend"):
        for number, value in enumerate(axis.values):
            if value in (AUTO, ALL):
                when = axis.place(number)
                raise UsageError(f"{value!r} stands for several backends", when=when, now="name those that go together")
    missing = tuple((Axis(name, (value,)),) for name, value in _DEFAULTS.items() if grid.axis(name) is None)
    return replace(grid, blocks=(*blocks, *missing))


def _expanded(axis: Axis, devices: Sequence[str]) -> Axis:
    if axis.name != "backend" or not {AUTO, ALL} & set(axis.values):
        return axis
    return replace(axis, values=tuple(expand_backends(map(str, axis.values), devices)), places=())


def expand_backends(names: Iterable[str], devices: Sequence[str]) -> list[str]:
    """Names of backends, each once; `auto` and `all` as those that are installed and run on one of the devices.

    Raises:
        UsageError: An unknown name or variant.
    """
    kinds = {kind_of(device) for device in devices}
    found: list[str] = []
    for text in names:
        if text in (AUTO, ALL):
            candidates = [name for name in catalogue.names() if text == ALL or name in _QUICK_TO_START]
            found += [name for name in candidates if _installed(name) and _fits(name, kinds)]
        else:
            found.append(catalogue.read(text).backend_label)
    return list(dict.fromkeys(found))


def _installed(name: str) -> bool:
    """Whether its runtime, the first of its packages, is there at all; whether it works shows when it is used."""
    return importlib.util.find_spec(catalogue.get(name).packages[0]) is not None


def _fits(name: str, kinds: Iterable[str]) -> bool:
    return any(catalogue.get(name).precisions(kind) for kind in kinds)


def read_grid(grid: Grid, families: Mapping[str, Family], facts: Mapping[str, Scalar]) -> list[Reading]:
    """What each workload's cells are combinations of.

    Args:
        grid: Complete.
        families: Of its workloads.
        facts: Of the machine.

    Raises:
        UsageError: A name or a value that cannot be, too many cells, an exclusion that matches nothing.
    """
    readers = [
        Reader(source, family, tuple(families), own_names(source, grid.axes), facts)
        for source, family in families.items()
    ]
    blocks = [[rows for block in grid.blocks if (rows := reader.block(block))] for reader in readers]
    check_size(grid, blocks)
    given = {axis.name: axis for axis in grid.axes}
    found: list[list[Conditions]] = [[] for _ in readers]
    for exclusion in grid.exclude:
        conditions = [reader.exclusion(exclusion, given) for reader in readers]
        _check_exclusion(exclusion, conditions, blocks)
        for mine, one in zip(found, conditions, strict=True):
            if one is not None:
                mine.append(one)
    return [Reading(of_one, left_out) for of_one, left_out in zip(blocks, found, strict=True)]


def _check_exclusion(
    exclusion: Exclusion, conditions: Sequence[Conditions | None], blocks: Sequence[Sequence[Sequence[Assignment]]]
) -> None:
    if exclusion.may_miss:
        return
    wanted = {name: values for one in conditions for name, values in (one or {}).items()}
    for name, values in wanted.items():
        known = {row[name]: None for of_one in blocks for block in of_one for row in block if name in row}
        for value in values - known.keys():
            raise UsageError(
                f"the exclusion {exclusion.label} matches nothing: {name.removeprefix(PARAM)} is never {value}",
                when=exclusion.where,
                now=f"its values are {', '.join(map(str, known))}",
            )
    if not any(matches(of_one, one) for of_one, one in zip(blocks, conditions, strict=True) if one is not None):
        raise UsageError(
            f"the exclusion {exclusion.label} matches nothing: no cell has these values together",
            when=exclusion.where,
            now="leave it out, or mend its values",
        )
