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
    raw = zlib.decompress(base64.b64decode(document["zlib"]))
    values = np.frombuffer(raw, dtype=_DTYPES[document["dtype"]])
    if zlib.crc32(raw) != document["crc32"] or values.size != document["n"]:
        raise StopwattError("an array of trials does not fit its checksum", now="fetch or export the file again")
    return values.astype(document["dtype"])


Array = Annotated[NDArray[Any], PlainValidator(unpack_array), PlainSerializer(pack_array)]
"""An array field of a record: a numpy array in memory, a checksummed document in JSON."""
