"""Parameters as people write them, checked against a family and completed with its defaults."""

import ast
import math
import reprlib
from collections.abc import Callable, Mapping

from stopwatt.errors import UsageError
from stopwatt.extensions import load, registered, unknown
from stopwatt.records import Scalar, Workload
from stopwatt.workloads.base import Family, Param

_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def check_params(family: Family, given: Mapping[str, str | Scalar]) -> dict[str, Scalar]:
    """The complete, typed and bounded set of parameters, in the family's order; open ones follow in the order given.

    Args:
        family: Says which parameters there are and whether others pass through.
        given: Values by name; text is converted to the type of the parameter's default.

    Raises:
        UsageError: An unknown name (the nearest are offered), or a value of the wrong type or out of bounds.
    """
    known = {param.name: param for param in family.params}
    complete: dict[str, Scalar] = {name: param.default for name, param in known.items()}
    for name, value in given.items():
        if name in known:
            complete[name] = _checked(family, known[name], value)
        elif family.open_params:
            complete[name] = _guessed(value)
        elif known:
            raise unknown(f"parameter of {family.name}", name, known)
        else:
            raise UsageError(f"{family.name} takes no parameters, but {name!r} was given", now=f"leave out -p {name}=")
    return complete


def _checked(family: Family, param: Param, value: Scalar) -> Scalar:
    typed = _typed(family, param, value)
    if param.choices and typed not in param.choices:
        raise unknown(f"value of {param.name} (of {family.name})", str(typed), [str(one) for one in param.choices])
    if isinstance(typed, int | float) and not isinstance(typed, bool):
        _check_bounds(family, param, typed)
    return typed


def _typed(family: Family, param: Param, value: Scalar) -> Scalar:
    kind = type(param.default)
    converted = _CONVERT[kind](value)
    if converted is None:
        raise UsageError(
            f"{param.name} of {family.name} cannot be {reprlib.repr(value)}",
            when=f"{param.name}: {param.help}" if param.help else "",
            now=f"give {_KINDS[kind]}, such as {param.name}={param.default}",
        )
    return converted


_KINDS = {bool: "true or false", int: "a whole number", float: "a finite number", str: "text"}


def _boolean(value: Scalar) -> bool | None:
    return value if isinstance(value, bool) else _BOOLEANS.get(str(value).strip().lower())


def _integer(value: Scalar) -> int | None:
    number = _number(value)
    if number is None:
        return None  # not a number, or one of more than 308 digits
    try:
        return int(str(value))
    except ValueError:
        return int(number) if number.is_integer() else None


def _number(value: Scalar) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


_CONVERT: dict[type, Callable[[Scalar], Scalar | None]] = {
    bool: _boolean,
    int: _integer,
    float: _number,
    str: str,
}


def _check_bounds(family: Family, param: Param, value: float) -> None:
    low = -math.inf if param.low is None else param.low
    high = math.inf if param.high is None else param.high
    if low <= value <= high:
        return
    allowed = (
        f"from {low:g} to {high:g}"
        if math.isfinite(low) and math.isfinite(high)
        else f"at least {low:g}"
        if math.isfinite(low)
        else f"at most {high:g}"
    )
    raise UsageError(
        f"{param.name} of {family.name} is out of bounds: {value:g}",
        when=f"{param.name}: {param.help}" if param.help else "",
        now=f"give a number {allowed}",
    )


def _guessed(value: Scalar) -> Scalar:
    """Text as the literal it spells (`3`, `0.5`, `true`, `'3'`); everything else stays text."""
    if not isinstance(value, str):
        return value
    if value.strip().lower() in {"true", "false"}:
        return _BOOLEANS[value.strip().lower()]
    try:
        literal = ast.literal_eval(value.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return value
    return literal if isinstance(literal, str | int | float) else value


def short_label(workload: Workload) -> str:
    """`lstm(hidden=64)`: the parameters that differ from their defaults; all of them for sources from outside."""
    points = registered("workloads")
    if workload.source not in points:
        return workload.label
    family: Family = load("workloads", workload.source)()
    defaults = {param.name: param.default for param in family.params}
    return Workload(workload.source, {k: v for k, v in workload.params.items() if defaults.get(k) != v}).label
