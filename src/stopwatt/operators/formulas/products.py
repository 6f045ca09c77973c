"""Matrix products: 2 m n k operations, a multiply-add as two; biases and scales are not counted, as is the custom."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from stopwatt.operators.formulas.call import Call, Unforeseen, work
from stopwatt.operators.formulas.touched import element_bytes, numel
from stopwatt.operators.operator import Tensor
from stopwatt.operators.work import Family, Work

_OPERANDS = 2


def product(call: Call, m: int, n: int, k: int, batch: int = 1) -> Work:
    """`batch` products `[m, k] x [k, n]`."""
    return work(call, Family.GEMM, {"m": m, "n": n, "k": k, "batch": batch}, 2 * batch * m * n * k)


def _linear(call: Call) -> Work:
    """`input [..., k]`, `weight [n, k]` or `[k]`."""
    given, weight = call.tensor(0, "input"), call.tensor(1, "weight")
    return product(call, math.prod(given.shape[:-1]), math.prod(weight.shape[:-1]), weight.shape[-1])


def _matmul(first: int) -> Callable[[Call], Work]:
    """`a x b` with any broadcasting, `a` being argument number `first`."""

    def formula(call: Call) -> Work:
        a, b = call.tensor(first, "self"), call.tensor(first + 1, "mat2")
        return product(call, *_sizes(a, b))

    return formula


def _sizes(a: Tensor, b: Tensor) -> tuple[int, int, int, int]:
    """m, n, k, batch. Where one matrix serves a whole batch, the rows of the batch are rows of one product."""
    left = a.shape if len(a.shape) > 1 else (1, *a.shape)
    right = b.shape if len(b.shape) > 1 else (*b.shape, 1)
    if len(right) == _OPERANDS:
        return math.prod(left[:-1]), right[-1], left[-1], 1
    batch = math.prod(_broadcast(left[:-2], right[:-2]))
    return left[-2], right[-1], left[-1], batch


def _broadcast(first: tuple[int, ...], second: tuple[int, ...]) -> list[int]:
    rank = max(len(first), len(second))
    pairs = zip((1,) * (rank - len(first)) + first, (1,) * (rank - len(second)) + second, strict=True)
    return [b if a == 1 else a for a, b in pairs]


def _addbmm(call: Call) -> Work:
    """Products of a batch, added up: one product with a longer inner dimension."""
    a, b = call.tensor(1, "batch1"), call.tensor(2, "batch2")
    return product(call, a.shape[1], b.shape[2], a.shape[0] * a.shape[2])


def _tensordot(call: Call) -> Work:
    a, b = call.tensor(0, "self"), call.tensor(1, "other")
    inner = math.prod(a.shape[dim] for dim in call.value(2, "dims_self", ()))
    if inner == 0:
        return product(call, 0, 0, 0)
    return product(call, numel(a) // inner, numel(b) // inner, inner)


def _inner(call: Call) -> Work:
    a, b = call.tensor(0, "self"), call.tensor(1, "other")
    return product(call, math.prod(a.shape[:-1]), math.prod(b.shape[:-1]), a.shape[-1])


def _bilinear(call: Call) -> Work:
    """`x1 [..., i]`, `x2 [..., j]`, `weight [o, i, j]`: `x1 W`, then the sum with `x2` for each output."""
    rows, (outputs, inner, other) = math.prod(call.tensor(0, "input1").shape[:-1]), call.tensor(2, "weight").shape
    base = product(call, rows, outputs * other, inner)
    return replace(base, flops=2.0 * rows * outputs * other * (inner + 1))


def _grouped(call: Call) -> Work:
    """`[t, k] x [experts, k, n]`, each row with the matrix of its own group."""
    a, b = call.tensor(0, "self"), call.tensor(1, "mat2")
    if (len(a.shape), len(b.shape)) != (2, 3):
        raise Unforeseen("groups along another dimension")
    return product(call, a.shape[0], b.shape[2], a.shape[1])


def _packed(call: Call) -> Work:
    """A quantised linear layer, whose int8 weights are packed into an object: `n` is seen in what it gives."""
    given, output = call.tensor(0, "X"), call.output
    n, k = output.shape[-1], given.shape[-1]
    base = product(call, math.prod(given.shape[:-1]), n, k)
    packed = float(n * k * element_bytes("int8"))
    return replace(base, dtype="int8", read_bytes=base.read_bytes + packed, weight_bytes=base.weight_bytes + packed)


def _einsum(call: Call) -> Work:
    """Two operands as one batched product. The order of more is the library's choice: unknown."""
    operands = call.tensors(1, "tensors")
    if len(operands) != _OPERANDS:
        raise Unforeseen("einsum of other than two operands")
    (left, right), kept, sizes = _labels(str(call.value(0, "equation")), operands)

    def extent(labels: set[str]) -> int:
        return math.prod(sizes[label] for label in labels)

    shared = left & right
    return product(
        call, extent((left - right) & kept), extent((right - left) & kept), extent(shared - kept), extent(shared & kept)
    )


def _labels(equation: str, operands: tuple[Tensor, ...]) -> tuple[list[set[str]], set[str], Mapping[str, int]]:
    """Labels of each operand, labels of the result, and the size of each; `...` stands for labels of its own."""
    given, arrow, result = equation.replace(" ", "").partition("->")
    rest = [len(one.shape) - len(term.replace("...", "")) for term, one in zip(given.split(","), operands, strict=True)]
    dots = [f"<{place}>" for place in range(max(rest))]
    terms = [_spelled(term, dots[len(dots) - own :]) for term, own in zip(given.split(","), rest, strict=True)]
    sizes: dict[str, int] = {}
    for term, one in zip(terms, operands, strict=True):
        for label, size in zip(term, one.shape, strict=True):
            sizes[label] = max(size, sizes.get(label, 1))
    every = [label for term in terms for label in term]
    kept = _spelled(result, dots) if arrow else [one for one in every if one in dots or every.count(one) == 1]
    return [set(term) for term in terms], set(kept), sizes


def _spelled(term: str, dots: list[str]) -> list[str]:
    before, found, after = term.partition("...")
    return [*before, *(dots if found else []), *after]


FORMULAS: Mapping[str, Callable[[Call], Work]] = {
    "linear": _linear,
    "mkldnn_linear": _linear,
    **dict.fromkeys(
        ("mm", "bmm", "matmul", "mv", "dot", "vdot", "linalg_matmul", "_scaled_mm", "_int_mm"),
        _matmul(0),
    ),
    **dict.fromkeys(("addmm", "addmv", "baddbmm", "_addmm_activation"), _matmul(1)),
    "addbmm": _addbmm,
    "tensordot": _tensordot,
    "inner": _inner,
    "bilinear": _bilinear,
    "einsum": _einsum,
    "_grouped_mm": _grouped,
    **dict.fromkeys(
        (
            "quantized.linear",
            "quantized.linear_relu",
            "quantized.linear_dynamic",
            "quantized.linear_relu_dynamic",
        ),
        _packed,
    ),
}
