"""The images of a run again, small, for people to look at."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO

from stopwatt.images.decoding import prepared, read
from stopwatt.images.item import Failed, Item, Pixels
from stopwatt.images.video import open_video
from stopwatt.serving.contract import Placement, Preprocess
from stopwatt.serving.pixels import fitted

_QUALITY = 80


@dataclass(frozen=True, slots=True)
class Picture:
    """An image to show.

    Attributes:
        item: Which one.
        jpeg: Small; empty where there is none.
        width: Of the image itself, in pixels; 0 where nobody knows.
        height: The same.
        why: Why there is none.
    """

    item: Item
    jpeg: bytes = b""
    width: int = 0
    height: int = 0
    why: str = ""


def pictures(items: Sequence[Item], wanted: Collection[int], side: int) -> Iterator[Picture]:
    """Those images of a run that have certain ids.

    Args:
        items: All of them.
        wanted: Ids.
        side: Of the longer side of each picture, in pixels.
    """
    left = set(wanted)
    for item in items:
        if not left:
            return
        if item.image_id in left:
            left.remove(item.image_id)
            yield _picture(item, side)


def _picture(item: Item, side: int) -> Picture:
    shown = image_of(item, Preprocess(side, side))
    if isinstance(shown, Failed):
        return Picture(item, why=shown.why)
    pixels, placement = shown
    width, height = round(placement.width * placement.scale_x), round(placement.height * placement.scale_y)
    return Picture(item, _jpeg(pixels[:height, :width]), placement.width, placement.height)


def image_of(item: Item, preprocess: Preprocess) -> tuple[Pixels, Placement] | Failed:
    """An image as a model takes it, uint8 [height, width, 3], and where it lies there; or why there is none."""
    if item.frame is None:
        data = read(item.path)
        return data if isinstance(data, Failed) else prepared(data, preprocess)
    video = open_video(item.path)
    if isinstance(video, Failed):
        return video
    try:
        frame = video.frame(item.frame)
    finally:
        video.close()
    return frame if isinstance(frame, Failed) else fitted(frame, preprocess)


def _jpeg(pixels: Pixels) -> bytes:
    from PIL import Image

    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
