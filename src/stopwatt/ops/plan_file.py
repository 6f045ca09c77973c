"""Plan files: what to measure next, as YAML that people read and edit, or as JSON that needs no captures.

A line of YAML names an operator by the key of a captured one, or by its sizes, from which it is made again; JSON holds
the operators themselves.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from stopwatt import units
from stopwatt.devices.resolve import kind_of
from stopwatt.errors import StopwattError, UsageError
from stopwatt.extensions import unknown
from stopwatt.lined import Lined, Path_
from stopwatt.operators.operator import Operator
from stopwatt.operators.replay import Place
from stopwatt.operators.summary import said_of
from stopwatt.operators.synthesis import operator_of
from stopwatt.operators.work import DIMENSIONS
from stopwatt.ops.families import BY_NAME
from stopwatt.ops.summary import MOST_BYTES, flow, read_lined
from stopwatt.predicting.candidates import Why
from stopwatt.predicting.plan import Plan, Planned
from stopwatt.records import Precision
from stopwatt.store.atomic import replacing
from stopwatt.wire import from_document, to_document

if TYPE_CHECKING:
    from stopwatt.store.database import Store

VERSION = 1
_YAML, _JSON = (".yaml", ".yml"), ".json"
_HEAD = """\
# Operators that are worth measuring next on {hardware}, the most useful a second first.
#     stopwatt ops measure {name}
# To edit: take lines out, change sizes or their order, or the budget. A key means a captured operator; all others are
# made from family, kind, dtype and sizes. Times and gains are what was expected when this was written.
"""
_ANEW = "write the plan anew: stopwatt ops plan --out FILE"


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan as a file has it.

    Attributes:
        where: The file.
        hardware: Where it is to be measured.
        device: `cpu`, `cuda`.
        precision: Of products in float32.
        budget_s: For measuring.
        operators: In order.
    """

    where: str
    hardware: str
    device: str
    precision: Precision
    budget_s: float
    operators: tuple[Operator, ...]

    def check(self, place: Place) -> None:
        """It must have been made for a place.

        Raises:
            UsageError: It was made for other hardware, or products in another precision.
        """
        here = (place.hardware, kind_of(place.device), place.precision)
        if here != (self.hardware, kind_of(self.device), self.precision):
            raise UsageError(
                f"this plan is for {self.hardware} ({self.device}, {self.precision}), "
                f"not for {place.hardware} ({place.device}, {place.precision})",
                when=self.where,
                now=f"stopwatt ops plan --device {place.device} --out FILE makes one for here",
            )


def is_plan(name: str) -> bool:
    """Whether a name means a plan file: JSON, or YAML with the key `plan` (a summary has none)."""
    path = Path(name)
    if name.endswith(_JSON):
        return True
    if not name.endswith(_YAML) or not path.is_file():
        return False
    with path.open("rb") as file:
        return any(line.startswith(b"plan:") for line in file.read(MOST_BYTES).splitlines())


def check_name(path: Path) -> None:
    """A plan's name must say its format.

    Raises:
        UsageError: It does not.
    """
    if path.suffix not in {*_YAML, _JSON}:
        raise UsageError(f"{path.name} is no name of a plan", when="--out", now="end it in .yaml or .json")


def write_plan(plan: Plan, path: Path, *, overwrite: bool = False) -> None:
    """Write a plan as its name's ending says.

    Raises:
        UsageError: The ending is another, the file is there, or its folder is not.
        StoreError: The disk is full, or refuses.
    """
    check_name(path)
    text = _as_json(plan) if path.suffix == _JSON else plan_text(plan, path.name)
    with replacing(path, overwrite=overwrite) as file:
        file.write(text.encode())


def plan_text(plan: Plan, name: str = "FILE.yaml") -> str:
    """The YAML of a plan."""
    head = yaml.safe_dump(_about(plan), sort_keys=False, allow_unicode=True, width=1000)
    lines = "\n".join("  - " + flow(_line(one)) for one in plan.planned)
    operators = f"operators:\n{lines}" if lines else "operators: []"
    return f"{_HEAD.format(hardware=plan.hardware, name=name)}{head}{operators}\n"


