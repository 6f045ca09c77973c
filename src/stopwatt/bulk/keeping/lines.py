"""Lines of the journal: what became of an image as JSON behind a checksum, and back."""

import binascii
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from stopwatt.bulk.records import Outcome
from stopwatt.images.item import Failed, Item, Trouble
from stopwatt.serving.contract import Detection, Found, Placement

_BODY = len('{"crc":"00000000",')
_NUMBER = b'"number":'


def line(number: int, placement: Placement | None, result: Found | Failed) -> bytes:
    """What became of an image, as a line of the journal."""
    body: dict[str, Any] = {"number": number}
    if placement is not None:
        body["size"] = [placement.width, placement.height]
    if isinstance(result, Failed):
        body["failed"] = [str(result.trouble), result.why]
    elif result.arrays:
        body["arrays"] = [[dtype, shape, b64encode(data).decode()] for dtype, shape, data in result.arrays]
    elif result.classes:
        body["classes"] = result.classes
    else:
        body["detections"] = [[d.x, d.y, d.width, d.height, d.score, d.category] for d in result.detections]
    return sealed(body)


def reason_of(text: bytes) -> str:
    """Why an image failed, from its line."""
    return str(json.loads(text)["failed"][1])


def outcome(entry: Mapping[str, Any], item: Item) -> Outcome:
    """The outcome that `line` wrote."""
    size = entry.get("size")
    placement = None if size is None else Placement(size[0], size[1])
    if "failed" in entry:
        trouble, why = entry["failed"]
        return Outcome(item, placement, failed=Failed(Trouble(trouble), why))
    detections = tuple(Detection(*row) for row in entry.get("detections", ()))
    classes = tuple((row[0], row[1]) for row in entry.get("classes", ()))
    arrays = tuple((dtype, tuple(shape), b64decode(data)) for dtype, shape, data in entry.get("arrays", ()))
    return Outcome(item, placement, found=Found(detections, classes, arrays))


def sealed(body: Mapping[str, Any]) -> bytes:
    """A line with its checksum."""
    text = json.dumps(body, separators=(",", ":"), allow_nan=False).encode()[1:]
    return b"%b%b\n" % (_head(text), text)


def is_whole(text: bytes) -> bool:
    """Whether a line (with its end) is as it was written."""
    return text.endswith(b"}\n") and text[:_BODY] == _head(text[_BODY:-1])


def _head(text: bytes) -> bytes:
    return b'{"crc":"%08x",' % binascii.crc32(text)


def number_of(text: bytes) -> int:
    """Number of the image of a whole line."""
    start = _BODY + len(_NUMBER)
    return int(text[start : text.index(b",", start)])


def says_failed(text: bytes) -> bool:
    """Whether a whole line has no result."""
    return b'"failed":[' in text[_BODY : _BODY + 100]  # it stands in front; what comes after the results is long
