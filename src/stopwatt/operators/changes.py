"""What a technique or a backend did to a model's graph: two captures of it, operator by operator, kernel by kernel."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from stopwatt.operators.capture import Capture
from stopwatt.operators.operator import Operator

_FUSED = "fused"
_UNTYPED = ""


@dataclass(frozen=True, slots=True)
class Change:
    """How often one operator is called, before and after.

    Attributes:
        name: Without shapes (`conv2d`); of a capture with kernels the kernel's kind.
        dtype: Element type that it computes in; empty where the runtime does not say.
        before, after: Calls in one call of the model.
    """

    name: str
    dtype: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Changes:
    """What is different between two graphs of one model.

    Attributes:
        gone: Called before, and not any more.
        new: The other way round.
        fewer, more: Called before and after, in different numbers.
        calls_before, calls_after: Of all operators, or kernels, together.
        fused: Names of kernels that do the work of several operators, after.
        types_before, types_after: Calls by the element type that they compute in.
        parameters_before, parameters_after: Numbers in the model's parameters.
    """

    gone: tuple[Change, ...]
    new: tuple[Change, ...]
    fewer: tuple[Change, ...]
    more: tuple[Change, ...]
    calls_before: float
    calls_after: float
    fused: tuple[str, ...]
    types_before: Mapping[str, float]
    types_after: Mapping[str, float]
    parameters_before: int = 0
    parameters_after: int = 0

    @property
    def any(self) -> bool:
        """Whether another number of calls of anything is made."""
        return bool(self.gone or self.new or self.fewer or self.more)


def changes(before: Capture, after: Capture) -> Changes:
    """What lies between two captures of a model.

    A runtime that names its kernels is counted by these, any other by its operators; names of kernels are the
    runtime's, so that between an eager capture and such a one mostly everything is gone and new.

    Args:
        before: Of the model as it was.
        after: Of the same model with something done to it, or on another backend.
    """
    had, has = _calls(before), _calls(after)
    found = [Change(*key, had[key], has[key]) for key in sorted({*had, *has}) if had[key] != has[key]]
    found.sort(key=lambda one: -abs(one.after - one.before))
    return Changes(
        gone=tuple(one for one in found if not one.after),
        new=tuple(one for one in found if not one.before),
        fewer=tuple(one for one in found if 0 < one.after < one.before),
        more=tuple(one for one in found if 0 < one.before < one.after),
        calls_before=had.total(),
        calls_after=has.total(),
        fused=tuple(dict.fromkeys(one.name for one in after.kernels if _FUSED in one.name or _FUSED in one.kind)),
        types_before=_types(had),
        types_after=_types(has),
        parameters_before=before.parameters,
        parameters_after=after.parameters,
    )


def base_name(name: str) -> str:
    """`linear` of `aten.linear.default`."""
    return name.removeprefix("aten.").partition(".")[0]


def _calls(capture: Capture) -> Counter[tuple[str, str]]:
    """Calls by name and element type."""
    found: Counter[tuple[str, str]] = Counter()
    if capture.kernels:
        for one in capture.kernels:
            found[one.kind, _UNTYPED] += one.count  # type: ignore[assignment]  # profilers may give averages
        return found
    named = [(base_name(one.name), _element_type(one)) for one in capture.operators]
    found.update(named[place] for place in capture.sequence.tolist())
    return found


def _element_type(operator: Operator) -> str:
    """Of the largest tensor that is read, weights included; of what reads none, of what it gives."""
    tensors = operator.tensors or operator.outputs
    if not tensors:
        return _UNTYPED
    return max(tensors, key=lambda one: _elements(one.shape)).dtype


def _elements(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def _types(calls: Counter[tuple[str, str]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for (_, dtype), count in calls.items():
        found[dtype] = found.get(dtype, 0.0) + count
    return {dtype: count for dtype, count in sorted(found.items()) if dtype}
