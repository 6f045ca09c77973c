"""Pooling: one number for each window. Adaptive pooling has windows of about `in_size / out_size` places."""

import math
from collections.abc import Callable, Mapping

from stopwatt.operators.formulas.call import Call, work
from stopwatt.operators.formulas.convolution import each
from stopwatt.operators.formulas.touched import numel
from stopwatt.operators.work import Family, Work


def _pooling(rank: int, *, adaptive: bool) -> Callable[[Call], Work]:
    """`input [..., channels, *size]` with `rank` dimensions of size."""

    def formula(call: Call) -> Work:
        given, output = call.tensor(0, "self"), call.output
        in_size, out_size = math.prod(given.shape[-rank:]), math.prod(output.shape[-rank:])
        kernel = in_size / max(out_size, 1) if adaptive else math.prod(each(call.value(1, "kernel_size"), rank))
        dims = {
            "batch": math.prod(given.shape[: -rank - 1]),
            "channels": given.shape[-rank - 1],
            "in_size": in_size,
            "out_size": out_size,
            "kernel": kernel,
        }
        return work(call, Family.POOLING, dims, kernel * numel(output))

    return formula


_WINDOWS = "max_pool{0}d avg_pool{0}d max_pool{0}d_with_indices"
_ADAPTIVE = "adaptive_avg_pool{0}d adaptive_max_pool{0}d"
_INNER = "mkldnn_max_pool2d mkldnn_max_pool3d _adaptive_avg_pool2d _adaptive_avg_pool3d mkldnn_adaptive_avg_pool2d"

FORMULAS: Mapping[str, Callable[[Call], Work]] = {
    name: _pooling(rank, adaptive="adaptive" in name)
    for rank in (1, 2, 3)
    for name in f"{_WINDOWS} {_ADAPTIVE}".format(rank).split()
} | {name: _pooling(int(name[-2]), adaptive="adaptive" in name) for name in _INNER.split()}
