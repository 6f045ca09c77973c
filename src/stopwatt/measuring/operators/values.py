"""Single arguments and tensors of torch as plain values."""

import math
from typing import Any

from stopwatt.operators.operator import Layout

Seen = tuple[float | None, float | None]
"""Smallest and largest value of a tensor; `None` where there are none or nobody can tell."""

_MOST_LOOKED_AT = 2**16
"""Elements of a floating tensor that its range is read from; of a larger one so many at equal steps."""


def short_name(value: Any) -> str:
    """`float32` of `torch.float32`."""
    return str(value).removeprefix("torch.")


def plain_value(value: Any) -> Any:
    """An argument that is neither a tensor nor holds any, as `Operator.arguments` has it.

    What JSON cannot hold becomes `{"object": NAME OF ITS TYPE}`: it cannot be given again.
    """
    import torch

    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"number": repr(value)}
    if isinstance(value, complex):
        return {"number": repr(value)}
    for kind, name in (
        (torch.dtype, "dtype"),
        (torch.device, "device"),
        (torch.layout, "layout"),
        (torch.memory_format, "memory_format"),
    ):
        if isinstance(value, kind):
            return {name: short_name(value)}
    found = type(value)
    return {"object": f"{found.__module__}.{found.__qualname__}"}


def layout_of(tensor: Any) -> Layout:
    """How a tensor is stored that has no strides, or is of a class of its own."""
    if getattr(tensor, "is_quantized", False):
        return Layout.QUANTISED
    return Layout.SPARSE if str(tensor.layout).startswith("torch.sparse") else Layout.OPAQUE


def value_range(tensor: Any) -> Seen:
    """Smallest and largest value: exact for integers and truth values, of equally spaced elements for large floats."""
    import torch

    if type(tensor) not in {torch.Tensor, torch.nn.Parameter, torch.nn.Buffer} or tensor.layout is not torch.strided:
        return None, None
    if not tensor.numel() or tensor.is_complex() or tensor.is_quantized:
        return None, None
    try:
        least, most = _thinned(tensor.detach()).aminmax()
        low, high = float(least), float(most)
    except (RuntimeError, NotImplementedError):  # an element type without an order (float8), a device without memory
        return None, None
    return (None, None) if math.isnan(low) or math.isnan(high) else (low, high)


def _thinned(tensor: Any) -> Any:
    """A view of at most about `_MOST_LOOKED_AT` elements of a floating tensor; other tensors whole."""
    if not tensor.is_floating_point():
        return tensor
    for dimension in range(tensor.dim()):
        excess = tensor.numel() // _MOST_LOOKED_AT
        if excess > 1:
            step = min(excess, tensor.shape[dimension])
            tensor = tensor[(slice(None),) * dimension + (slice(None, None, step),)]
    return tensor
