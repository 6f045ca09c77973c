"""Records as compressed, checksummed documents in a blob: large ones, which no query looks into."""

import zlib
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from sqlalchemy import RowMapping

from stopwatt.errors import StoreError
from stopwatt.wire import from_json, to_json

Record = TypeVar("Record")

_LEVEL = 6


def packed(record: Any) -> dict[str, Any]:
    """The columns `n` (bytes of the JSON text), `crc32` (of it) and `data` (compressed) of a record."""
    return packed_bytes(to_json(record))


def packed_bytes(content: bytes, level: int = _LEVEL) -> dict[str, Any]:
    """The same columns of any bytes."""
    return {"n": len(content), "crc32": zlib.crc32(content), "data": zlib.compress(content, level)}


def unpacked(kind: type[Record], row: Mapping[str, Any] | RowMapping, what: str, now: str) -> Record:
    """The record of `packed`.

    Args:
        kind: Its class.
        row: With these columns.
        what: What it is, for the message: `the capture of mlp`.
        now: What mends it.

    Raises:
        StoreError: The content does not fit its checksum, or is no such record.
    """
    content = unpacked_bytes(row, what, now)
    try:
        return from_json(kind, content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        inside = ".".join(str(part) for part in first["loc"])
        raise StoreError(
            "a stored document cannot be read: it is not what this stopwatt writes",
            when=f"{what}: {inside}: {first['msg']}",
            now=now,
        ) from error


def unpacked_bytes(row: Mapping[str, Any] | RowMapping, what: str, now: str) -> bytes:
    """The bytes of `packed_bytes`. Errors: as `unpacked`."""
    try:
        # Never more than the length says, and one byte that shows that there is more.
        content = zlib.decompressobj().decompress(row["data"], row["n"] + 1)
    except zlib.error as error:
        raise _damaged(what, now) from error
    if len(content) != row["n"] or zlib.crc32(content) != row["crc32"]:
        raise _damaged(what, now)
    return content


def _damaged(what: str, now: str) -> StoreError:
    return StoreError("a stored document is damaged: it does not fit its checksum", when=what, now=now)
