"""Convolutions: a product over the window of each place, of the channels of its group.

All that is padded counts too, as in torch's counter. Sizes come from what goes in and out, so that padding, also the
one called "same", needs no formula.
"""

import math
from collections.abc import Callable, Mapping, Sequence

from stopwatt.operators.formulas.call import Call, work
from stopwatt.operators.formulas.touched import element_bytes
from stopwatt.operators.work import Family, Work


def _convolution(*, stride: int, dilation: int, transposed: bool = False) -> Callable[[Call], Work]:
    """`input [..., channels, *size]`, `weight [out, in / groups, *kernel]`; transposed `[in, out / groups, *kernel]`.

    Args:
        stride: Place of this argument.
        dilation: Likewise.
        transposed: Whether each place of the input is spread over a window of the output.
    """

    def formula(call: Call) -> Work:
        given, weight, output = call.tensor(0, "input"), call.tensor(1, "weight"), call.output
        kernel = weight.shape[2:]
        rank = len(kernel)
        strides = each(call.value(stride, "stride", 1), rank)
        dilations = each(call.value(dilation, "dilation", 1), rank)
        size, out_size = given.shape[-rank:], output.shape[-rank:]
        in_channels, out_channels = given.shape[-rank - 1], output.shape[-rank - 1]
        batch = math.prod(given.shape[: -rank - 1])
        groups = (out_channels if transposed else in_channels) // weight.shape[1]
        dims = {
            "batch": batch,
            "in_channels": in_channels,
            "out_channels": out_channels,
            "groups": groups,
            "in_size": math.prod(size),
            "out_size": math.prod(out_size),
            "kernel": math.prod(kernel),
            "stride": math.prod(strides),
            "dilation": math.prod(dilations),
            "dims": rank,
        }
        places = math.prod(size if transposed else out_size)
        flops = 2 * batch * places * in_channels * out_channels // groups * math.prod(kernel)
        read = size if transposed else covered(size, out_size, kernel, strides, dilations)
        part = batch * in_channels * math.prod(read) * element_bytes(given.dtype)
        kind = f"conv_transpose{rank}d" if transposed else f"conv{rank}d"
        return work(call, Family.CONVOLUTION, dims, flops, kind=kind, taken=(given, part))

    return formula


def each(value: int | Sequence[int], rank: int) -> list[int]:
    """An argument that may be one number for all dimensions."""
    numbers = [value] if isinstance(value, int) else list(value)
    return numbers * rank if len(numbers) == 1 else numbers


def covered(
    size: Sequence[int],
    out_size: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> list[int]:
    """Places of each dimension under any window: windows further apart than they are wide leave some out."""
    every = zip(size, out_size, kernel, strides, dilations, strict=True)
    return [
        min(whole, out * wide) if step > dilation * (wide - 1) else whole for whole, out, wide, step, dilation in every
    ]


def _general(call: Call) -> Work:
    return _convolution(stride=3, dilation=5, transposed=bool(call.value(6, "transposed", default=False)))(call)


FORMULAS: Mapping[str, Callable[[Call], Work]] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _convolution(stride=3, dilation=5)),
    **dict.fromkeys(
        ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
        _convolution(stride=3, dilation=7, transposed=True),
    ),
    **dict.fromkeys(("convolution", "_convolution", "convolution_overrideable"), _general),
    "mkldnn_convolution": _convolution(stride=4, dilation=5),
    **dict.fromkeys(("_conv_depthwise2d", "conv_depthwise3d"), _convolution(stride=4, dilation=6)),
    "cudnn_convolution": _convolution(stride=3, dilation=4),
    "cudnn_convolution_relu": _convolution(stride=3, dilation=5),
    "cudnn_convolution_transpose": _convolution(stride=4, dilation=5, transposed=True),
}
