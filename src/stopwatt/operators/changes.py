"""What a technique or a backend did to a model's graph: two captures of it, operator by operator, kernel by kernel."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from stopwatt.operators.capture import Capture, Kernel
from stopwatt.operators.formulas import work_of
from stopwatt.operators.names import base_name
from stopwatt.operators.unnamed import unnamed

_FUSED = "fused"
_FUSING = frozenset({
    "Subgraph", "MHA", "ScaledDotProductAttention",  # OpenVINO
    "Attention", "MultiHeadAttention", "GroupQueryAttention", "QAttention", "EmbedLayerNormalization",  # ONNX Runtime
    "SkipLayerNormalization", "SkipSimplifiedLayerNormalization", "BiasGelu", "FastGelu", "QuickGelu",
})  # fmt: skip
"""Kinds of kernels that do the work of several operators of a graph, where their name does not say it."""
_Key = tuple[str, str]


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
        kernels_before, kernels_after: Whether a runtime's kernels were counted, under its own names.
        fused: Calls of kernels, after, that do the work of several operators each, by kind.
        unnamed: Calls of operators before that no kernel after bears the name of, where only the latter is counted by
            kernels: they are part of other kernels.
        types_before, types_after: Calls by the element type that they compute in, as far as the runtime says it.
        flops_before, flops_after: Operations of one call by the formulas, a multiply-add as two; `None` where some
            operator's are not known, or the runtime names kernels only.
        parameters_before, parameters_after: Numbers in the model's parameters.
        weight_bytes_before, weight_bytes_after: Bytes of its parameters and buffers.
    """

    gone: tuple[Change, ...]
    new: tuple[Change, ...]
    fewer: tuple[Change, ...]
    more: tuple[Change, ...]
    calls_before: float
    calls_after: float
    kernels_before: bool = False
    kernels_after: bool = False
    fused: Mapping[str, float] = field(default_factory=dict)
    unnamed: Mapping[str, float] = field(default_factory=dict)
    types_before: Mapping[str, float] = field(default_factory=dict)
    types_after: Mapping[str, float] = field(default_factory=dict)
    flops_before: float | None = None
    flops_after: float | None = None
    parameters_before: int = 0
    parameters_after: int = 0
    weight_bytes_before: int = 0
    weight_bytes_after: int = 0

    @property
    def any(self) -> bool:
        """Whether another number of calls of anything is made."""
        return bool(self.gone or self.new or self.fewer or self.more)

    @property
    def comparable(self) -> bool:
        """Whether both sides are called by the same names: operators, or kernels of one kind of runtime."""
        return self.kernels_before == self.kernels_after


def changes(before: Capture, after: Capture) -> Changes:
    """What lies between two captures of a model.

    A runtime that names its kernels is counted by these, any other by its operators; names of kernels are the
    runtime's, so that between an eager capture and such a one mostly everything is gone and new.

    Args:
        before: Of the model as it was.
        after: Of the same model with something done to it, or on another backend.
    """
    had, has = _calls(before), _calls(after)
    both = [Change(*key, had.get(key, 0.0), has.get(key, 0.0)) for key in sorted({*had, *has})]
    found = [one for one in both if one.before != one.after]
    found.sort(key=lambda one: -abs(one.after - one.before))
    return Changes(
        gone=tuple(one for one in found if not one.after),
        new=tuple(one for one in found if not one.before),
        fewer=tuple(one for one in found if 0 < one.after < one.before),
        more=tuple(one for one in found if 0 < one.before < one.after),
        calls_before=sum(had.values()),
        calls_after=sum(has.values()),
        kernels_before=bool(before.kernels),
        kernels_after=bool(after.kernels),
        fused=_fused(after),
        unnamed={name: float(count) for name, count in unnamed(before, after)} if not before.kernels else {},
        types_before=_types(had),
        types_after=_types(has),
        flops_before=_flops(before),
        flops_after=_flops(after),
        parameters_before=before.parameters,
        parameters_after=after.parameters,
        weight_bytes_before=before.weight_bytes,
        weight_bytes_after=after.weight_bytes,
    )


def is_fused(kernel: Kernel) -> bool:
    """Whether a kernel does the work of several operators, as far as its name and kind tell."""
    return _FUSED in f"{kernel.name} {kernel.kind}".lower() or kernel.kind in _FUSING


def _calls(capture: Capture) -> dict[_Key, float]:
    """Calls by name and element type."""
    found: dict[_Key, float] = {}
    for one in capture.kernels:
        key = one.kind, one.dtype
        found[key] = found.get(key, 0.0) + one.count
    if not found:
        named = [(base_name(one.name), work_of(one).dtype) for one in capture.operators]
        found.update(Counter(named[place] for place in capture.sequence.tolist()))
    return found


def _fused(capture: Capture) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in filter(is_fused, capture.kernels):
        found[one.kind] = found.get(one.kind, 0.0) + one.count
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _types(calls: Mapping[_Key, float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for (_, dtype), count in calls.items():
        found[dtype] = found.get(dtype, 0.0) + count
    return {dtype: count for dtype, count in sorted(found.items()) if dtype}


def _flops(capture: Capture) -> float | None:
    each = [work_of(one).flops for one in capture.operators]
    if capture.kernels or None in each:
        return None
    return float(sum(each[place] or 0.0 for place in capture.sequence.tolist()))
