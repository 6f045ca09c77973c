"""What works row by row: normalisation, softmax, reductions, lookups."""

from collections.abc import Callable, Mapping

from stopwatt.operators.operator import Operator
from stopwatt.operators.synthesis.parts import Making, Sizes

_EPS = 1e-5
_POSITIVE = {"low": 0.5, "high": 1.5}
"""Values of a variance."""


def _layer_norm(sizes: Sizes) -> Operator:
    rows, columns = sizes["rows"], sizes["columns"]
    make = Making(sizes.dtype)
    given, scale, shift = make.given(rows, columns), make.weight(columns), make.weight(columns)
    return make.operator("layer_norm.default", given, [columns], scale, shift, _EPS)


def _rms_norm(sizes: Sizes) -> Operator:
    rows, columns = sizes["rows"], sizes["columns"]
    make = Making(sizes.dtype)
    return make.operator("rms_norm.default", make.given(rows, columns), [columns], make.weight(columns), _EPS)


def _batch_norm(sizes: Sizes) -> Operator:
    """Of one sample, with the statistics that the model has: a row is a channel."""
    channels, places = sizes["rows"], sizes["columns"]
    make = Making(sizes.dtype)
    given = make.given(1, channels, places)
    scale, shift, mean = (make.weight(channels) for _ in range(3))
    variance = make.weight(channels, **_POSITIVE)
    return make.operator("batch_norm.default", given, scale, shift, mean, variance, False, 0.1, _EPS, True)


def _softmax(name: str) -> Callable[[Sizes], Operator]:
    def made(sizes: Sizes) -> Operator:
        make = Making(sizes.dtype)
        last = (None,) if name.endswith(".int") else (False,)
        return make.operator(name, make.given(sizes["rows"], sizes["columns"]), -1, *last)

    return made


def _reduction(name: str, *, many: bool, dtype: str = "") -> Callable[[Sizes], Operator]:
    """Of each row one number.

    Args:
        name: With overload.
        many: Whether dimensions are given as a list.
        dtype: Of the result, where it is another.
    """

    def made(sizes: Sizes) -> Operator:
        elements, outputs = sizes["elements"], sizes["outputs"]
        sizes.need(holds=elements % outputs == 0, why="elements are no multiple of outputs")
        make = Making(sizes.dtype)
        given = make.given(outputs, elements // outputs)
        return make.operator(name, given, [-1] if many else -1, gives=(outputs,), dtype=dtype)

    return made


def _embedding(sizes: Sizes) -> Operator:
    lookups, width, rows = sizes["lookups"], sizes["width"], sizes["rows"]
    make = Making(sizes.dtype)
    table = make.weight(rows, width)
    indices = make.given(1, lookups, dtype="int64", low=0.0, high=float(rows - 1))
    return make.operator("embedding.default", table, indices, gives=(1, lookups, width))


NORMS: Mapping[str, Callable[[Sizes], Operator]] = {
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
    "batch_norm": _batch_norm,
}
SOFTMAX: Mapping[str, Callable[[Sizes], Operator]] = {
    name: _softmax(f"{name}.default" if name.startswith("_") else f"{name}.int")
    for name in ("softmax", "log_softmax", "_softmax", "_log_softmax")
}
REDUCTIONS: Mapping[str, Callable[[Sizes], Operator]] = {
    **{name: _reduction(f"{name}.{over}", many=True) for name, over in (("sum", "dim_IntList"), ("mean", "dim"))},
    **{name: _reduction(f"{name}.default", many=True) for name in ("amax", "amin")},
    **{name: _reduction(f"{name}.default", many=False, dtype="int64") for name in ("argmax", "argmin")},
    "cumsum": lambda sizes: _running(sizes, "cumsum.default"),
}
EMBEDDINGS: Mapping[str, Callable[[Sizes], Operator]] = {"embedding": _embedding}


def _running(sizes: Sizes, name: str) -> Operator:
    """Of each element one number."""
    sizes.need(holds=sizes["elements"] == sizes["outputs"], why="it gives as many elements as it takes")
    make = Making(sizes.dtype)
    return make.operator(name, make.given(sizes["elements"]), 0)
