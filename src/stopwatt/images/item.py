"""One image that shall be looked at, and why it may give nothing."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""Shape (height, width, 3), red first."""


@dataclass(frozen=True, slots=True)
class Item:
    """One image that shall be looked at.

    Attributes:
        number: Its place in the run, from 0, without gaps: the order of all results.
        name: What it is called in results; unique within the run (`left/0001.jpg`, `clip.mp4#12`).
        path: Absolute path of the file.
        image_id: As annotations call it, else `number + 1`.
        frame: Place in a video; `None` for a file of one image.
    """

    number: int
    name: str
    path: str
    image_id: int
    frame: int | None = None


class Trouble(StrEnum):
    """Why an image gave nothing."""

    MISSING = "missing"
    UNREADABLE = "unreadable"  # no right to it, or the disk fails
    EMPTY = "empty"
    NOT_AN_IMAGE = "not-an-image"
    TRUNCATED = "truncated"
    TOO_LARGE = "too-large"
    KILLED_THE_DECODER = "killed-the-decoder"
    TOO_SLOW = "too-slow"  # no decoder was done with it in time
    WRONG_OUTPUTS = "wrong-outputs"
    MODEL_FAILED = "model-failed"


@dataclass(frozen=True, slots=True)
class Failed:
    """Why there is no result, in one sentence."""

    trouble: Trouble
    why: str
