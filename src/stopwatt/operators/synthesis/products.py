"""Matrix products and attention."""

from collections.abc import Callable, Mapping
from typing import Any

from stopwatt.operators.operator import Operator
from stopwatt.operators.synthesis.parts import Making, Sizes


def _linear(sizes: Sizes) -> Operator:
    """As `torch.nn.Linear` calls it, with a bias."""
    m, n, k = _single(sizes)
    make = Making(sizes.dtype)
    return make.operator("linear.default", make.given(m, k), make.weight(n, k), make.weight(n), gives=(m, n))


def _addmm(sizes: Sizes) -> Operator:
    m, n, k = _single(sizes)
    make = Making(sizes.dtype)
    return make.operator("addmm.default", make.weight(n), make.given(m, k), make.weight(k, n), gives=(m, n))


def _mm(sizes: Sizes) -> Operator:
    m, n, k = _single(sizes)
    make = Making(sizes.dtype)
    return make.operator("mm.default", make.given(m, k), make.weight(k, n), gives=(m, n))


def _bmm(sizes: Sizes) -> Operator:
    """Two activations, as attention without a kernel of its own calls it."""
    batch, m, n, k = (sizes[name] for name in ("batch", "m", "n", "k"))
    make = Making(sizes.dtype)
    return make.operator("bmm.default", make.given(batch, m, k), make.given(batch, k, n), gives=(batch, m, n))


def _baddbmm(sizes: Sizes) -> Operator:
    batch, m, n, k = (sizes[name] for name in ("batch", "m", "n", "k"))
    make = Making(sizes.dtype)
    added = make.given(batch, m, n)
    return make.operator("baddbmm.default", added, make.given(batch, m, k), make.given(batch, k, n))


def _matmul(sizes: Sizes) -> Operator:
    """One product with a weight, or a batch of activations."""
    batch, m, n, k = (sizes[name] for name in ("batch", "m", "n", "k"))
    make = Making(sizes.dtype)
    if batch == 1:
        return make.operator("matmul.default", make.given(m, k), make.weight(k, n), gives=(m, n))
    return make.operator("matmul.default", make.given(batch, m, k), make.given(batch, k, n), gives=(batch, m, n))


def _single(sizes: Sizes) -> tuple[int, int, int]:
    sizes.need(holds=sizes["batch"] == 1, why="it has no batch")
    return sizes["m"], sizes["n"], sizes["k"]


def _attention(phase: str, *, masked: bool) -> Callable[[Sizes], Operator]:
    """Heads side by side in each token, as the projections leave them; a mask for each sample."""

    def made(sizes: Sizes) -> Operator:
        batch, heads, kv_heads, width = (sizes[name] for name in ("batch", "heads", "kv_heads", "head_dim"))
        q_len, kv_len, causal = sizes["q_len"], sizes["kv_len"], bool(sizes["causal"])
        sizes.need(holds=not sizes["window"], why="torch has none with a window")
        sizes.need(holds=heads % kv_heads == 0, why="heads are no multiple of kv_heads")
        sizes.need(holds=not (causal and masked), why="it is causal or has a mask")
        sizes.need(holds=(phase == "generation") is (q_len == 1 < kv_len), why="one query and more keys: generation")
        make = Making(sizes.dtype)
        tensors = [
            make.given(batch, many, length, width, strides=(length * many * width, width, many * width, 1))
            for many, length in ((heads, q_len), (kv_heads, kv_len), (kv_heads, kv_len))
        ]
        mask = make.given(batch, 1, q_len, kv_len, dtype="bool", low=0.0, high=1.0) if masked else None
        keywords: dict[str, Any] = {"enable_gqa": True} if heads != kv_heads else {}
        name = "scaled_dot_product_attention.default"
        return make.operator(name, *tensors, mask, 0.0, causal, **keywords)

    return made


PRODUCTS: Mapping[str, Callable[[Sizes], Operator]] = {
    "linear": _linear,
    "addmm": _addmm,
    "mm": _mm,
    "bmm": _bmm,
    "baddbmm": _baddbmm,
    "matmul": _matmul,
}
ATTENTION: Mapping[str, Callable[[Sizes], Operator]] = {
    f"{phase}{mask}": _attention(phase, masked=bool(mask))
    for phase in ("context", "generation")
    for mask in ("", " masked")
}
