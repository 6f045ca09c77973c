"""Single values of a table, read strictly: what is not a number is an error, never a gap."""

import math
from collections.abc import Callable, Iterable
from typing import Any

from stopwatt.records import PRECISIONS, Precision, Scalar

_PRECISIONS = {str(precision): precision for precision in PRECISIONS} | {
    "float32": Precision.FP32, "float": Precision.FP32, "single": Precision.FP32, "f32": Precision.FP32,
    "tensorfloat32": Precision.TF32,
    "float16": Precision.FP16, "half": Precision.FP16, "f16": Precision.FP16,
    "bfloat16": Precision.BF16,
    "unknown": Precision.UNKNOWN,
}  # fmt: skip
_MOST = 2**31  # of a batch, a count or a number of threads: no table holds more, and every database does


class Unreadable(ValueError):  # noqa: N818  (a verdict about a value, turned into an error of three parts)
    """A value is not what its column should hold; the text says why."""


def number_reader(decimal: str) -> Callable[[Any], float]:
    """Reads numbers with a decimal sign; a float of Python's own spelling, but finite, and with no `_` in it.

    The function raises `Unreadable`.
    """

    def read(raw: Any) -> float:
        text = raw
        if isinstance(raw, str):
            if decimal != ".":
                if "." in raw:
                    raise Unreadable(f"{raw!r} has a point, but the decimal sign is {decimal!r}")
                text = raw.replace(decimal, ".")
            if "_" in raw:
                raise Unreadable(f"{raw!r} is not a number")
        if text is None or isinstance(text, bool) or text == "":
            raise Unreadable("there is no number" if not isinstance(text, bool) else f"{raw!r} is not a number")
        try:
            value = float(text)
        except (TypeError, ValueError, OverflowError):
            hint = "; for a decimal comma add --decimal ','" if isinstance(raw, str) and "," in raw else ""
            raise Unreadable(f"{raw!r} is not a number{hint}") from None
        if not math.isfinite(value):
            raise Unreadable(f"{raw!r} is not a finite number")
        return value

    return read


def time_reader(decimal: str, ns_per_unit: float) -> Callable[[Any], float]:
    """Reads times as nanoseconds; the function raises `Unreadable` for what no call can last."""
    number = number_reader(decimal)

    def read(raw: Any) -> float:
        value = number(raw) * ns_per_unit
        if value <= 0:
            raise Unreadable(f"the time {raw} is not positive")
        if not 0.5 <= value < 2.0**63:  # noqa: PLR2004  (half a nanosecond)
            raise Unreadable(f"the time {raw} is {value / 1e9:g} s in the unit that is stated: no call lasts that long")
        return value

    return read


def count_of(number: float) -> int:
    """A whole number from 1.

    Raises:
        Unreadable: It is not.
    """
    if not (number.is_integer() and 1 <= number <= _MOST):
        raise Unreadable(f"{number:g} is not a whole number from 1 to {_MOST}")
    return int(number)


def precision_of(raw: Any) -> Precision:
    """A precision by any of its usual names.

    Raises:
        Unreadable: It is none that stopwatt knows.
    """
    found = _PRECISIONS.get(str(raw).strip().lower())
    if found is None:
        raise Unreadable(f"{raw!r} is none of {', '.join(PRECISIONS)}")
    return found


def typed(raws: Iterable[Any], number: Callable[[Any], float]) -> dict[Any, Scalar]:
    """The values of one column: whole numbers if all of them are, else numbers if all are, else texts."""
    distinct = list(dict.fromkeys(raws))
    if any(isinstance(raw, bool) for raw in distinct):
        return {raw: raw if isinstance(raw, bool) else str(raw) for raw in distinct}
    try:
        numbers = {raw: number(raw) for raw in distinct}
    except Unreadable:
        return {raw: str(raw) for raw in distinct}
    if all(value.is_integer() and abs(value) < 2**53 for value in numbers.values()):
        return {raw: int(value) for raw, value in numbers.items()}
    return dict(numbers)
