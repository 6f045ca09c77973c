"""Quantities as people read and write them. Nothing else in stopwatt formats or parses one."""

import math
import re
from dataclasses import dataclass
from decimal import Decimal

from stopwatt.errors import UsageError

_SCALES: dict[str, tuple[tuple[float, str], ...]] = {
    "s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns")),
    "B": ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B")),
    "J": ((1.0, "J"), (1e-3, "mJ"), (1e-6, "uJ"), (1e-9, "nJ")),
    "W": ((1.0, "W"), (1e-3, "mW")),
    "J s": ((1.0, "J s"), (1e-3, "mJ s"), (1e-6, "uJ s"), (1e-9, "nJ s"), (1e-12, "pJ s"), (1e-15, "fJ s")),
    "FLOP/s": ((1e12, "TFLOP/s"), (1e9, "GFLOP/s"), (1e6, "MFLOP/s"), (1.0, "FLOP/s")),
    "B/s": ((1e12, "TB/s"), (1e9, "GB/s"), (1e6, "MB/s"), (1.0, "B/s")),
}
_COUNTS = frozenset({"cycles"})
_PARSE: dict[str, dict[str, float]] = {
    "s": {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0},
    "B": {
        "B": 1.0,
        "KB": 1e3, "MB": 1e6, "GB": 1e9,
        "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30,
    },
    "J": {"nJ": 1e-9, "uJ": 1e-6, "µJ": 1e-6, "mJ": 1e-3, "J": 1.0, "kJ": 1e3},
    "1": {"1": 1.0, "%": 0.01},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scale:
    """A unit chosen for a whole column: `factor` base units make one `label`."""

    factor: float
    label: str


def scale_for(values: list[float], unit: str) -> Scale:
    """The largest unit in which the smallest value of a column is still at least 1 (or the smallest unit)."""
    steps = _SCALES.get(unit)
    sizes = [abs(value) for value in values if math.isfinite(value) and value != 0]
    if steps is None or not sizes:
        return Scale(1.0, unit)
    least = min(sizes)
    for factor, label in steps:
        if least >= factor:
            return Scale(factor, label)
    return Scale(*steps[-1])


def decimals_for(value: float, half_width: float | None) -> int:
    """Decimals that an interval supports: the half-width keeps one digit (two where it starts with 1).

    Without an interval: three significant digits.
    """
    if half_width is None or not math.isfinite(half_width) or half_width <= 0:
        return max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    exponent = math.floor(math.log10(half_width))
    leading_one = half_width / 10**exponent < 2  # noqa: PLR2004  (1.x: one more digit)
    most = max(0, 4 - math.floor(math.log10(abs(value)))) if value else 0
    return min(most, max(0, -exponent + (1 if leading_one else 0)))


def quantity(value: float, unit: str, *, half_width: float | None = None) -> str:
    """One value with its unit, `4.51 ms`; as many digits as the half-width of its interval supports; counts whole."""
    if unit in _COUNTS and value == round(value):
        return f"{value:.0f} {unit}"
    scale = scale_for([value], unit)
    width = None if half_width is None else half_width / scale.factor
    number = value / scale.factor
    text = f"{number:.{decimals_for(number, width)}f}"
    return text if scale.label in {"", "1"} else f"{text} {scale.label}"


def exact(value: float, unit: str) -> str:
    """A quantity that somebody chose, as short as it was said: `5 ms`, `500 us`, `1.5 ms`."""
    scale = scale_for([value], unit)
    text = f"{value / scale.factor:.6g}"
    return text if scale.label in {"", "1"} else f"{text} {scale.label}"


def interval(value: float, low: float, high: float, unit: str) -> str:
    """`4.51 ms [4.47, 4.55]`."""
    scale = scale_for([value], unit)
    text = column_interval(value, low, high, scale)
    if scale.label in {"", "1"}:
        return text
    number, bounds = text.split(" ", 1)
    return f"{number} {scale.label} {bounds}"


def column_value(value: float, scale: Scale, *, half_width: float | None = None) -> str:
    """A value in a column whose head names the unit."""
    width = None if half_width is None else half_width / scale.factor
    return _fixed(value / scale.factor, decimals_for(value / scale.factor, width))


def column_interval(value: float, low: float, high: float, scale: Scale) -> str:
    """`4.51 [4.47, 4.55]` in a column whose head names the unit."""
    number, bottom, top = (x / scale.factor for x in (value, low, high))
    places = decimals_for(number, (top - bottom) / 2)
    return f"{_fixed(number, places)} [{_fixed(bottom, places)}, {_fixed(top, places)}]"


def _fixed(number: float, places: int) -> str:
    """So many decimals; but what is not 0 is never shown as 0, however wide its interval."""
    text = f"{number:.{places}f}"
    return f"{number:.1g}" if number and not float(text) else text


def ratio(value: float, *, half_width: float | None = None) -> str:
    """`1.82 x`, `21.5 x`, `1222 x`."""
    least = 1 if abs(value) < 100 else 0  # noqa: PLR2004  (three digits)
    return f"{value:.{max(least, decimals_for(value, half_width))}f} x"


def change(value: float) -> str:
    """What a ratio makes of something: `+3.1 %` for 1.031, `-12 %` for 0.88, `+0 %` for 1."""
    number = 100 * (value - 1)
    places = max(0, 1 - math.floor(math.log10(abs(number)))) if number else 0
    return f"{number:+.{min(places, 3)}f} %"


def percent(share: float) -> str:
    """A share as `5.1 %`, `0.052 %`, `99.97 %`; 0 % and 100 % only where it is exactly that. Above 1: `140 %`."""
    number = 100 * share
    if number in (0, 100):
        return f"{number:.0f} %"
    below = 50 < number < 100  # noqa: PLR2004  (a share near 100 % needs the digits that its complement needs)
    near = 100 - number if below else abs(number)
    places = max(0, (0 if below else 1) - math.floor(math.log10(near)))
    return f"{number:.{places}f} %"


def parse(text: str, unit: str) -> float:
    """Read `500us`, `1.5 GiB`; a bare number is in the base unit.

    Raises:
        UsageError: Not a number, not finite, or a unit of another kind.
    """
    known = _PARSE[unit]
    micro = text.replace("\N{GREEK SMALL LETTER MU}", "\N{MICRO SIGN}")  # keyboards have either; they look the same
    match = re.fullmatch(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\d\s]*)\s*", micro)
    if match is None or (match[2] and match[2] not in known):
        raise UsageError(f"cannot read {text!r} as a quantity", now=f"write a number with one of {', '.join(known)}")
    try:  # in decimals: as floating-point numbers, 100 us would be 99.99999999999999 us
        value = float(Decimal(match[1]) * Decimal(repr(known[match[2] or unit])))
    except ArithmeticError:
        value = math.inf
    if not math.isfinite(value):
        raise UsageError(f"{text!r} is not a finite quantity", now="write a finite number")
    return value


def duration(seconds: float) -> str:
    """A time to wait, for people: `40 s`, `3 min`, `1 h 20 min`."""
    whole = max(0, round(seconds))
    if whole < 90:  # noqa: PLR2004
        return f"{whole} s"
    minutes = round(whole / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"  # noqa: PLR2004
