"""From pixels of any size to the input of a model, and where they went."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stopwatt.serving.contract import Fit, Placement, Preprocess

if TYPE_CHECKING:
    from PIL import Image

    Picture = NDArray[np.uint8] | Image.Image

_REDUCING_GAP = 2.0
"""Pictures of more than twice this ratio are first shrunk by whole factors, which is quicker and looks the same."""
_Box = tuple[float, float, float, float]


def placement_of(width: int, height: int, preprocess: Preprocess) -> Placement:
    """Where an image of this size lies in the input.

    Args:
        width: Of the image, in pixels, at least 1.
        height: The same.
        preprocess: Size of the input, and how an image gets there.
    """
    across, down = preprocess.width / width, preprocess.height / height
    if preprocess.fit is Fit.STRETCH:
        return Placement(width, height, across, down)
    if preprocess.fit is Fit.CROP:
        scale = max(across, down)
        left, top = (preprocess.width - width * scale) / 2, (preprocess.height - height * scale) / 2
        return Placement(width, height, scale, scale, left, top)
    scale = min(across, down)
    inner_width, inner_height = max(1, round(width * scale)), max(1, round(height * scale))
    return Placement(width, height, inner_width / width, inner_height / height)


def fitted(
    image: "Picture", preprocess: Preprocess, size: tuple[int, int] | None = None
) -> tuple[NDArray[np.uint8], Placement]:
    """An image as a model's input, and where it lies there.

    Args:
        image: uint8 [h, w, 3] RGB, or a Pillow image of mode RGB, which saves a copy.
        preprocess: Size of the input, and how an image gets there.
        size: Width and height of the true image, where `image` is a smaller version of it (a JPEG that was decoded at
            half its size); the placement refers to the true one.

    Returns:
        uint8 [height, width, 3], and the placement.
    """
    from PIL import Image

    picture = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    placement = placement_of(*(size or picture.size), preprocess)
    inner, box = _shown(picture.size, placement, preprocess)
    resized = picture.resize(inner, Image.Resampling.BILINEAR, box=box, reducing_gap=_REDUCING_GAP)
    pixels: NDArray[np.uint8] = np.asarray(resized)
    return _padded(pixels, preprocess), placement


def normalised(
    batch: NDArray[np.uint8], preprocess: Preprocess, out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """What a model takes that does not normalise itself: `(pixel / 255 - mean) / std`.

    Args:
        batch: uint8 [B, height, width, 3] RGB.
        preprocess: Mean and standard deviation of each channel.
        out: float32 [B, 3, height, width] to write to; new memory if absent.

    Returns:
        float32 [B, 3, height, width], contiguous where it is new.
    """
    factor = (1 / (255 * np.array(preprocess.std))).astype(np.float32)
    shift = (np.array(preprocess.mean) / np.array(preprocess.std)).astype(np.float32)
    result = np.empty((batch.shape[0], 3, *batch.shape[1:3]), np.float32) if out is None else out
    for image, planes in zip(batch, result, strict=True):
        for channel in range(3):  # one plane of one image stays in the cache for all three steps
            np.copyto(planes[channel], image[..., channel])
            planes[channel] *= factor[channel]
            planes[channel] -= shift[channel]
    return result


def _shown(size: tuple[int, int], placement: Placement, preprocess: Preprocess) -> tuple[tuple[int, int], _Box]:
    """Size in the input, and the part of the picture (of this size, perhaps a smaller version) that goes there."""
    width, height = size
    if preprocess.fit is not Fit.CROP:
        inner = round(placement.width * placement.scale_x), round(placement.height * placement.scale_y)
        return inner, (0, 0, width, height)
    cut_x = max(0.0, -placement.left / (placement.width * placement.scale_x)) * width
    cut_y = max(0.0, -placement.top / (placement.height * placement.scale_y)) * height
    return (preprocess.width, preprocess.height), (cut_x, cut_y, width - cut_x, height - cut_y)


def _padded(pixels: NDArray[np.uint8], preprocess: Preprocess) -> NDArray[np.uint8]:
    """The same at the upper left of the whole input."""
    height, width = pixels.shape[:2]
    if (height, width) == (preprocess.height, preprocess.width):
        return pixels
    whole = np.full((preprocess.height, preprocess.width, 3), preprocess.padding, np.uint8)
    whole[:height, :width] = pixels
    return whole
