"""Arrays of trials inside JSON documents: base64 of zlib-compressed little-endian bytes with a CRC-32.

A damaged document is noticed instead of believed.
"""

import base64
import zlib
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import PlainSerializer, PlainValidator

from stopwatt.errors import StopwattError

_DTYPES = {"int64": "<i8", "float64": "<f8"}


def pack_array(values: NDArray[Any]) -> dict[str, Any]:
    """An array of int64 or float64 as a JSON-serialisable document."""
    dtype = "int64" if np.issubdtype(values.dtype, np.integer) else "float64"
    raw = np.ascontiguousarray(values, dtype=_DTYPES[dtype]).tobytes()
    return {
        "dtype": dtype,
        "n": int(values.size),
        "crc32": zlib.crc32(raw),
        "zlib": base64.b64encode(zlib.compress(raw, 6)).decode(),
    }


def unpack_array(document: Any) -> NDArray[Any]:
    """The array of `pack_array`.

    Raises:
        StopwattError: The content does not fit its checksum or its length.
    """
    if isinstance(document, np.ndarray):
        return document
    try:
        n, dtype = int(document["n"]), _DTYPES[document["dtype"]]
        # Never more than the length says: a small file must not unpack to gigabytes.
        raw = zlib.decompressobj().decompress(base64.b64decode(document["zlib"]), max(n, 0) * 8 + 8)
        values = np.frombuffer(raw, dtype=dtype)
    except (zlib.error, LookupError, TypeError, ValueError, OverflowError) as error:
        raise StopwattError("an array of trials cannot be unpacked", now="fetch or export the file again") from error
    if zlib.crc32(raw) != document.get("crc32") or values.size != n:
        raise StopwattError("an array of trials does not fit its checksum", now="fetch or export the file again")
    return values.astype(document["dtype"])


Array = Annotated[NDArray[Any], PlainValidator(unpack_array), PlainSerializer(pack_array)]
"""An array field of a record: a numpy array in memory, a checksummed document in JSON."""
