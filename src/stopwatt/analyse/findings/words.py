"""Numbers and places as the sentences of findings say them."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from stopwatt import units
from stopwatt.analyse.grid import place
from stopwatt.records import Scalar
from stopwatt.units import Scale

Place = Mapping[str, Scalar]
_PLAIN = Scale(1.0, "")
_NAMED = 2
_BOTH = 2
_FEW_VALUES = 3
_NEAR = 1.1
_MANY = 2 / 3


def change(share: float, low: float | None = None, high: float | None = None) -> str:
    """A relative difference: `4.1 %`, with its interval `4.1 % [3.2, 5.0]`; two digits where there is none."""
    if low is None or high is None:
        return units.quantity(100 * share, "%", half_width=_two_digits(100 * share))
    return units.interval(100 * share, 100 * low, 100 * high, "%")


def times(ratio: float, low: float | None = None, high: float | None = None) -> str:
    """A ratio: `1.8 x`, with its interval `1.82 x [1.79, 1.85]`."""
    if low is None or high is None:
        rounded = float(f"{ratio:.3g}")  # 120116 x would claim to be counted
        return units.quantity(rounded, "x", half_width=_two_digits(rounded))
    return units.interval(ratio, low, high, "x")


def faster(speedup: float, low: float | None = None, high: float | None = None) -> str:
    """A speed-up above 1: `1.8 x as fast`, and below 1.1 as the latency that it saves: `by 4.8 %`."""
    if speedup >= _NEAR:
        return times(speedup, low, high)
    saved = change(1 - 1 / speedup, None if low is None else 1 - 1 / low, None if high is None else 1 - 1 / high)
    return f"by {saved}"


def power(name: str, exponent: float, low: float | None = None, high: float | None = None) -> str:
    """`seq^0.98`, with its interval `seq^0.98 [0.95, 1.01]`."""
    if low is None or high is None:
        return f"{name}^{round(exponent, 2) + 0.0:.2f}"  # never -0.00
    return f"{name}^{units.column_interval(exponent, low, high, _PLAIN)}"


def seconds(value: float, low: float | None = None, high: float | None = None) -> str:
    """A time: `4.1 ms`, with its interval `4.12 ms [4.08, 4.16]`."""
    if low is None or high is None:
        return units.quantity(value, "s")
    return units.interval(value, low, high, "s")


def span(low: str, high: str) -> str:
    """`1.2 to 7.9 %`, the unit once; empty where both ends read the same."""
    if low == high:
        return ""
    number, _, unit = low.partition(" ")
    return f"{number} to {high}" if high.endswith(f" {unit}") else f"{low} to {high}"


def counted(count: int, of: int, noun: str) -> str:
    """`58 of 64 places`, `all 64 places`, `both places`, `the only place`."""
    if of == 1:
        return f"the only {noun}"
    if count == of == _BOTH:
        return f"both {noun}s"
    return f"all {of} {noun}s" if count == of else f"{count} of {of} {noun}s"


def none_other(of: int, noun: str) -> str:
    """`in none of the 63 other places`, `not in the other place`."""
    return f"in none of the {of - 1} other {noun}s" if of > _BOTH else f"not in the other {noun}"


def sentence(where: str, rest: str, *, names: bool = False) -> str:
    """`At layers=3, 4.1 % ...`; without a place the rest alone, with a capital unless it begins with a name."""
    if where:
        return f"At {where}, {rest}"
    return rest if names else rest[:1].upper() + rest[1:]


def listed(texts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def either(values: Sequence[Scalar]) -> str:
    """`1`, `1 or 2`, `1, 2 or 4`: numbers by size."""
    texts = [str(value) for value in _in_order(values)]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} or {texts[-1]}"


def located(members: Sequence[Place], every: Sequence[Place], *, told: bool = False) -> str:
    """Where some of all places are, in few words.

    By a coordinate if it tells exactly these places from the others (`at batch=1 or 2`); else by name where they are
    one or two; else by what they have in common, or by an example.

    Args:
        members: At least one.
        every: All places there are, the members among them.
        told: Whether their number was just said.
    """
    apart = _told_apart(members, every)
    if apart:
        return f"at {apart}"
    if len(members) <= _NAMED:
        return listed([f"at {place(member)}" for member in members])
    common = _in_common(members, every)
    if told:
        return f"all with {place(common)}" if common else f"for example at {place(members[0])}"
    return f"at {len(members)} places {f'with {place(common)}' if common else f'such as {place(members[0])}'}"


def _told_apart(members: Sequence[Place], every: Sequence[Place]) -> str:
    """What only the members have: the coordinates they share, or else up to three values of one coordinate."""
    common = _in_common(members, every)
    if common and sum(_has(one, common) for one in every) == len(members):
        return place(common)
    for name in members[0]:
        mine = {member.get(name) for member in members}
        values = [value for value in dict.fromkeys(one.get(name) for one in every) if value in mine]
        if len(values) <= _FEW_VALUES and sum(one.get(name) in values for one in every) == len(members) < len(every):
            return f"{name}={' or '.join(str(value) for value in _in_order(values))}"
    return ""


def _in_order(values: Sequence[Scalar | None]) -> Sequence[Scalar | None]:
    """Numbers by size, names as they came."""
    numbers = [value for value in values if isinstance(value, (int, float))]
    return sorted(numbers) if len(numbers) == len(values) else values


def exceptions(misses: Sequence[Place], every: Sequence[Place]) -> str:
    """`; not at batch=1`, where those are the few; else nothing, for then the count says it."""
    if not misses or len(misses) > (1 - _MANY) * len(every):
        return ""
    return f"; not {located(misses, every)}"


def named(members: Sequence[Place]) -> tuple[str, ...]:
    """Labels of places."""
    return tuple(place(member) for member in members)


def split_by(values: Sequence[float], places: Sequence[Place], explained: float = 0.8) -> tuple[str, ...]:
    """Name of the one coordinate that explains most of how values differ, if it explains enough; else nothing.

    Explained: the share of the variance that lies between the coordinate's values (eta squared, Fisher 1925), of
    coordinates with at most four of them and at least two places each.

    Args:
        values: One per place.
        places: Coordinates of each.
        explained: Least share.
    """
    numbers = np.array(values, dtype=np.float64)
    total = float(numbers.var())
    best = ("", 0.0)
    for name in places[0] if total > 0 else ():
        groups: dict[Scalar | None, list[float]] = {}
        for value, where in zip(values, places, strict=True):
            groups.setdefault(where.get(name), []).append(value)
        if not 1 < len(groups) <= 4 or min(map(len, groups.values())) < 2:  # noqa: PLR2004  (as said above)
            continue
        within = sum(float(np.var(group)) * len(group) for group in groups.values()) / numbers.size
        if 1 - within / total > best[1]:
            best = (name, 1 - within / total)
    return (best[0],) if best[1] >= explained else ()


def factor_weight(ratio: float, count: int = 1, of: int = 1) -> float:
    """Weight of a factor in latency that holds at some of all places: 1 for a factor of 2 at all of them."""
    return abs(math.log2(ratio)) * math.sqrt(count / of)


def _two_digits(value: float) -> float | None:
    """A half-width with which two significant digits are written."""
    return 2 * 10.0 ** (math.floor(math.log10(abs(value))) - 1) if value else None


def _in_common(members: Sequence[Place], every: Sequence[Place]) -> dict[str, Scalar]:
    """Coordinates in which the members agree and not all places do."""
    first = members[0]
    return {
        name: value
        for name, value in first.items()
        if all(member.get(name) == value for member in members) and any(one.get(name) != value for one in every)
    }


def _has(where: Place, wanted: Mapping[str, Scalar]) -> bool:
    return all(where.get(name) == value for name, value in wanted.items())
