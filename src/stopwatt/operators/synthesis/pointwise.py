"""What works element by element, and copies: dense, or in runs of so many elements that lie next to each other."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stopwatt.operators.operator import Operator
from stopwatt.operators.synthesis.parts import Making, Sizes

_UNARY = """
    abs ceil cos elu erf floor gelu hardsigmoid hardswish hardtanh leaky_relu log_sigmoid mish neg relu relu6 round
    sigmoid sign silu sin softplus square tan tanh trunc
"""
_POSITIVE = "exp log reciprocal rsqrt sqrt"
_BINARY = "add div mul sub"
_PLAIN_BINARY = "maximum minimum"
_COMPARING = "eq ge gt le lt ne"
_ABOVE_0: Mapping[str, Any] = {"low": 0.25, "high": 2.0}
"""Values for which logarithms, roots and quotients are finite."""


def _unary(name: str, **about: Any) -> Callable[[Sizes], Operator]:
    def made(sizes: Sizes) -> Operator:
        sizes.need(holds=sizes["operands"] == 1, why="it has one operand")
        make, shape, strides = _laid(sizes)
        return make.operator(f"{name}.default", make.given(*shape, strides=strides, **about))

    return made


def _binary(name: str, *, overload: str = "Tensor", dtype: str = "") -> Callable[[Sizes], Operator]:
    """Of two tensors, or of one and a number."""

    def made(sizes: Sizes) -> Operator:
        operands = sizes["operands"]
        sizes.need(holds=operands in {1, 2}, why="it has one or two operands")
        sizes.need(holds=operands == 2 or overload == "Tensor", why="it has two operands")  # noqa: PLR2004  (as said)
        make, shape, strides = _laid(sizes)
        first = make.given(*shape, strides=strides)
        second = make.given(*shape, **_ABOVE_0) if operands == 2 else 1.5  # noqa: PLR2004
        which = "Scalar" if operands == 1 and dtype else overload
        return make.operator(f"{name}.{which}", first, second, dtype=dtype)

    return made


def _chosen(sizes: Sizes) -> Operator:
    sizes.need(holds=sizes["operands"] == 3, why="it has three operands")  # noqa: PLR2004  (as said)
    make, shape, strides = _laid(sizes)
    condition = make.given(*shape, dtype="bool", low=0.0, high=1.0)
    return make.operator("where.self", condition, make.given(*shape, strides=strides), make.given(*shape))


def _masked(sizes: Sizes) -> Operator:
    sizes.need(holds=sizes["operands"] == 2, why="it has two operands")  # noqa: PLR2004  (as said)
    make, shape, strides = _laid(sizes)
    given, mask = make.given(*shape, strides=strides), make.given(*shape, dtype="bool", low=0.0, high=1.0)
    return make.operator("masked_fill.Scalar", given, mask, 0.0)


def _laid(sizes: Sizes) -> tuple[Making, tuple[int, ...], Sequence[int]]:
    """Shape and strides of an operand with runs of that length: rows of a matrix twice as wide."""
    elements, run = sizes["elements"], sizes["run"]
    sizes.need(holds=elements % run == 0, why="elements are no multiple of the run")
    make = Making(sizes.dtype)
    if run == elements:
        return make, (elements,), (1,)
    return make, (elements // run, run), (2 * run, 1)


def _copy(sizes: Sizes) -> Operator:
    """`copy_` into what is dense."""
    make, shape, strides = _laid(sizes)
    into, source = make.given(*shape), make.given(*shape, strides=strides)
    return make.operator("copy_.default", into, source, into=0)


def _clone(sizes: Sizes) -> Operator:
    make, shape, strides = _laid(sizes)
    return make.operator("clone.default", make.given(*shape, strides=strides))


def _contiguous(sizes: Sizes) -> Operator:
    sizes.need(holds=sizes["run"] < sizes["elements"], why="what is dense already is not copied")
    make, shape, strides = _laid(sizes)
    return make.operator("contiguous.default", make.given(*shape, strides=strides))


def _cat(sizes: Sizes) -> Operator:
    """Two tensors, as wide as a run and side by side; else one row of a run above all the others."""
    elements, run = sizes["elements"], sizes["run"]
    sizes.need(holds=elements % run == 0 and elements > run, why="at least two runs are joined")
    make, rows = Making(sizes.dtype), elements // run
    if rows % 2 == 0:
        halves = [make.given(rows // 2, run), make.given(rows // 2, run)]
        return make.operator("cat.default", halves, -1, gives=(rows // 2, 2 * run))
    return make.operator("cat.default", [make.given(1, run), make.given(rows - 1, run)], 0, gives=(rows, run))


POINTWISE: Mapping[str, Callable[[Sizes], Operator]] = {
    **{name: _unary(name) for name in _UNARY.split()},
    **{name: _unary(name, **_ABOVE_0) for name in _POSITIVE.split()},
    **{name: _binary(name) for name in _BINARY.split()},
    **{name: _binary(name, overload="default") for name in _PLAIN_BINARY.split()},
    **{name: _binary(name, dtype="bool") for name in _COMPARING.split()},
    "pow": _binary("pow", overload="Tensor_Tensor"),
    "where": _chosen,
    "masked_fill": _masked,
}
MOVEMENTS: Mapping[str, Callable[[Sizes], Operator]] = {
    "cat": _cat,
    "clone": _clone,
    "contiguous": _contiguous,
    "copy": _copy,
}
