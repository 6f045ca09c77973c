"""Convolutions and pooling: sizes are products over dimensions, which are taken apart into squares where that fits."""

import math
from collections.abc import Callable, Iterator, Mapping

from stopwatt.operators.operator import Operator
from stopwatt.operators.synthesis.parts import Making, Sizes, refused, splits

_MOST_STRIDE = 4
"""Of a pooling window, whose stride its sizes do not tell; besides as large as the window."""


def _convolution(rank: int) -> Callable[[Sizes], Operator]:
    """Without a bias, as before a normalisation."""

    def made(sizes: Sizes) -> Operator:
        batch, channels, outputs, groups = (sizes[name] for name in ("batch", "in_channels", "out_channels", "groups"))
        sizes.need(holds=sizes["dims"] == rank, why=f"it has {rank} dimensions")
        sizes.need(holds=not (channels % groups or outputs % groups), why="channels are no multiple of groups")
        size, out_size, kernel, stride, dilation, padding = _fitting(sizes, rank)
        make = Making(sizes.dtype)
        given, weight = make.given(batch, channels, *size), make.weight(outputs, channels // groups, *kernel)
        shape = (batch, outputs, *out_size)
        arguments = (list(stride), list(padding), list(dilation), groups)
        return make.operator(f"conv{rank}d.default", given, weight, None, *arguments, gives=shape)

    return made


def _fitting(sizes: Sizes, rank: int) -> list[tuple[int, ...]]:
    """Size, size of the result, kernel, stride, dilation and padding of each dimension.

    Raises:
        Unsupported: No padding below the width of the window makes one of the other.
    """
    kernel, stride, dilation = (next(splits(sizes[name], rank)) for name in ("kernel", "stride", "dilation"))
    for size in splits(sizes["in_size"], rank):
        for out_size in splits(sizes["out_size"], rank):
            each = zip(size, out_size, kernel, stride, dilation, strict=True)
            padding = [_padding(*one) for one in each]
            if None not in padding:
                return [size, out_size, kernel, stride, dilation, tuple(one for one in padding if one is not None)]
    raise refused(sizes.kind, sizes.dims, "no padding turns in_size into out_size")


def _padding(size: int, out_size: int, kernel: int, stride: int, dilation: int) -> int | None:
    """The least padding on both sides with which a dimension comes out so; `None` for none below the window's reach."""
    reach = dilation * (kernel - 1)
    least = max(0, math.ceil(((out_size - 1) * stride + reach + 1 - size) / 2))
    reached = (size + 2 * least - reach - 1) // stride + 1
    return least if reached == out_size and least <= reach else None


def _windows(name: str, rank: int) -> Callable[[Sizes], Operator]:
    """With a fixed window."""

    def made(sizes: Sizes) -> Operator:
        size, out_size, kernel, stride, padding = _pooled(sizes, rank)
        make = Making(sizes.dtype)
        given = make.given(sizes["batch"], sizes["channels"], *size)
        shape = (sizes["batch"], sizes["channels"], *out_size)
        return make.operator(f"{name}.default", given, list(kernel), list(stride), list(padding), gives=shape)

    return made


def _pooled(sizes: Sizes, rank: int) -> tuple[tuple[int, ...], ...]:
    """Size, size of the result, window, stride and padding of each dimension; at most half a window is padding."""
    kernel = next(splits(sizes["kernel"], rank))
    for size in splits(sizes["in_size"], rank):
        for out_size in splits(sizes["out_size"], rank):
            each = [next(_steps(*one), None) for one in zip(size, out_size, kernel, strict=True)]
            if None not in each:
                found = [one for one in each if one is not None]
                return size, out_size, kernel, tuple(one[0] for one in found), tuple(one[1] for one in found)
    raise refused(sizes.kind, sizes.dims, "no stride turns in_size into out_size")


def _steps(size: int, out_size: int, kernel: int) -> Iterator[tuple[int, int]]:
    """Strides with their paddings, the usual ones first."""
    usual = max(1, round(size / out_size))
    for stride in dict.fromkeys((usual, *range(1, _MOST_STRIDE + 1), kernel)):
        padding = _padding(size, out_size, kernel, stride, 1)
        if padding is not None and padding <= kernel // 2:
            yield stride, padding


def _adaptive(name: str, rank: int) -> Callable[[Sizes], Operator]:
    """With a window that follows from the sizes."""

    def made(sizes: Sizes) -> Operator:
        size, out_size = (next(splits(sizes[name], rank)) for name in ("in_size", "out_size"))
        make = Making(sizes.dtype)
        given = make.given(sizes["batch"], sizes["channels"], *size)
        return make.operator(
            f"{name}.default", given, list(out_size), gives=(sizes["batch"], sizes["channels"], *out_size)
        )

    return made


CONVOLUTIONS: Mapping[str, Callable[[Sizes], Operator]] = {f"conv{rank}d": _convolution(rank) for rank in (1, 2, 3)}
POOLING: Mapping[str, Callable[[Sizes], Operator]] = {
    **{f"{how}_pool{rank}d": _windows(f"{how}_pool{rank}d", rank) for how in ("max", "avg") for rank in (1, 2)},
    **{f"adaptive_avg_pool{rank}d": _adaptive(f"adaptive_avg_pool{rank}d", rank) for rank in (1, 2)},
}
