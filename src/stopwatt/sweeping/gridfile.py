"""A grid as a file: YAML, checked key by key; every error names file, line and key. `docs/sweep.md` describes it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from stopwatt.energy import RULES, Grade
from stopwatt.errors import UsageError
from stopwatt.lined import Lined, Path_, explained, read_yaml
from stopwatt.records import Paced, Protocol
from stopwatt.sweeping import energycost, pacing
from stopwatt.sweeping.coordinates import SETUP, WORKLOAD
from stopwatt.sweeping.grid import Axis, Exclusion, Grid
from stopwatt.sweeping.gridmodel import BASES, GridModel, keys_beside
from stopwatt.sweeping.plan import check_protocol
from stopwatt.sweeping.ranges import expanded
from stopwatt.wire import to_document


def read_grid_file(path: Path) -> Grid:
    """The grid that a file describes.

    Raises:
        UsageError: What is wrong, with line and key.
    """
    return grid_of(read_yaml(path))


def as_request(grid: Grid) -> dict[str, Any]:
    """What a store keeps of a grid: its axes, and the document that a grid file of it would hold."""
    document = grid.document()
    about = {"protocol": to_document(grid.protocol), "deadlines": list(grid.deadlines), "tag": grid.tag}
    return {
        "axes": {axis.name: list(axis.values) for axis in grid.axes},
        "deadlines": list(grid.deadlines),
        "grid": document | about,
    }


def grid_of(lined: Lined) -> Grid:
    """The grid that a YAML document describes.

    Raises:
        UsageError: What is wrong, with line and key.
    """
    if not isinstance(lined.value, dict):
        raise UsageError(
            "this is no grid: it has no keys" if lined.value else "the grid is empty",
            when=lined.at(()),
            now="write at least a workload and an axis; docs/sweep.md shows an example",
        )
    try:
        document = GridModel.model_validate(lined.value)
    except ValidationError as error:
        raise explained(error, lined, keys_beside) from None
    return _Builder(lined, document).grid()


class _Builder:
    """Puts a checked document together with its lines."""

    def __init__(self, lined: Lined, document: GridModel) -> None:
        self._lined = lined
        self._document = document

    def grid(self) -> Grid:
        given = self._document
        single = [
            self._axis(name, values, (name,))
            for name, values in ((WORKLOAD, given.workload), ("device", given.device))
            if values
        ]
        single += [self._param(name, value) for name, value in given.params.items()]
        single += [self._axis(name, values, ("axes", name)) for name, values in given.axes.items()]
        zipped = [
            tuple(self._axis(name, values, ("zip", number, name)) for name, values in together.items())
            for number, together in enumerate(given.zip)
        ]
        exclude = tuple(self._exclusion(number, conditions) for number, conditions in enumerate(given.exclude))
        blocks = (*((axis,) for axis in single), *(block for block in zipped if block))
        deadlines = tuple(sorted(set(given.deadlines)))
        return Grid(blocks, exclude, self._protocol(), deadlines, given.tag)

    def _axis(self, name: str, texts: list[str], path: Path_) -> Axis:
        values: list[str] = []
        places: list[str] = []
        for number, text in enumerate(texts):
            place = self._lined.at((*path, number))
            try:
                found = expanded(text)
            except UsageError as error:
                raise UsageError(error.what, when=place, now=error.now) from None
            values += found
            places += [place] * len(found)
        return Axis(name, tuple(values), self._lined.at(path), tuple(places))

    def _param(self, name: str, value: str) -> Axis:
        where = self._lined.at(("params", name))
        if name in (WORKLOAD, *SETUP):
            raise UsageError(
                f"{name} is not a parameter of the workload", when=where, now=f"write it under axes: {name}: {value}"
            )
        return Axis(name, (value,), where)

    def _exclusion(self, number: int, conditions: Mapping[str, list[str]]) -> Exclusion:
        where = self._lined.at(("exclude", number))
        if not conditions:
            raise UsageError("an exclusion says nothing", when=where, now="write axes and values, such as {layers: 4}")
        axes = tuple(self._axis(name, values, ("exclude", number, name)) for name, values in conditions.items())
        return Exclusion(axes, where)

    def _protocol(self) -> Protocol:
        given = self._document.protocol.model_dump(exclude_unset=True)
        base = BASES[given.pop("base", "classic")]
        if "warmup" in given:
            given["warmup"] = replace(base.warmup, **given["warmup"])
        if given.get("paced") is not None:
            given["paced"] = Paced(**given["paced"])
        if given.get("energy") is not None:
            grade = given["energy"].get("grade", Grade.SCREENING)
            given["energy"] = replace(RULES[grade], **given["energy"])
        roomy = replace(base, paced=given.get("paced"), energy=given.get("energy"))
        given.setdefault("timeout_s", energycost.with_room(pacing.with_room(roomy)).timeout_s)
        if "trials" in given:  # as with --trials: so many, however long they take
            given.setdefault("trial_seconds", None)
        rules = base
        for name in sorted(given, key=lambda name: name != "timeout_s"):  # a paced series must fit into it
            rules = replace(rules, **{name: given[name]})
            try:
                check_protocol(rules)
            except UsageError as error:
                raise UsageError(error.what, when=self._lined.at(("protocol", name)), now=error.now) from None
        return rules
