"""Which of a detector's answers count when two runs of it are compared."""

import numpy as np
from numpy.typing import NDArray

from stopwatt.serving.contract import Contract, Decoding
from stopwatt.workloads.base import Arrays

CONFIDENT = 0.3
"""Least score of a detection that counts."""


def counted(outputs: Arrays, reference: Arrays, contract: Contract | None) -> tuple[Arrays, Arrays]:
    """Outputs and reference without the places that neither run takes for an object.

    A detector fills its places up with whatever scores next. Rounding decides which candidates of next to no score are
    the last of them, and moves their boxes far: no user sees either. A place counts where one of the two scores it
    `CONFIDENT` or more; where none does, or the outputs are no detections, all places count.

    Args:
        outputs: Of one call, its members in the order of the reference's.
        reference: Of the same call.
        contract: What they are.

    Returns:
        Of each output the places that count, `[places, ...]`, in both runs the same ones.
    """
    shapes = [array.shape for array in reference]
    if contract is None or [array.shape for array in outputs] != shapes or len({shape[:2] for shape in shapes}) != 1:
        return outputs, reference
    scores = [_scores(one, contract) for one in (outputs, reference)]
    if scores[0] is None or scores[1] is None:
        return outputs, reference
    counts = (scores[0] >= CONFIDENT) | (scores[1] >= CONFIDENT)
    if not counts.any():
        return outputs, reference
    return tuple(array[counts] for array in outputs), tuple(array[counts] for array in reference)


def _scores(outputs: Arrays, contract: Contract) -> NDArray[np.float64] | None:
    """`[samples, places]`, 0 to 1; what is NaN counts, so that it is found."""
    if contract.decoding is Decoding.BOXES and len(outputs) == 3 and outputs[1].ndim == 2:  # noqa: PLR2004  (the contract's)
        return np.nan_to_num(outputs[1].astype(np.float64), nan=1.0)
    if contract.decoding is Decoding.DETR and len(outputs) == 2 and outputs[0].ndim == 3:  # noqa: PLR2004  (as above)
        best = np.nan_to_num(outputs[0].astype(np.float64).max(axis=2), nan=np.inf)
        scores: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(best, -60, 60)))
        return scores
    return None
