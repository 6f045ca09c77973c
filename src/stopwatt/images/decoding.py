"""From a file to the input of a model; or why there is nothing.

What an image is, where formats leave a choice: its first frame or page; upright, as its EXIF orientation has it;
without its alpha channel and its colour profile, as training loaders read it; the high byte of 16 bits; CMYK by
Pillow's formula. Damaged data that its decoder does not notice is a picture.
"""

import errno
import os
import stat
from io import BytesIO
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stopwatt.images.item import Failed, Trouble
from stopwatt.serving.contract import Placement, Preprocess
from stopwatt.serving.pixels import fitted, placement_of
from stopwatt.text import one_line

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".avif", ".jp2", ".bmp", ".dib", ".gif", ".tif", ".tiff",
    ".ppm", ".pgm", ".pnm",
})  # fmt: skip
"""Of files that a folder is searched for, in small letters."""
MOST_BYTES = 1 << 30
"""Of a file. A larger one would not fit into memory beside those of the other decoders."""
MOST_PIXELS = 1 << 27
"""That are held in memory at once, at 4 bytes each. A JPEG is not decoded at full size if a model needs less."""

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")
"""What Pillow may take data for. Others of its formats run programs (EPS) or are no photographs."""
_DRAFTED = ("JPEG", "MPO")
_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"II*\0", b"MM\0*", b"BM")
_DRAFT_GAP = 2.0
"""A JPEG is decoded at the least size that is this many times what the model needs: the rest is for antialiasing."""
_UPRIGHT = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
"""EXIF orientation -> Pillow's `Transpose` that undoes it."""
_ORIENTATION = 0x0112
_NOWHERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}
_GREY_16, _MOST_GREY = "I;16", 0xFFFF
_COLOURS = {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV"}


class _Refused(Exception):  # noqa: N818  (never leaves this module)
    """Carries the reason out of the depth."""

    def __init__(self, trouble: Trouble, why: str) -> None:
        super().__init__(why)
        self.failed = Failed(trouble, why)


def read(path: str) -> bytes | Failed:
    """All of a file, or why not. Pipes and devices are not opened: whoever is at their other end would notice."""
    try:
        if other := _other_kind(os.stat(path).st_mode):  # noqa: PTH116  (a Path costs more than the call)
            return other
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # it may have become a pipe just now
    except OSError as error:
        trouble = Trouble.MISSING if error.errno in _NOWHERE else Trouble.UNREADABLE
        return Failed(trouble, f"the file cannot be opened: {error.strerror}")
    except ValueError as error:
        return Failed(Trouble.MISSING, f"no file can have this name: {error}")
    try:
        return _content(descriptor)
    except OSError as error:
        return Failed(Trouble.UNREADABLE, f"the file cannot be read: {error.strerror}")
    finally:
        os.close(descriptor)


def _content(descriptor: int) -> bytes | Failed:
    status = os.fstat(descriptor)
    if other := _other_kind(status.st_mode):
        return other
    if status.st_size > MOST_BYTES:
        return Failed(Trouble.TOO_LARGE, f"the file has {status.st_size} bytes; {MOST_BYTES} at most are read")
    with open(descriptor, "rb", buffering=0, closefd=False) as file:
        return file.read()


def _other_kind(mode: int) -> Failed | None:
    """Why there is nothing to read where there is no file."""
    if stat.S_ISREG(mode):
        return None
    return Failed(Trouble.NOT_AN_IMAGE, f"this is a {'folder' if stat.S_ISDIR(mode) else 'device or a pipe'}")


def prepared(data: bytes, preprocess: Preprocess) -> tuple[NDArray[np.uint8], Placement] | Failed:
    """An image file's content as the input of a model.

    Args:
        data: Content of the file.
        preprocess: What the model takes.

    Returns:
        uint8 [height, width, 3] and where the image lies in it; or why there is no image.
    """
    from PIL import Image

    try:
        with Image.open(BytesIO(data), formats=_FORMATS) as image:
            return _prepared(image, preprocess)
    except _Refused as refused:
        return refused.failed
    except Exception as error:  # noqa: BLE001  (Pillow raises whatever its parsers stumble over)
        return _why(error, data)


def _why(error: Exception, data: bytes) -> Failed:
    from PIL import Image, UnidentifiedImageError

    if not data:
        return Failed(Trouble.EMPTY, "the file has 0 bytes")
    if isinstance(error, Image.DecompressionBombError | MemoryError):
        return Failed(Trouble.TOO_LARGE, _sentence(error))
    if not isinstance(error, UnidentifiedImageError):
        return Failed(Trouble.TRUNCATED, f"it is damaged: {_sentence(error)}")
    if data.startswith(_STARTS) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP"):
        return Failed(Trouble.TRUNCATED, f"it begins as an image; its head is damaged or ends after {len(data)} bytes")
    return Failed(Trouble.NOT_AN_IMAGE, f"it is in no format that is known: it starts with {data[:12]!r}")


def _prepared(image: "Image", preprocess: Preprocess) -> tuple[NDArray[np.uint8], Placement]:
    drafts = image.format in _DRAFTED
    if not drafts:
        _check_size(image.size, image.size)
        image.load()  # before its EXIF is asked for, which may stand at the end
    orientation = _orientation(image)
    lies = orientation in range(5, 9)
    true_size = image.size
    width, height = reversed(true_size) if lies else true_size
    if drafts:
        _draft(image, placement_of(width, height, preprocess), lies=lies)
        _check_size(image.size, true_size)
    picture = _rgb(image)
    if orientation in _UPRIGHT:
        from PIL.Image import Transpose

        picture = picture.transpose(Transpose(_UPRIGHT[orientation]))
    return fitted(picture, preprocess, (width, height))


def _check_size(decoded: tuple[int, int], true_size: tuple[int, int]) -> None:
    pixels = decoded[0] * decoded[1]
    if pixels > MOST_PIXELS:
        width, height = true_size
        raise _Refused(Trouble.TOO_LARGE, f"{width}x{height} pixels take {pixels} in memory; {MOST_PIXELS} are allowed")


def _orientation(image: "Image") -> int:
    if "exif" not in image.info and image.format != "TIFF":
        return 1
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001  (EXIF is written by everything and damaged often; the pixels are what counts)
        return 1


def _draft(image: "Image", placement: Placement, *, lies: bool) -> None:
    """Let the decoder of a JPEG make a smaller picture."""
    wide, high = (
        max(1, ceil(length * scale * _DRAFT_GAP))
        for length, scale in ((placement.width, placement.scale_x), (placement.height, placement.scale_y))
    )
    image.draft(None, (high, wide) if lies else (wide, high))


def _rgb(image: "Image") -> "Image":
    """Its pixels, decoded, as 8 bits RGB."""
    if image.mode == "RGB":
        image.load()
        return image
    if image.mode.startswith(_GREY_16) or image.mode == "I":
        return _from_grey_16(image)
    if image.mode not in _COLOURS:
        raise _Refused(Trouble.NOT_AN_IMAGE, f"its pixels ({image.mode}) are no colours")
    image.load()
    image.info.pop("transparency", None)  # dropped as an alpha channel is
    return image.convert("RGB")


def _from_grey_16(image: "Image") -> "Image":
    from PIL.Image import fromarray

    values = np.asarray(image)
    if values.min() < 0 or values.max() > _MOST_GREY:
        raise _Refused(Trouble.NOT_AN_IMAGE, "its pixels are numbers of more than 16 bits, which are no colours")
    return fromarray((values >> 8).astype(np.uint8)).convert("RGB")


def _sentence(error: Exception) -> str:
    return one_line(str(error))[:200] or type(error).__name__
