"""Operators of eager whose work another runtime does under no name of their own: they are part of other kernels."""

from collections import Counter
from collections.abc import Sequence

from stopwatt.operators.capture import Capture
from stopwatt.operators.names import base_name

_OTHER_NAMES: dict[str, Sequence[str]] = {
    "linear": ("gemm", "matmul", "addmm", "mm", "fullyconnected"),
    "addmm": ("gemm", "matmul", "mm", "fullyconnected"),
    "matmul": ("gemm", "bmm", "mm"),
    "conv2d": ("conv",),
    "batch_norm": ("batchnormalization",),
    "layer_norm": ("layernorm",),
    "scaled_dot_product_attention": ("attention", "softmax", "flash"),
    "max_pool2d": ("maxpool",),
    "adaptive_avg_pool2d": ("averagepool", "mean"),
    "embedding": ("gather",),
}
"""What other runtimes call them."""


def unnamed(eager: Capture, other: Capture) -> tuple[tuple[str, int], ...]:
    """Operators whose name occurs in no kernel's name, and how many calls of each, most first.

    Args:
        eager: A capture without kernels: operators.
        other: Of the same model on a runtime that names its kernels; of any other one nothing is said.
    """
    if not other.kernels:
        return ()
    told = " ".join(_plain(f"{one.name} {one.kind}") for one in other.kernels)
    before = Counter(base_name(eager.operators[place].name) for place in eager.sequence.tolist())
    return tuple((name, count) for name, count in before.most_common() if not _occurs(name, told))


def _occurs(name: str, told: str) -> bool:
    return any(word in told for word in (_plain(name), *_OTHER_NAMES.get(name, ())))


def _plain(text: str) -> str:
    return text.lower().replace("_", "")
