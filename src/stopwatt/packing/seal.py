"""A seal on a file: the SHA-256 of everything before it, in its last bytes. No byte can change unnoticed."""

import hashlib
from typing import BinaryIO

MARK = b"sha256:"
DIGITS = 64
LENGTH = len(MARK) + DIGITS
PLACE = MARK + b"0" * DIGITS
"""What stands for the seal until it is known."""
_CHUNK = 1 << 20


class Sealing:
    """A stream that can only be appended to, whose last `DIGITS` bytes become the seal of all others.

    Args:
        file: Takes everything.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._total = hashlib.sha256()
        self._held = b""

    def write(self, data: bytes, /) -> int:
        """Append; the last bytes are held back, since they may be the place of the seal."""
        ready = self._held + bytes(data)
        self._held = ready[-DIGITS:]
        self._pass(ready[:-DIGITS])
        return len(data)

    def flush(self) -> None:
        """Nothing: what is held back must wait."""

    def seal(self) -> str:
        """Write the seal in place of the bytes held back; its hexadecimal digits."""
        digest = self._total.hexdigest()
        self._file.write(digest.encode())
        return digest

    def _pass(self, data: bytes) -> None:
        self._total.update(data)
        self._file.write(data)


def broken(file: BinaryIO, size: int) -> str:
    """What is wrong with the seal of a file; empty where nothing is.

    Args:
        file: Readable and seekable.
        size: Its bytes.
    """
    if size < LENGTH:
        return f"{size} bytes are too few for a pack"
    file.seek(size - LENGTH)
    mark, digits = file.read(len(MARK)), file.read(DIGITS)
    if mark != MARK:
        return "it does not end in a seal: it was cut short, or is no pack"
    file.seek(0)
    total, left = hashlib.sha256(), size - DIGITS
    while left and (chunk := file.read(min(_CHUNK, left))):
        total.update(chunk)
        left -= len(chunk)
    return "" if total.hexdigest().encode() == digits else "its content is not what was sealed"
