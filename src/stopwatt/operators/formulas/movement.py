"""Copies in another place, order or size: what is given is read once and written once."""

from collections.abc import Callable, Mapping

from stopwatt.operators.formulas.call import Call, work
from stopwatt.operators.formulas.touched import element_bytes, numel
from stopwatt.operators.work import Family, Work

_COPIES = """
    _pad_circular _pin_memory _reshape_copy _unsafe_view affine_grid_generator alias_copy as_strided_copy atleast_1d
    block_diag broadcast_tensors broadcast_to cartesian_prod cat channel_shuffle chunk clone col2im column_stack
    concat concatenate constant_pad_nd contiguous detach_copy diag diag_embed diagonal_copy dstack expand_copy
    flatten flip fliplr flipud hstack im2col lift lift_fresh lift_fresh_copy max_unpool2d max_unpool3d meshgrid
    narrow_copy native_channel_shuffle one_hot pad permute_copy pin_memory pixel_shuffle pixel_unshuffle ravel
    reflection_pad1d reflection_pad2d reflection_pad3d repeat repeat_interleave replication_pad1d replication_pad2d
    replication_pad3d reshape reshape_as resolve_conj resolve_neg roll rot90 slice_copy split_copy
    split_with_sizes_copy squeeze_copy stack t_copy tile transpose_copy tril triu unbind_copy unflatten unfold_copy
    unsafe_chunk unsafe_split unsafe_split_with_sizes unsqueeze_copy view_copy vstack
"""
_CONVERSIONS = "to _to_copy type_as float half double int long bool bfloat16 to_dense to_mkldnn"
_ITEMS = "_local_scalar_dense item is_nonzero"
_LINES = {"nearest": 1, "_nearest_exact": 1, "linear": 2, "bilinear": 2, "trilinear": 2, "bicubic": 4}
"""Neighbours along each dimension, by the way of resampling; `_` begins the names that torch keeps for itself."""


def _copy(call: Call) -> Work:
    elements = sum(numel(one) for one in call.outputs)
    return work(call, Family.MOVEMENT, {"elements": elements}, 0)


def _conversion(call: Call) -> Work:
    """To another type, one operation an element; to another place or order, a copy."""
    given = call.tensor(0, "self")
    if given.dtype != call.output.dtype:
        return work(
            call, Family.ELEMENTWISE, {"elements": numel(call.output), "operands": 1}, numel(call.output),
            kind="convert", reads=[given],
        )  # fmt: skip
    return work(call, Family.MOVEMENT, {"elements": numel(call.output)}, 0, kind="copy", reads=[given])


def _copied_into(call: Call) -> Work:
    """`self.copy_(source)`: what stood in `self` is not read."""
    return work(call, Family.MOVEMENT, {"elements": numel(call.output)}, 0, kind="copy", reads=call.tensors(1, "src"))


def _item(call: Call) -> Work:
    """One number for Python; a GPU is waited for."""
    return work(call, Family.MOVEMENT, {"elements": 1}, 0, kind="item")


def _resampled(neighbours: int, rank: int) -> Callable[[Call], Work]:
    """Each element from so many neighbours along each of so many dimensions, a multiply-add for each."""

    def formula(call: Call) -> Work:
        given, elements = call.tensor(0, "input"), numel(call.output)
        points = neighbours**rank
        taken = given, points * elements * element_bytes(given.dtype)
        return work(
            call, Family.MOVEMENT, {"elements": elements}, 0 if points == 1 else 2 * points * elements, taken=taken
        )

    return formula


_RESAMPLED = {
    f"{'_' if way.startswith('_') else ''}upsample_{way.lstrip('_')}{rank}d{suffix}": _resampled(points, rank)
    for way, points in _LINES.items()
    for rank in (1, 2, 3)
    for suffix in ("", "_aa")
}

FORMULAS: Mapping[str, Callable[[Call], Work]] = {
    **dict.fromkeys(_COPIES.split(), _copy),
    **dict.fromkeys(_CONVERSIONS.split(), _conversion),
    **dict.fromkeys(_ITEMS.split(), _item),
    "copy": _copied_into,
    **_RESAMPLED,
}
