"""The sizes of an operator that can be chosen freely, and the operator's sizes from them.

Heads share keys, channels come in groups, pictures have sides: what must go together is one free size, so that
changing it gives sizes that an operator can have.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from stopwatt.operators.work import Family

Sizes = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Freedom:
    """How a family's sizes follow from free ones.

    Attributes:
        free: Free sizes of some sizes.
        back: Sizes with other free ones; what is not free stays.
        moves: Free sizes that are changed together: a batch, a sequence, a hidden size.
    """

    free: Callable[[Sizes], dict[str, float]]
    back: Callable[[Sizes, Sizes], dict[str, float]]
    moves: Sequence[tuple[str, ...]]


def moved(family: Family, dims: Sizes, factor: float, names: Sequence[str]) -> dict[str, float] | None:
    """Sizes with some of the free ones multiplied.

    Args:
        family: Of the sizes.
        dims: As `Work.dims`.
        factor: A power of two gives the nearest whole number, everything else an odd one: what is between.
        names: Free sizes.

    Returns:
        `None` where nothing changes, or a size would be below 1.
    """
    free = FREEDOM[family].free(dims)
    if not set(names) <= set(free):
        return None
    wanted = free | {name: _times(free[name], factor) for name in names}
    return None if wanted == free or min(wanted.values()) < 1 else FREEDOM[family].back(dims, wanted)


def placed(family: Family, dims: Sizes, free: Sizes) -> dict[str, float]:
    """Sizes with these free ones, as whole numbers from 1 on; free sizes that these sizes do not have are left out."""
    own = FREEDOM[family].free(dims)
    chosen = {name: float(max(1, round(size))) for name, size in free.items() if name in own}
    return FREEDOM[family].back(dims, own | chosen)


def _times(size: float, factor: float) -> float:
    found = size * factor
    if math.log2(factor).is_integer():
        return float(round(found))
    return float(int(found) | 1)


def _all(*names: str) -> Freedom:
    """Every size by itself."""
    return Freedom(
        lambda dims: {name: dims[name] for name in names},
        lambda dims, free: {**dims, **free},
        [(name,) for name in names],
    )


def _heads(dims: Sizes) -> dict[str, float]:
    """Heads that share keys stay as many."""
    return {name: dims[name] for name in ("batch", "kv_heads", "head_dim", "q_len", "kv_len")}


def _with_heads(dims: Sizes, free: Sizes) -> dict[str, float]:
    return {**dims, **free, "heads": free["kv_heads"] * dims["heads"] / dims["kv_heads"]}


def _channels(dims: Sizes) -> dict[str, float]:
    """Channels of a group, or, where each channel is a group, their number; the side of a square picture."""
    found = {"batch": dims["batch"]} | _sided(dims, dims["dims"])
    if dims["groups"] == dims["in_channels"] > 1:
        return found | {"groups": dims["groups"]}
    return found | {"inner": dims["in_channels"] / dims["groups"], "outer": dims["out_channels"] / dims["groups"]}


def _with_channels(dims: Sizes, free: Sizes) -> dict[str, float]:
    groups = free.get("groups", dims["groups"])
    inner, outer = (dims[name] / dims["groups"] for name in ("in_channels", "out_channels"))
    channels = {"in_channels": groups * free.get("inner", inner), "out_channels": groups * free.get("outer", outer)}
    return {**dims, **channels, "groups": groups, "batch": free["batch"]} | _with_side(dims, free, dims["dims"])


def _windows(dims: Sizes) -> dict[str, float]:
    return {"batch": dims["batch"], "channels": dims["channels"]} | _sided(dims, 2)


def _with_windows(dims: Sizes, free: Sizes) -> dict[str, float]:
    found = {**dims, "batch": free["batch"], "channels": free["channels"]} | _with_side(dims, free, 2)
    adaptive = dims["kernel"] == dims["in_size"] / dims["out_size"]
    return found | ({"kernel": found["in_size"] / found["out_size"]} if adaptive else {})


def _sided(dims: Sizes, rank: float) -> dict[str, float]:
    side = dims["in_size"] ** (1 / rank)
    return {"side": float(round(side))} if math.isclose(side, round(side)) else {}


def _with_side(dims: Sizes, free: Sizes, rank: float) -> dict[str, float]:
    """The result grows with the picture; one of one place stays so."""
    if "side" not in free:
        return {}
    before, out = (round(dims[name] ** (1 / rank)) for name in ("in_size", "out_size"))
    after = out if out == 1 else max(1, round(out * free["side"] / before))
    return {"in_size": free["side"] ** rank, "out_size": float(after**rank)}


def _runs(dims: Sizes) -> dict[str, float]:
    return {"rows": dims["elements"] / dims["run"], "run": dims["run"]}


def _with_runs(dims: Sizes, free: Sizes) -> dict[str, float]:
    return {**dims, "elements": free["rows"] * free["run"], "run": free["run"]}


def _reduced(dims: Sizes) -> dict[str, float]:
    return {"outputs": dims["outputs"], "each": dims["elements"] / max(dims["outputs"], 1)}


def _with_reduced(dims: Sizes, free: Sizes) -> dict[str, float]:
    return {**dims, "outputs": free["outputs"], "elements": free["outputs"] * free["each"]}


_PRODUCT = _all("m", "n", "k", "batch")
_IN_RUNS = Freedom(_runs, _with_runs, [("rows",), ("run",)])
FREEDOM: Mapping[Family, Freedom] = MappingProxyType(
    {
        Family.GEMM: Freedom(_PRODUCT.free, _PRODUCT.back, [*_PRODUCT.moves, ("n", "k")]),
        Family.ATTENTION: Freedom(
            _heads, _with_heads, [("batch",), ("kv_heads",), ("head_dim",), ("q_len", "kv_len"), ("kv_len",)]
        ),
        Family.CONVOLUTION: Freedom(
            _channels, _with_channels, [("batch",), ("groups",), ("inner",), ("outer",), ("inner", "outer"), ("side",)]
        ),
        Family.POOLING: Freedom(_windows, _with_windows, [("batch",), ("channels",), ("side",)]),
        Family.RECURRENT: _all("steps", "batch", "inputs", "hidden", "layers"),
        Family.NORM: _all("rows", "columns"),
        Family.SOFTMAX: _all("rows", "columns"),
        Family.REDUCTION: Freedom(_reduced, _with_reduced, [("outputs",), ("each",)]),
        Family.EMBEDDING: _all("lookups", "width", "rows"),
        Family.ELEMENTWISE: _IN_RUNS,
        Family.MOVEMENT: _IN_RUNS,
    }
)
"""Families that can be made from sizes."""