def read_plan(path: Path, store: "Store") -> PlanFile:
    """The plan in a file.

    Args:
        path: Of YAML or JSON.
        store: With the captured operators that YAML names by their keys.

    Raises:
        UsageError: It cannot be read, is no plan, is of another version, or names an operator that nobody knows or that
            cannot be made; with the line (of JSON with the number of the operator).
    """
    return _Json(path).plan() if path.suffix == _JSON else _Yaml(read_lined(path), store).plan()


def _about(plan: Plan) -> dict[str, Any]:
    return {
        "plan": VERSION,
        "hardware": plan.hardware,
        "device": plan.device,
        "precision": str(plan.precision),
        "budget": units.exact(plan.budget_s, "s"),
    }


def _line(one: Planned) -> dict[str, Any]:
    about: dict[str, Any] = {"why": str(one.why), "gain": units.percent(one.gain)}
    if math.isfinite(one.time_s):
        about["expected"] = units.quantity(one.time_s, "s")
    if one.why is Why.CAPTURED:
        said = said_of(one.operator)
        return about | {"name": said["name"], "shapes": said["shapes"], "key": one.operator.key}
    work = one.work
    named = {"family": str(work.family), "kind": work.kind, "dtype": work.dtype}
    return about | named | {name: int(size) if size % 1 == 0 else size for name, size in work.dims.items()}


def _as_json(plan: Plan) -> str:
    operators = [
        {
            "why": str(one.why),
            "expected_s": one.time_s if math.isfinite(one.time_s) else None,
            "gain": one.gain,
            "key": one.operator.key,
            "operator": to_document(one.operator),
        }
        for one in plan.planned
    ]
    about = _about(plan) | {"budget_s": plan.budget_s}
    return json.dumps({**about, "operators": operators}, indent=1, allow_nan=False) + "\n"


class _Yaml:
    """A plan that people may have edited: everything in it is a text."""

    def __init__(self, lined: Lined, store: "Store") -> None:
        self._lined = lined
        self._store = store
        self._captured: dict[str, Operator] | None = None

    def plan(self) -> PlanFile:
        root = self._lined.value
        if not isinstance(root, dict) or "plan" not in root:
            raise self._wrong("this is no plan: the key `plan` is missing", (), _ANEW)
        if root["plan"] != str(VERSION):
            raise self._wrong(f"this is a plan of version {root['plan']}, not {VERSION}", ("plan",), _ANEW)
        rows = root.get("operators")
        if not isinstance(rows, list):
            raise self._wrong("operators are missing", ("operators",), _ANEW)
        return PlanFile(
            self._lined.name,
            self._text(root, "hardware", ()),
            self._text(root, "device", ()),
            _precision(self._text(root, "precision", ()), self._lined.at(("precision",))),
            self._budget(root),
            tuple(self._operator(row, ("operators", number)) for number, row in enumerate(rows)),
        )

    def _budget(self, root: Mapping[str, Any]) -> float:
        try:
            seconds = units.parse(self._text(root, "budget", ()), "s")
        except UsageError as error:
            raise self._wrong(error.what, ("budget",), error.now) from None
        if not 0 < seconds < math.inf:
            raise self._wrong("the budget is not above 0", ("budget",), "give a time such as 30min")
        return seconds

    def _operator(self, row: Any, path: Path_) -> Operator:
        if not isinstance(row, dict):
            raise self._wrong("an operator is no set of keys", path, "write {key: ...}, or family, kind, dtype, sizes")
        return self._by_key(row, path) if "key" in row else self._made(row, path)

    def _by_key(self, row: Mapping[str, Any], path: Path_) -> Operator:
        key = self._text(row, "key", path)
        if self._captured is None:
            self._captured = {one.key: one for found in self._store.operators.captures() for one in found.operators}
        if key not in self._captured:
            raise self._wrong(
                f"no captured operator has the key {key!r}",
                (*path, "key"),
                "name the store that the plan was made from, or write it as JSON: stopwatt ops plan --out plan.json",
            )
        return self._captured[key]

    def _made(self, row: Mapping[str, Any], path: Path_) -> Operator:
        name = self._text(row, "family", path)
        if name not in BY_NAME:
            near = unknown("family", name, tuple(BY_NAME))
            raise self._wrong(near.what, (*path, "family"), near.now)
        family = BY_NAME[name]
        dims = {size: self._size(row, size, path) for size in DIMENSIONS[family]}
        try:
            return operator_of(family, self._text(row, "kind", path), dims, self._text(row, "dtype", path))
        except StopwattError as error:
            raise self._wrong(error.what, path, error.now) from None

    def _size(self, row: Mapping[str, Any], name: str, path: Path_) -> float:
        text = self._text(row, name, path)
        try:
            return float(text)
        except ValueError:
            raise self._wrong(f"{name} is {text!r}, no number", (*path, name), "give a whole number") from None

    def _text(self, given: Mapping[str, Any], name: str, path: Path_) -> str:
        value = given.get(name)
        if not isinstance(value, str) or not value:
            raise self._wrong(f"{name} is missing", (*path, name), f"write {name}: and its value")
        return value

    def _wrong(self, what: str, path: Path_, now: str) -> UsageError:
        return UsageError(what, when=self._lined.at(path), now=now)


