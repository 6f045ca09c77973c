"""Copies in another place, order or size: what is given is read once and written once."""

import math
from collections.abc import Callable, Mapping, Sequence

from stopwatt.operators.formulas.call import Call, shortest_run, work
from stopwatt.operators.formulas.pointwise import each_element
from stopwatt.operators.formulas.touched import element_bytes, numel
from stopwatt.operators.operator import Tensor
from stopwatt.operators.work import Family, Work

_COPIES = """
    _pad_circular _pin_memory _reshape_copy _unsafe_view affine_grid_generator alias_copy as_strided_copy atleast_1d
    block_diag broadcast_tensors broadcast_to cartesian_prod channel_shuffle chunk clone col2im column_stack
    constant_pad_nd contiguous detach_copy diag diag_embed diagonal_copy dstack expand_copy flatten flip fliplr
    flipud hstack im2col lift lift_fresh lift_fresh_copy max_unpool2d max_unpool3d meshgrid narrow_copy
    native_channel_shuffle one_hot pad permute_copy pin_memory pixel_shuffle pixel_unshuffle ravel reflection_pad1d
    reflection_pad2d reflection_pad3d repeat repeat_interleave replication_pad1d replication_pad2d replication_pad3d
    reshape reshape_as resolve_conj resolve_neg roll rot90 slice_copy split_copy split_with_sizes_copy squeeze_copy
    t_copy tile transpose_copy tril triu unbind_copy unflatten unfold_copy unsafe_chunk unsafe_split
    unsafe_split_with_sizes unsqueeze_copy view_copy vstack
"""
_CONVERSIONS = "to _to_copy type_as to_dense to_mkldnn"
_ITEMS = "_local_scalar_dense item is_nonzero"
_RESAMPLING = {
    1: """upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d
        _upsample_nearest_exact2d _upsample_nearest_exact3d""",
    2: "upsample_linear1d upsample_bilinear2d upsample_trilinear3d _upsample_bilinear2d_aa",
    4: "upsample_bicubic2d _upsample_bicubic2d_aa",
}
"""By neighbours along each dimension; smoothing (`aa`) a smaller picture takes more, which is not counted."""


def moved(call: Call, run: int, *, reads: Sequence[Tensor] | None = None, kind: str = "") -> Work:
    """All elements of what is given, in runs of so many."""
    elements = sum(numel(one) for one in call.outputs)
    return work(call, Family.MOVEMENT, {"elements": elements, "run": run}, 0, kind=kind, reads=reads)


def _copy(call: Call) -> Work:
    return moved(call, shortest_run(call))


def _joined(call: Call) -> Work:
    """Tensors side by side: runs are what each has from the dimension on along which they are joined."""
    first = int(call.value(1, "dim", 0)) % max(len(call.output.shape), 1)
    runs = [math.prod(one.shape[first:]) for one in call.tensors(0, "tensors") if numel(one)]
    return moved(call, min([shortest_run(call), *runs]))


def _conversion(call: Call) -> Work:
    """To another type, one operation an element; to another place or order, a copy."""
    if call.tensor(0, "self").dtype != call.output.dtype:
        return each_element(call, 1, "convert")
    return moved(call, shortest_run(call), kind="copy")


def _copied_into(call: Call) -> Work:
    """`self.copy_(source)`: what stood in `self` is not read."""
    source = call.tensors(1, "src")
    return moved(call, shortest_run(call, source), reads=source, kind="copy")


def _item(call: Call) -> Work:
    """One number for Python; a GPU is waited for."""
    return work(call, Family.MOVEMENT, {"elements": 1, "run": 1}, 0, kind="item")


def _resampled(neighbours: int, rank: int) -> Callable[[Call], Work]:
    """Each element from so many neighbours along each of so many dimensions, a multiply-add for each."""
    points = neighbours**rank

    def formula(call: Call) -> Work:
        given, elements = call.tensor(0, "input"), numel(call.output)
        taken = given, points * elements * element_bytes(given.dtype)
        flops = 0 if points == 1 else 2 * points * elements
        return work(call, Family.MOVEMENT, {"elements": elements, "run": neighbours}, flops, taken=taken)

    return formula


_RESAMPLED = {
    name: _resampled(neighbours, rank=int(name.removesuffix("_aa")[-2]))
    for neighbours, names in _RESAMPLING.items()
    for name in names.split()
}

FORMULAS: Mapping[str, Callable[[Call], Work]] = {
    **dict.fromkeys(_COPIES.split(), _copy),
    **dict.fromkeys(("cat", "concat", "concatenate", "stack"), _joined),
    **dict.fromkeys(_CONVERSIONS.split(), _conversion),
    **dict.fromkeys(_ITEMS.split(), _item),
    "copy": _copied_into,
    **_RESAMPLED,
}
