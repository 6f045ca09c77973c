"""Rows and elements found by number: of the table only what is looked up is read, and no row more often than once."""

from collections.abc import Callable, Mapping

from stopwatt.operators.formulas.call import Call, work
from stopwatt.operators.formulas.touched import element_bytes, numel
from stopwatt.operators.operator import Tensor
from stopwatt.operators.work import Family, Work

_LINES = (2, 1, 4)
"""Neighbours along a dimension by the number of the interpolation: bilinear, nearest, bicubic."""


def _embedding(call: Call) -> Work:
    """`weight [rows, width]`, indices of any shape."""
    table, indices = call.tensor(0, "weight"), call.tensor(1, "indices")
    return _looked_up(call, table, numel(indices), 0)


def _bags(call: Call) -> Work:
    """Rows added up in bags."""
    table, indices = call.tensor(0, "weight"), call.tensor(1, "indices")
    return _looked_up(call, table, numel(indices), numel(indices) * table.shape[1])


def _looked_up(call: Call, table: Tensor, lookups: int, flops: int) -> Work:
    rows, width = table.shape
    dims = {"lookups": lookups, "width": width, "rows": rows}
    read = min(lookups, rows) * width * element_bytes(table.dtype)
    return work(call, Family.EMBEDDING, dims, flops, taken=(table, read))


def _gather(call: Call) -> Work:
    """Elements of the first argument, as many as are given."""
    table, elements = call.tensor(0, "self"), numel(call.output)
    picks = max((numel(one) for one in call.inputs if one != table), default=1)
    dims = {"elements": elements, "run": max(1, elements // max(picks, 1))}
    return work(call, Family.MOVEMENT, dims, 0, taken=(table, elements * element_bytes(table.dtype)))


def _sampled(call: Call) -> Work:
    """`input [n, c, *size]`, `grid [n, *out, rank]`: neighbours of each place, weighted."""
    given, grid, elements = call.tensor(0, "input"), call.tensor(1, "grid"), numel(call.output)
    line = _LINES[int(call.value(2, "interpolation_mode", 0))]
    neighbours = line ** grid.shape[-1]
    taken = given, neighbours * elements * element_bytes(given.dtype)
    flops = 0 if line == 1 else 2 * neighbours * elements
    return work(call, Family.MOVEMENT, {"elements": elements, "run": line}, flops, taken=taken)


def _scatter(call: Call) -> Work:
    """Elements written at places by number: in place only those, otherwise after a copy of the first argument."""
    target = call.tensor(0, "self")
    given = [one for one in call.inputs if one != target]
    moved = max((numel(one) for one in given), default=0)
    if not call.in_place:
        return work(call, Family.MOVEMENT, {"elements": numel(call.output) + moved, "run": 1}, 0)
    written = float(min(moved, numel(target)) * element_bytes(target.dtype))
    adds = call.name in _ADDING or ("put" in call.name and call.value(3, "accumulate") is True)
    taken = target, written if adds else 0.0
    return work(call, Family.MOVEMENT, {"elements": moved, "run": 1}, moved if adds else 0, taken=taken, writes=written)


_ADDING = frozenset({"scatter_add", "scatter_reduce", "index_add"})
_WRITING = """
    scatter index_put _index_put_impl _unsafe_index_put index_copy masked_scatter put select_scatter slice_scatter
    diagonal_scatter
"""

FORMULAS: Mapping[str, Callable[[Call], Work]] = {
    "embedding": _embedding,
    **dict.fromkeys(("embedding_bag", "_embedding_bag", "_embedding_bag_forward_only"), _bags),
    **dict.fromkeys(
        ("gather", "index", "_unsafe_index", "index_select", "take", "take_along_dim", "masked_select"), _gather
    ),
    **dict.fromkeys(("grid_sampler", "grid_sampler_2d", "grid_sampler_3d"), _sampled),
    **dict.fromkeys([*_ADDING, *_WRITING.split()], _scatter),
}
