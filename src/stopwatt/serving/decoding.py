"""From the outputs of a model to what they mean, in pixels of the image."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.errors import StopwattError
from stopwatt.serving.contract import Contract, Decoding, Detection, Found, Placement
from stopwatt.text import counted

Arrays = Sequence[NDArray[Any]]
_ROUNDING = 1e-3
"""How far beyond 0 and 1 the arithmetic of half precision may carry a score."""


class WrongOutputs(StopwattError):  # noqa: N818  (says what the outputs are)
    """The outputs of a model are not what its contract says."""


def decoded(outputs: Arrays, contract: Contract, placements: Sequence[Placement]) -> list[Found]:
    """What a model said of each image.

    Args:
        outputs: Of one call, in order; the batch in the first dimension. A batch that was filled up has more samples
            than there are images; what comes after the images is not looked at.
        contract: What the outputs are.
        placements: Of the images, in the order of the batch.

    Raises:
        WrongOutputs: Number, shape or values are not what the contract says.
    """
    count = len(placements)
    for place, output in enumerate(outputs):
        if output.ndim == 0 or output.shape[0] < count:
            raise _wrong(f"output {place} is of shape {list(output.shape)} for a batch of {count}", contract)
    return _DECODERS[contract.decoding]([output[:count] for output in outputs], contract, placements)


def _boxes(outputs: Arrays, contract: Contract, placements: Sequence[Placement]) -> list[Found]:
    boxes, scores, classes = _expected(outputs, contract, ("boxes", "scores", "classes"), (3, 2, 2))
    if not boxes.shape == (*scores.shape, 4) == (*classes.shape, 4):
        shapes = ", ".join(str(list(output.shape)) for output in (boxes, scores, classes))
        raise _wrong(f"boxes, scores and classes are of shapes {shapes}", contract)
    if scores.size and not (scores.min() >= -_ROUNDING and scores.max() <= 1 + _ROUNDING):
        raise _wrong(f"scores reach from {scores.min():.4g} to {scores.max():.4g}", contract)
    if np.any(classes != np.round(classes)):
        raise _wrong("classes are not whole numbers", contract)
    scores = np.clip(scores, 0, 1)
    return [_image(*one, contract) for one in zip(boxes, scores, classes.astype(np.int64), placements, strict=True)]


def _detr(outputs: Arrays, contract: Contract, placements: Sequence[Placement]) -> list[Found]:
    """Each pair of a place and a class is a detection of its own (Zhao et al. 2024, RT-DETR)."""
    logits, boxes = _expected(outputs, contract, ("logits", "boxes"), (3, 3))
    if boxes.shape != (*logits.shape[:2], 4):
        raise _wrong(f"logits and boxes are of shapes {list(logits.shape)}, {list(boxes.shape)}", contract)
    size = np.array([contract.preprocess.width, contract.preprocess.height], np.float64)
    centre, half = boxes[..., :2] * size, boxes[..., 2:] * size / 2
    corners = np.concatenate([centre - half, centre + half], axis=-1)
    number = logits.shape[2]
    found = []
    for place, placement in enumerate(placements):
        scores = 1 / (1 + np.exp(-np.clip(logits[place].ravel(), -60, 60)))  # beyond 60: 0 or 1 in any case
        reached = np.flatnonzero(scores >= contract.threshold)
        found.append(_image(corners[place][reached // number], scores[reached], reached % number, placement, contract))
    return found


def _logits(outputs: Arrays, contract: Contract, placements: Sequence[Placement]) -> list[Found]:
    """Classes that reach the threshold, and the best one in any case."""
    (logits,) = _expected(outputs, contract, ("logits",), (2,))
    known = len(contract.labels)
    if known and logits.shape[1] != known:
        raise _wrong(f"logits of {logits.shape[1]} classes, where {known} have names", contract)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = powers / powers.sum(axis=1, keepdims=True)
    found = []
    for scores in shares[: len(placements)]:
        order = np.argsort(-scores, kind="stable")[: contract.most]
        kept = [place for rank, place in enumerate(order) if rank == 0 or scores[place] >= contract.threshold]
        found.append(Found(classes=tuple((int(place), float(scores[place])) for place in kept)))
    return found


def _vector(outputs: Arrays, contract: Contract, placements: Sequence[Placement]) -> list[Found]:
    _expected(outputs, contract, ("vector",), (2,))
    return _arrays(outputs, contract, placements)


def _arrays(outputs: Arrays, _: Contract, placements: Sequence[Placement]) -> list[Found]:
    return [Found(arrays=tuple(_packed(output[place]) for output in outputs)) for place in range(len(placements))]


_DECODERS: Mapping[Decoding, Callable[[Arrays, Contract, Sequence[Placement]], list[Found]]] = {
    Decoding.BOXES: _boxes,
    Decoding.DETR: _detr,
    Decoding.LOGITS: _logits,
    Decoding.VECTOR: _vector,
    Decoding.ARRAYS: _arrays,
}


def _expected(
    outputs: Arrays, contract: Contract, names: tuple[str, ...], dimensions: tuple[int, ...]
) -> list[NDArray[np.float64]]:
    """The outputs as double precision, once their number, dimensions and finiteness are right."""
    if len(outputs) != len(names):
        raise _wrong(
            f"the model has {counted(len(outputs), 'output')}, not {len(names)} ({', '.join(names)})", contract
        )
    for name, output, expected in zip(names, outputs, dimensions, strict=True):
        if output.ndim != expected:
            raise _wrong(f"{name} are of shape {list(output.shape)}, not of {expected} dimensions", contract)
        if not np.isfinite(output).all():
            raise _wrong(f"{name} hold NaN or infinities", contract)
    return [np.asarray(output, np.float64) for output in outputs]


def _image(
    boxes: NDArray[np.float64],
    scores: NDArray[np.float64],
    classes: NDArray[np.int64],
    placement: Placement,
    contract: Contract,
) -> Found:
    """Detections of one image: the best of those that reach the threshold, equal scores in the order of places."""
    reached = np.flatnonzero(scores >= contract.threshold)
    best = reached[np.argsort(-scores[reached], kind="stable")][: contract.most]
    categories = _categories(classes[best], contract)
    scale = np.array([placement.scale_x, placement.scale_y] * 2)
    shift = np.array([placement.left, placement.top] * 2)
    corners = (boxes[best] - shift) / scale
    corners = np.clip(corners, 0, np.array([placement.width, placement.height] * 2, np.float64))
    detections = []
    for (x0, y0, x1, y1), score, category in zip(corners.tolist(), scores[best].tolist(), categories, strict=True):
        if x1 > x0 and y1 > y0:  # what lies in the padding is no object of the image
            detections.append(Detection(x0, y0, x1 - x0, y1 - y0, score, category))
    return Found(detections=tuple(detections))


def _categories(classes: NDArray[np.int64], contract: Contract) -> list[int]:
    known = len(contract.category_ids) or len(contract.labels)
    worst = [one for one in classes.tolist() if one < 0 or (known and one >= known)]
    if worst:
        raise _wrong(f"class {worst[0]} is none of {known or 'those from 0 on'}", contract)
    return [contract.category_ids[one] if contract.category_ids else one + 1 for one in classes.tolist()]


def _packed(array: NDArray[Any]) -> tuple[str, tuple[int, ...], bytes]:
    return str(array.dtype), array.shape, array.tobytes()


def _wrong(what: str, contract: Contract) -> WrongOutputs:
    return WrongOutputs(
        what,
        when=f"reading the outputs as {contract.decoding}",
        now="correct the contract that the workload returns, or the model",
    )
