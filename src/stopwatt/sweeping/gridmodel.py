"""The keys of a grid file and the types of their values."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from types import UnionType
from typing import Annotated, Any, get_args, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, create_model

from stopwatt.energy import EnergyRules
from stopwatt.errors import UsageError
from stopwatt.extensions import unknown
from stopwatt.records import CLASSIC, QUICK, THOROUGH, Calibration, Labelled, Process, Protocol
from stopwatt.units import parse

BASES: Mapping[str, Protocol] = {
    "quick": replace(QUICK, process=Process.SHARED),
    "classic": CLASSIC,
    "thorough": replace(THOROUGH, process=Process.SHARED),
}
"""What `base` of a protocol may be; what the file does not say is as there."""
_STRICT = ConfigDict(extra="forbid")


def _seconds(value: Any) -> Any:
    return parse(value, "s") if isinstance(value, str) else value


def _deadline(value: Any) -> Any:
    seconds = _seconds(value)
    if isinstance(seconds, float) and not seconds > 0:
        raise UsageError(f"a deadline of {value} cannot be met", now="give a time above 0, such as 500us")
    return seconds


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _named(value: Any) -> Any:
    """`protocol: quick` is `protocol: {base: quick}`."""
    return {"base": value} if isinstance(value, str) else value


def _graded(value: Any) -> Any:
    """`energy: reported` is `energy: {grade: reported}`."""
    return {"grade": value} if isinstance(value, str) else value


def _with_path(value: Any) -> Any:
    """`calibration: photos/` is `calibration: {data: photos/}`; `accuracy` likewise."""
    return {"data": value} if isinstance(value, str) else value


def _base(value: Any) -> Any:
    if value not in BASES:
        raise unknown("protocol", str(value), BASES)
    return value


class DataModel(BaseModel):
    """What a `Calibration` is drawn from. A file that was kept of a grid says too what the samples held."""

    model_config = _STRICT

    data: str
    digest: str = ""
    samples: int = 0
    seed: int = 0
    images: str = ""


class LabelledModel(DataModel):
    """What a `Labelled` is drawn from; `kept_out` says how many of the draw are left to calibration."""

    labels: str = ""
    kept_out: int = 0
    shared: int = 0


def _model_of(kind: type[Any], more: Mapping[str, Any]) -> Any:
    """A model with the fields of a dataclass of `records`, so that a file can say whatever the records know."""
    hints = get_type_hints(kind)
    members: dict[str, Any] = {one.name: (_readable(one.name, hints[one.name]), _default(one)) for one in fields(kind)}
    return create_model(kind.__name__, __config__=_STRICT, **members, **more)


def _readable(name: str, kind: Any) -> Any:
    if name.endswith(("_s", "seconds")):
        return Annotated[kind, BeforeValidator(_seconds)]
    alternatives = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    record = next((one for one in alternatives if is_dataclass(one)), None)
    if not isinstance(record, type):
        return kind
    if record is Calibration:
        return Annotated[DataModel | None, BeforeValidator(_with_path)]
    if record is Labelled:
        return Annotated[LabelledModel | None, BeforeValidator(_with_path)]
    model = _model_of(record, {})
    model = model if record is kind else model | None
    return Annotated[model, BeforeValidator(_graded)] if record is EnergyRules else model


def _default(one: Field[Any]) -> Any:
    """What has no default must be written. Other defaults do not matter: only what is written is read."""
    return ... if one.default is MISSING and one.default_factory is MISSING else None


RulesModel: Any = _model_of(Protocol, {"base": (Annotated[str, BeforeValidator(_base)], "classic")})

Texts = Annotated[list[str], BeforeValidator(_listed)]
_Seconds = Annotated[float, BeforeValidator(_deadline)]


class GridModel(BaseModel):
    """The document. One value may stand for a list of one."""

    model_config = _STRICT

    workload: Texts = []
    params: dict[str, str] = {}
    axes: dict[str, Texts] = {}
    zip: list[dict[str, Texts]] = []
    exclude: list[dict[str, Texts]] = []
    protocol: Annotated[RulesModel, BeforeValidator(_named)] = RulesModel()
    deadlines: Annotated[list[_Seconds], BeforeValidator(_listed)] = []
    device: Texts = []
    tag: str = ""


def keys_beside(path: tuple[str | int, ...]) -> list[str]:
    """The keys that could stand where the last of a path does."""
    model: Any = GridModel
    for part in path[:-1]:
        annotation = model.model_fields[part].annotation
        model = next(one for one in (annotation, *get_args(annotation)) if hasattr(one, "model_fields"))
    return list(model.model_fields)
