"""Memory that tensors reach: each byte once, however often it is repeated, and only what a slice holds."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable

from stopwatt.operators.operator import Tensor

_BITS = re.compile(r"\d+")


def element_bytes(dtype: str) -> int:
    """Bytes of an element: the first number in the type's name are its bits (`bfloat16`, `float8_e4m3fn`), else 1."""
    bits = _BITS.search(dtype)
    return max(1, int(bits.group()) // 8) if bits else 1


def is_floating(dtype: str) -> bool:
    """Whether a type has fractions: floating-point and complex numbers."""
    return "float" in dtype or "complex" in dtype


def numel(tensor: Tensor) -> int:
    """Elements, repeated ones as often as they are."""
    return math.prod(tensor.shape)


def touched_bytes(tensors: Iterable[Tensor]) -> float:
    """Bytes that these tensors reach together, each once.

    Equal views of a storage count once. Different views of one storage (queries, keys and values side by side) count
    together, but never more than lies between the first and the last byte that they reach.
    """
    views: dict[int, dict[tuple[object, ...], Tensor]] = defaultdict(dict)
    for one in tensors:
        if numel(one):
            views[one.storage][one.shape, one.strides, one.offset, one.dtype] = one
    return float(sum(_of_one_storage(list(same.values())) for same in views.values()))


def _of_one_storage(tensors: list[Tensor]) -> int:
    total = sum(_reached(one) * element_bytes(one.dtype) for one in tensors)
    if len(tensors) == 1:
        return total
    first = min(one.offset * element_bytes(one.dtype) for one in tensors)
    last = max((one.offset + _span(one)) * element_bytes(one.dtype) for one in tensors)
    return min(total, last - first)


def _reached(tensor: Tensor) -> int:
    """Distinct elements: an expanded dimension (stride 0) repeats, overlapping windows cannot exceed their span."""
    if not tensor.strides:
        return numel(tensor)
    own = math.prod(size for size, stride in zip(tensor.shape, tensor.strides, strict=True) if stride != 0)
    return min(own, _span(tensor))


def _span(tensor: Tensor) -> int:
    if not tensor.strides:
        return numel(tensor)
    return 1 + sum((size - 1) * abs(stride) for size, stride in zip(tensor.shape, tensor.strides, strict=True))


def run_length(tensor: Tensor, output: Tensor) -> int:
    """Elements that lie next to each other when a tensor is read in the order in which an output of its shape lies.

    A transposed matrix has runs of 1, heads side by side runs of one head's width, and what is dense runs to its end.
    """
    if not tensor.strides:
        return numel(tensor)
    places = list(range(len(tensor.shape)))
    if tensor.shape == output.shape and output.strides:
        places.sort(key=lambda place: -output.strides[place])
    run = 1
    for place in reversed(places):
        if tensor.shape[place] == 1:
            continue
        if tensor.strides[place] != run:
            break
        run *= tensor.shape[place]
    return run
