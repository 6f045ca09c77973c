"""Records as JSON and back: between parent and worker, in the store and in exported files."""

import json
from typing import Any, TypeVar

from pydantic import TypeAdapter

Record = TypeVar("Record")


_adapters: dict[type[Any], TypeAdapter[Any]] = {}


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def to_document(record: Any) -> Any:
    """A record (a dataclass of `records` or `measuring.job`) as plain dictionaries, lists and scalars."""
    return _adapter(type(record)).dump_python(record, mode="json")


def from_document(kind: type[Record], document: Any) -> Record:
    """The record that `to_document` wrote.

    Raises:
        pydantic.ValidationError: The document is not such a record.
    """
    result: Record = _adapter(kind).validate_python(document)
    return result


def to_json(record: Any) -> bytes:
    """A record as UTF-8 JSON. Infinities and NaN are written as the constants that Python's `json` uses."""
    return json.dumps(to_document(record), separators=(",", ":")).encode()


def from_json(kind: type[Record], text: bytes | str) -> Record:
    """The record that `to_json` wrote.

    Raises:
        pydantic.ValidationError: The text is not such a record.
    """
    result: Record = _adapter(kind).validate_json(text)
    return result
