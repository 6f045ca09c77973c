"""Whether a contract can hold: for itself, for what a model is given, and for what it returns. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stopwatt.serving.contract import Contract, Decoding, Task
from stopwatt.text import counted

MOST_PIXELS = 16384
"""Of a side of a model's input."""
_BYTE = 255
_LARGEST_STD = 10
Shape = Sequence[int | None]
"""Of an output, the batch first; `None` where a size is not known."""

_READS: Mapping[Task, tuple[Decoding, ...]] = {
    Task.DETECT: (Decoding.BOXES, Decoding.DETR),
    Task.CLASSIFY: (Decoding.LOGITS,),
    Task.EMBED: (Decoding.VECTOR,),
    Task.RAW: tuple(Decoding),
}
_FORMS: Mapping[Decoding, Mapping[str, tuple[int | None, ...]]] = {
    Decoding.BOXES: {"boxes": (None, None, 4), "scores": (None, None), "classes": (None, None)},
    Decoding.DETR: {"logits": (None, None, None), "boxes": (None, None, 4)},
    Decoding.LOGITS: {"logits": (None, None)},
    Decoding.VECTOR: {"vector": (None, None)},
}


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a contract.

    Attributes:
        path: Of the value.
        what: Is wrong with it.
        now: What it may be.
    """

    path: tuple[str, ...]
    what: str
    now: str


def flaw_of(contract: Contract) -> Flaw | None:
    """The first value of a contract that cannot be meant; `None` where all can."""
    pre = contract.preprocess
    reads = _READS[contract.task]
    classes, names = len(contract.category_ids), len(contract.labels)
    checks = (
        (contract.decoding in reads, ("decoding",), f"{contract.decoding} is no form of outputs that the task "
         f"{contract.task} can be read from", f"use {' or '.join(reads)}, or another task"),
        (1 <= pre.height <= MOST_PIXELS, ("preprocess", "height"), f"a height of {pre.height} is out of range",
         f"use 1 to {MOST_PIXELS} pixels"),
        (1 <= pre.width <= MOST_PIXELS, ("preprocess", "width"), f"a width of {pre.width} is out of range",
         f"use 1 to {MOST_PIXELS} pixels"),
        (min(pre.std) > 0, ("preprocess", "std"), "a standard deviation is not above 0",
         "give shares of 255, such as [0.229, 0.224, 0.225]"),
        (max(map(abs, pre.mean)) <= 1, ("preprocess", "mean"), "a mean is above 1: means are shares of 255",
         "divide it by 255: [0.485, 0.456, 0.406], not [123.7, 116.3, 103.5]"),
        (max(pre.std) <= _LARGEST_STD, ("preprocess", "std"), "a deviation is far above 1: they are shares of 255",
         "divide it by 255: [0.229, 0.224, 0.225], not [58.4, 57.1, 57.4]"),
        (0 <= pre.padding <= _BYTE, ("preprocess", "padding"), f"a padding of {pre.padding} is no byte",
         "use 0 to 255"),
        (0 <= contract.threshold <= 1, ("threshold",), f"a threshold of {contract.threshold:g} is out of range",
         "use 0 to 1"),
        (contract.most >= 1, ("most",), f"{contract.most} results of an image are too few", "use 1 or more"),
        (not classes or not names or classes == names, ("category_ids",), f"there are {classes} category_ids for "
         f"{names} labels", "give as many, in the same order"),
        (len(set(contract.category_ids)) == classes, ("category_ids",), "two classes have the same category_id",
         "give each class its own"),
    )  # fmt: skip
    return next((Flaw(path, what, now) for holds, path, what, now in checks if not holds), None)


def misfit(shapes: Sequence[Shape | None], contract: Contract) -> str | None:
    """Why the outputs of a model cannot be read as its contract says; `None` where they can, as far as is known.

    Args:
        shapes: Of the outputs, in order; `None` for one of which nothing is known.
        contract: What they are said to be.
    """
    form = _FORMS.get(contract.decoding)
    if form is None:
        return None
    if len(shapes) != len(form):
        return f"the model has {counted(len(shapes), 'output')}, not {len(form)} ({', '.join(form)})"
    for (name, wanted), shape in zip(form.items(), shapes, strict=True):
        if shape is not None and not _fits(shape, wanted):
            return f"{name} are of shape {shown(shape)}, not {shown(wanted)}"
    return _places(list(form), shapes) or _classes(shapes[0], contract)


def shown(shape: Shape) -> str:
    """`[1, ?, 4]`."""
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"


def _fits(shape: Shape, wanted: Shape) -> bool:
    return len(shape) == len(wanted) and all(
        None in {one, other} or one == other for one, other in zip(shape, wanted, strict=True)
    )


def _places(names: Sequence[str], shapes: Sequence[Shape | None]) -> str | None:
    """Outputs of a detector that speak of different numbers of places."""
    known = [(name, shape[1]) for name, shape in zip(names, shapes, strict=True) if shape and len(names) > 1]
    sizes = {size for _, size in known if size is not None}
    if len(sizes) <= 1:
        return None
    return f"{', '.join(f'{size} {name}' for name, size in known)}: they must be as many"


def _classes(shape: Shape | None, contract: Contract) -> str | None:
    names = len(contract.labels)
    if contract.decoding is not Decoding.LOGITS or not names or shape is None or shape[-1] is None:
        return None
    return None if shape[-1] == names else f"logits are of {shape[-1]} classes, where {names} have names"
