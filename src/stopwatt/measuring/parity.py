"""The correctness gate: wrong answers are not fast answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.records import Precision, Trouble
from stopwatt.units import quantity
from stopwatt.workloads.base import Arrays

TOLERANCE: Mapping[Precision, float] = {
    Precision.FP32: 1e-3,
    Precision.TF32: 1e-2,
    Precision.FP16: 2e-2,
    Precision.BF16: 1e-1,
    Precision.INT8: 5e-1,
}
"""Largest absolute difference over the reference output's largest absolute value that passes, per precision.

fp32 allows for another order of summation; the others are about ten times the format's rounding step (2^-11 for tf32
and fp16, 2^-8 for bf16), grown through tens of layers. int8 only has to be recognisably the same function: whether its
accuracy is good enough is a question for labelled data, not for a tolerance.
"""

INT8_COSINE = 0.9
"""Least cosine similarity of an int8 output with the reference."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """Numeric distance of some outputs to the reference; the worst output counts.

    Attributes:
        max_abs: Largest absolute difference.
        relative: The same over the reference output's largest absolute value.
        cosine: Least cosine similarity of an output with its reference.
        top1: Share of samples whose highest class score agrees; `None` if the workload is no classifier.
    """

    max_abs: float
    relative: float
    cosine: float
    top1: float | None = None

    def worst(self, other: "Deviation") -> "Deviation":
        """The worse of both in each respect."""
        shares = [share for share in (self.top1, other.top1) if share is not None]
        return Deviation(
            max(self.max_abs, other.max_abs),
            max(self.relative, other.relative),
            min(self.cosine, other.cosine),
            min(shares) if shares else None,
        )


class Mismatch(Exception):  # noqa: N818  (a finding, carried to the gate)
    """Outputs that cannot even be compared: other count, shape or kind, or not finite."""


def compare(outputs: Arrays, reference: Arrays, *, classifier: bool = False) -> Deviation:
    """Distance of one set of outputs to the reference's.

    Args:
        outputs: Host arrays, floating ones as float32 or float64.
        reference: The same, from the reference.
        classifier: Whether the first output holds class scores in its last dimension.

    Raises:
        Mismatch: Another number of outputs, another shape, another kind of numbers, NaN or infinity.
    """
    if len(outputs) != len(reference):
        raise Mismatch(f"{len(outputs)} outputs instead of {len(reference)}")
    result = Deviation(0.0, 0.0, 1.0)
    for place, (got, wanted) in enumerate(zip(outputs, reference, strict=True)):
        result = result.worst(_compare_one(got, wanted, f"output {place}"))
    if classifier and reference:
        agree = np.argmax(outputs[0], axis=-1) == np.argmax(reference[0], axis=-1)
        result = Deviation(result.max_abs, result.relative, result.cosine, float(np.mean(agree)))
    return result


def in_order_of(outputs: Arrays, reference: Arrays) -> Arrays:
    """Outputs whose second dimension is a set, with its members in the order of the reference's.

    A detector ranks its candidates; where two scores are close, another rounding swaps them, which is no error. Each
    sample's members are assigned to the reference's so that the sum of squared distances over all outputs (each scaled
    by the reference's largest value) is least (Jonker-Volgenant). What has another shape is returned as it is.
    """
    if [array.shape for array in outputs] != [array.shape for array in reference]:
        return outputs
    from scipy.optimize import linear_sum_assignment

    ordered = tuple(np.array(array) for array in outputs)
    for sample in range(len(reference[0])):
        got, wanted = _features(outputs, reference, sample), _features(reference, reference, sample)
        distance = (wanted**2).sum(1)[:, None] + (got**2).sum(1)[None] - 2 * wanted @ got.T
        _, members = linear_sum_assignment(np.nan_to_num(distance, nan=np.finfo(np.float64).max))
        for target, source in zip(ordered, outputs, strict=True):
            target[sample] = source[sample][members]
    return ordered


def _features(outputs: Arrays, reference: Arrays, sample: int) -> NDArray[np.float64]:
    """`[members, values]` of one sample, all outputs side by side, each scaled by the reference's largest value."""
    parts = []
    for array, wanted in zip(outputs, reference, strict=True):
        scale = float(np.max(np.abs(wanted))) or 1.0
        parts.append(array[sample].reshape(array.shape[1], -1).astype(np.float64) / scale)
    return np.concatenate(parts, axis=1)


def _compare_one(got: NDArray[Any], wanted: NDArray[Any], name: str) -> Deviation:
    if got.shape != wanted.shape:
        raise Mismatch(f"{name} has shape {got.shape} instead of {wanted.shape}")
    if any((got.dtype.kind == kind) != (wanted.dtype.kind == kind) for kind in "fc"):
        raise Mismatch(f"{name} has dtype {got.dtype} instead of {wanted.dtype}")
    left, right = _reals(got), _reals(wanted)
    # Masked scores are legitimately infinite: the same infinities in the same places are the same answer.
    same = left == right
    bad = np.flatnonzero(~np.isfinite(left) & ~same)
    if bad.size:
        raise Mismatch(f"{name} holds {bad.size} values that are NaN or infinite (first at element {bad[0]})")
    left, right = left[np.isfinite(right)], right[np.isfinite(right)]
    if not right.size:
        return Deviation(0.0, 0.0, 1.0)
    difference = float(np.max(np.abs(left - right)))
    scale = float(np.max(np.abs(right)))
    norms = float(np.linalg.norm(left) * np.linalg.norm(right))
    cosine = float(left @ right) / norms if norms else float(difference == 0)
    relative = difference / scale if scale else (0.0 if difference == 0 else float("inf"))
    return Deviation(difference, relative, cosine)


def _reals(array: NDArray[Any]) -> NDArray[np.float64]:
    """All values in one row; a complex one as its real and its imaginary part."""
    if array.dtype.kind == "c":
        return array.astype(np.complex128).ravel().view(np.float64)
    return array.astype(np.float64).ravel()


def verdict(deviation: Deviation, precision: Precision, tolerance: float | None = None) -> Trouble | None:
    """Whether a deviation is too large for a precision: `None` when it passes."""
    limit = TOLERANCE[precision] if tolerance is None else tolerance
    if deviation.relative > limit:
        return Trouble(
            f"wrong answers: deviation {quantity(deviation.relative, '1')} exceeds {quantity(limit, '1')}"
            f" for {precision} (cosine {deviation.cosine:.4f})",
            now="check the conversion; if this accuracy is acceptable to you, repeat with a larger --tolerance",
        )
    if precision is Precision.INT8 and deviation.cosine < INT8_COSINE:
        return Trouble(
            f"wrong answers: cosine similarity {deviation.cosine:.3f} to the reference is below {INT8_COSINE} for int8",
            now="calibrate on representative inputs, or leave sensitive layers in a floating format",
        )
    return None
