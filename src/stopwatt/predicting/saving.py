"""Predictors as files: arrays in an npz, everything else in a JSON document beside them. Nothing is ever run."""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from stopwatt.errors import StopwattError

SCHEMA = 2
DOCUMENT = "document"
MOST_BYTES = 2**31
"""A predictor that unpacks to more is not one of ours."""


def pack(value: Any) -> bytes:
    """A frozen dataclass of arrays, numbers, texts, tuples, mappings and further dataclasses as one npz."""
    arrays: dict[str, NDArray[Any]] = {}
    document = {"schema": SCHEMA, "content": _plain(value, arrays)}
    arrays[DOCUMENT] = np.frombuffer(json.dumps(document).encode(), dtype=np.uint8)
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()


def unpack(content: bytes, kind: type[Any]) -> Any:
    """The value of `pack`, by the types that the dataclass states.

    Raises:
        StopwattError: The content is damaged, of another version, or something else.
    """
    try:
        arrays = _arrays(content)
        document = json.loads(arrays[DOCUMENT].tobytes())
        if document["schema"] != SCHEMA:
            raise _unreadable(f"it has schema {document['schema']}, this version reads {SCHEMA}")
        return _value(document["content"], kind, arrays)
    except (
        zipfile.BadZipFile,
        zlib.error,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        OSError,
        EOFError,
    ) as error:
        raise _unreadable(f"{type(error).__name__}: {error}") from error


def _unreadable(why: str) -> StopwattError:
    return StopwattError("the predictor cannot be read", when=why, now="stopwatt ops fit makes it again")


def _arrays(content: bytes) -> dict[str, NDArray[Any]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(one.file_size for one in archive.infolist()) > MOST_BYTES:
            raise ValueError("it unpacks to more than any predictor")
        if archive.testzip() is not None:
            raise ValueError("a checksum does not fit")
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _plain(value: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    if isinstance(value, np.ndarray):
        name = f"a{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    if is_dataclass(value) and not isinstance(value, type):
        inside = {one.name: _plain(getattr(value, one.name), arrays) for one in fields(value)}
        return {"kind": type(value).__name__} | inside
    if isinstance(value, Mapping):
        return {str(name): _plain(one, arrays) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one, arrays) for one in value]
    return float(value) if isinstance(value, np.floating) else value


def _value(plain: Any, kind: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """Build a value of a stated type."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        return _one_of(plain, inside, arrays)
    if origin is np.ndarray:
        return arrays[plain["array"]]
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{one.name: _value(plain[one.name], hints[one.name], arrays) for one in fields(kind)})  # type: ignore[operator]  # a class, as is_dataclass says
    if origin is tuple:
        return tuple(_value(one, inside[0], arrays) for one in plain)
    if isinstance(plain, dict):
        return {inside[0](name): _value(one, inside[1], arrays) for name, one in plain.items()}
    return kind(plain)


def _one_of(plain: Any, kinds: tuple[Any, ...], arrays: Mapping[str, NDArray[Any]]) -> Any:
    if plain is None and NoneType in kinds:
        return None
    named = [one for one in kinds if one is not NoneType]
    chosen = next((one for one in named if isinstance(plain, dict) and one.__name__ == plain.get("kind")), named[0])
    return _value(plain, chosen, arrays)