class _Json:
    """A plan for machines: operators are complete, and have the keys that they say."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._root = _document(path)

    def plan(self) -> PlanFile:
        root = self._root
        if not isinstance(root, dict) or "plan" not in root or not isinstance(root.get("operators"), list):
            raise self._wrong("this is no plan: it has no `plan` with `operators`")
        if root["plan"] != VERSION:
            raise self._wrong(f"this is a plan of version {root['plan']}, not {VERSION}")
        budget_s = root.get("budget_s")
        if isinstance(budget_s, bool) or not isinstance(budget_s, int | float) or not 0 < budget_s < math.inf:
            raise self._wrong("budget_s is no number above 0")
        hardware, device, precision = (root.get(name) for name in ("hardware", "device", "precision"))
        if not (isinstance(hardware, str) and isinstance(device, str) and isinstance(precision, str)):
            raise self._wrong("hardware, device or precision is missing")
        operators = tuple(self._operators(root["operators"]))
        return PlanFile(
            str(self._path), hardware, device, _precision(precision, str(self._path)), float(budget_s), operators
        )

    def _operators(self, rows: list[Any]) -> Iterator[Operator]:
        for number, row in enumerate(rows, start=1):
            where = f"operator {number} of {len(rows)}"
            if not isinstance(row, dict) or not isinstance(row.get("operator"), dict):
                raise self._wrong("an operator is missing", where)
            try:
                operator = from_document(Operator, row["operator"])
            except ValidationError as error:
                raise self._wrong(f"an operator is damaged: {error.errors()[0]['msg']}", where) from None
            if operator.key != row.get("key"):
                raise self._wrong("an operator is not the one that its key says", where)
            yield operator

    def _wrong(self, what: str, where: str = "") -> UsageError:
        return UsageError(what, when=", ".join(filter(None, (str(self._path), where))), now=_ANEW)


def _precision(name: str, where: str) -> Precision:
    if name not in {Precision.FP32, Precision.TF32}:
        raise UsageError(f"precision cannot be {name!r}", when=where, now="write fp32 or tf32")
    return Precision(name)


def _document(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", now="check the path and its rights") from error
    if len(raw) > MOST_BYTES:
        raise UsageError(f"{path} is larger than {MOST_BYTES} bytes", now="is it the right file?")
    try:
        return json.loads(raw)
    except json.JSONDecodeError as error:
        raise UsageError(f"this is no JSON: {error.msg}", when=f"{path}, line {error.lineno}", now=_ANEW) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise UsageError("this is no JSON that could be a plan", when=str(path), now=_ANEW) from error
