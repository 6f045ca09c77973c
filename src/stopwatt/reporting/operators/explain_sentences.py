"""What an explanation says, in sentences."""

from collections.abc import Iterator
from itertools import takewhile

import numpy as np

from stopwatt.operators.explain import HOST_GAPS, Explanation, on_device
from stopwatt.operators.groups import OUTSIDE, By, leaf_of_calls, pattern
from stopwatt.units import change, percent, quantity

_TELLING = 0.005
"""Shares below this are not worth a sentence."""


def sentences(found: Explanation) -> tuple[str, ...]:
    """The largest part, what lies between operators, what is left, and what watching modules alone would miss."""
    return tuple(sentence for make in (_largest, _between, _missing, _left, _leaves) for sentence in make(found))


def coverage_line(found: Explanation) -> str:
    """How much of the time is accounted for, and why not more."""
    of = "measured" if found.measured is not None else "expected"
    line = f"operators that were measured account for {percent(found.coverage)} of the {of} time"
    if found.coverage >= found.target:
        return f"{line} (asked for: {percent(found.target)})"
    waiting = sum(one.why == "not measured yet" for one in found.missing)
    if waiting:
        return f"{line}, not {percent(found.target)}: {counted(waiting, 'operator')} not measured yet"
    return f"{line}, not {percent(found.target)}: all that can be called by themselves are measured"


def headline(found: Explanation) -> str:
    """The largest part of the time: a kind of leaf module, what lies between operators, or what is not explained."""
    most = where_most(found)
    if most is None:
        return "no operator has a time yet"
    where, share = most
    text = f"{percent(share)} of the time is in {where}"
    left = (found.residual_s or 0.0) / found.reference_s
    between = _gaps_s(found) / found.reference_s
    if left > max(share, between):
        return f"{percent(left)} of the time is in neither operators nor gaps; {text.replace(' of the time', '')}"
    if between > share:
        return f"{percent(between)} of the time is {_between_what(found)}; {text.replace(' of the time', '')}"
    return text


def where_most(found: Explanation) -> tuple[str, float] | None:
    """The kind of leaf module in which most time goes, with where they are, and its share; `None` without a time."""
    groups = [one for one in found.groups[By.LEAF] if one.share]
    if not groups:
        return None
    most = groups[0]
    share = most.share or 0.0
    if most.name == OUTSIDE:
        calls = counted(most.calls - most.unknown, "call")
        return f"{calls} outside of leaf modules, most of them {_largest_outside(found)}", share
    inside = [place for place in dict.fromkeys(leaf_of_calls(found.capture)) if place >= 0]
    paths = [found.capture.modules[place].path for place in inside if found.capture.modules[place].kind == most.name]
    where = _common([pattern(path) for path in paths])
    return f"{counted(len(paths), f'{most.name} module')}{f' of {where}' if where else ''}", share


def _largest(found: Explanation) -> Iterator[str]:
    yield headline(found)
    bounds: dict[str, float] = {}
    for one in found.groups[By.OPERATOR]:
        if one.bound:
            bounds[one.bound] = bounds.get(one.bound, 0.0) + (one.share or 0.0)
    if bounds:
        bound = max(bounds, key=lambda name: bounds[name])
        yield f"operators bound by {bound} take {percent(bounds[bound])} of the time"


def _between(found: Explanation) -> Iterator[str]:
    share = _gaps_s(found) / found.reference_s if found.reference_s else 0.0
    if share >= _TELLING and _between_what(found) not in headline(found):
        yield f"{percent(share)} is {_between_what(found)}"
    paging = found.composition.paging_s / found.reference_s if found.reference_s else 0.0
    if paging >= _TELLING:
        yield f"{percent(paging)} goes into memory that the allocator gave back and takes again in each call"


def _gaps_s(found: Explanation) -> float:
    return sum(one.seconds or 0.0 for one in found.parts if one.name == HOST_GAPS)


def _between_what(found: Explanation) -> str:
    return "the device waiting for its host" if on_device(found.capture) else "Python between operators"


def _missing(found: Explanation) -> Iterator[str]:
    if found.missing:
        calls = sum(one.calls for one in found.missing)
        yield f"{counted(len(found.missing), 'operator')} in {counted(calls, 'call')} without a time: listed below"


def _left(found: Explanation) -> Iterator[str]:
    if found.measured is None or found.residual_s is None:
        yield f"the model itself was not measured: {found.no_latency}"
        return
    share = found.composed_s / found.measured.value
    whole = quantity(found.measured.value, "s")
    yield f"composed, the operators give {percent(share)} of the measured {whole}: {change(share)}"


def _leaves(found: Explanation) -> Iterator[str]:
    if found.leaf_s and found.leaf_s < found.sum_s * (1 - _TELLING):
        missed = 1 - found.leaf_s / found.sum_s
        yield f"watching leaf modules alone would miss {percent(missed)} of the operators' time"


def _largest_outside(found: Explanation) -> str:
    outside = np.array(leaf_of_calls(found.capture), dtype=np.int64) < 0
    times: dict[str, float] = {}
    for call in np.flatnonzero(outside & found.costs.known).tolist():
        name = found.capture.operators[int(found.capture.sequence[call])].label.partition(" ")[0]
        times[name] = times.get(name, 0.0) + float(found.costs.time_s[call])
    return max(times, key=lambda name: times[name])


def _common(paths: list[str]) -> str:
    """The part of the model that holds all of them; empty for the model itself."""
    parents = [path.split(".")[:-1] for path in paths]
    levels = takewhile(lambda level: len(set(level)) == 1, zip(*parents, strict=False))
    return ".".join(level[0] for level in levels).rstrip(".*")


def counted(number: int, noun: str) -> str:
    """`1 call`, `1,024 calls`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
