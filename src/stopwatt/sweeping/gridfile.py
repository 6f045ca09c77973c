"""A grid as a file: YAML, checked key by key; every error names file, line and key. `docs/sweep.md` describes it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from stopwatt.datasets.labelled import Data, labelled_of
from stopwatt.datasets.opening import calibration_of
from stopwatt.energy import RULES, Grade
from stopwatt.errors import UsageError
from stopwatt.lined import Lined, Path_, explained, read_yaml
from stopwatt.records import Calibration, Labelled, Paced, Protocol
from stopwatt.sweeping import energycost, pacing
from stopwatt.sweeping.coordinates import SETUP, WORKLOAD
from stopwatt.sweeping.grid import Axis, Exclusion, Grid
from stopwatt.sweeping.gridmodel import BASES, GridModel, keys_beside
from stopwatt.sweeping.plan import check_protocol
from stopwatt.sweeping.ranges import expanded
from stopwatt.wire import to_document

Drawn = TypeVar("Drawn", Calibration, Labelled)


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

    def _calibration(self, data: str, digest: str = "", images: str = "", **drawing: int) -> Calibration:
        with self._drawing("calibration"):
            found = calibration_of(data, images=Path(images) if images else None, **drawing)
        return self._same(found, digest, "calibration")

    def _labelled(self, asked: Mapping[str, Any], calibration: Calibration | None, seed: int) -> Labelled:
        """Drawn like the samples to calibrate on, and beside them, where these are of the same data."""
        beside = calibration is not None and calibration.data == asked["data"]
        seed = asked.get("seed", calibration.seed if calibration is not None and beside else seed)
        kept_out = asked.get("kept_out", calibration.samples if calibration is not None and beside else 0)
        images = Path(asked["images"]) if asked.get("images") else None
        data = Data(asked["data"], asked.get("labels", ""), asked.get("samples", 0), images=images)
        with self._drawing("accuracy"):
            found = labelled_of(data, kept_out, seed)
        return self._same(found, asked.get("digest", ""), "accuracy")

    @contextmanager
    def _drawing(self, name: str) -> Iterator[None]:
        """Errors of data say where these are named."""
        try:
            yield
        except UsageError as error:
            place = ": ".join(filter(None, (self._lined.at(("protocol", name)), error.when)))
            raise UsageError(error.what, when=place, now=error.now) from None

    def _same(self, found: Drawn, digest: str, name: str) -> Drawn:
        if digest not in ("", found.digest):
            where = self._lined.at(("protocol", name))
            raise UsageError(
                "the data no longer hold what they did", when=where, now="leave `digest` away for new data"
            )
        return found

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
        if given.get("calibration") is not None:
            given["calibration"] = self._calibration(**given["calibration"])
        if given.get("accuracy") is not None:
            seed = given.get("seed", base.seed)
            given["accuracy"] = self._labelled(given["accuracy"], given.get("calibration"), seed)
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
