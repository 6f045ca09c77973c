"""What a `.pt2` archive may hold: plain weights and a graph of known operators. Checked before anything is loaded.

`torch.export.load` unpickles tensors and objects without restriction, evaluates symbolic sizes as Python, looks
operators up by dotted name through any module that torch can reach, and compiles names and guards as source code.
Everything that comes near one of these is held against a list of what an exported model really contains.
"""

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from stopwatt.errors import UnsafeFile
from stopwatt.workloads.expression import is_arithmetic

_MEMBER = re.compile(
    r"archive_format|archive_version|byteorder|version|\.format_version|\.storage_alignment|\.data/[\w./-]+"
    r"|models/model\.json|data/sample_inputs/model\.pt"
    r"|data/(weights|constants)/(model_(weights|constants)_config\.json|(weight|tensor)_\d+|model\.pt)"
    r"|extra/[\w. -]+"
)
_OPERATOR = re.compile(
    r"torch\.ops\.(aten|prims|quantized_decomposed|torchvision|onnx)\.(?!from_file)\w+(\.\w+)?"
    r"|torch\.ops\.higher_order\.(cond|wrap_with_set_grad_enabled|wrap_with_autocast|while_loop|map_impl|scan)"
    r"|torch\.sym_(int|float|ite|max|min|not|sqrt|sum)|torch\._sym_sqrt"
    r"|_operator\.(add|sub|mul|neg|pow|floordiv|truediv|mod|pos|abs|and_|or_|not_|eq|ne|le|lt|ge|gt|lshift|rshift|getitem)"
    r"|math\.(ceil|floor|trunc|sqrt)"
)
_NAME = re.compile(r"[\w.\-:/<>+, ]*")
_TEXT = re.compile(r"[^\"'\\\n\r]*")
_CUSTOM = "a custom object"
_INERT = {"metadata", "guards_code"}
"""Kept as text: never compiled, never called. (Guards are, unless the module is made with `check_guards=False`.)"""
_CONTAINERS = {None, "builtins.tuple", "builtins.list", "builtins.dict"}

Read = Callable[[str], bytes]


def check_archive(names: list[str], read: Read, source: str) -> None:
    """Refuse an archive that could run code when it is loaded.

    Args:
        names: Of its members.
        read: Gives the bytes of one.
        source: As the user wrote it, for the error.

    Raises:
        UnsafeFile: It holds something else than plain weights and a graph of known operators.
    """
    for name in names:
        if not _MEMBER.fullmatch(name):
            raise _unsafe(source, f"its member {name!r} is none that a plain exported model has")
    for name in names:
        if name.endswith(".json") and name.startswith("data/"):
            _check_payload(_document(read(name), source), name, names, read, source)
        elif name.endswith(".pt"):
            _check_pickle(read(name), name, source)
        elif name.startswith("models/"):
            _check_program(_document(read(name), source), source)


def _document(text: bytes, source: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unsafe(source, f"a description in it is no JSON: {error}") from error


def _check_payload(document: Any, name: str, names: list[str], read: Read, source: str) -> None:
    """Weights stored as pickles must be loadable as weights only; objects of other kinds have no place here."""
    for key, entry in document["config"].items():
        path = str(entry["path_name"])
        member = f"{name.rpartition('/')[0]}/{path}"
        if member not in names:
            raise _unsafe(source, f"{key!r} lies in {path!r}, which is none of its weights")
        if entry["use_pickle"]:
            _check_pickle(read(member), member, source)


def _check_pickle(content: bytes, name: str, source: str) -> None:
    import torch

    if not content:
        return
    try:
        torch.load(io.BytesIO(content), weights_only=True)
    except Exception as error:
        raise _unsafe(source, f"its member {name!r} is a pickle of more than tensors") from error


def _check_program(document: Any, source: str) -> None:
    for key, value in _strings(document, ""):
        if not _allowed(key, value):
            shown = value if len(value) <= 60 else value[:57] + "..."  # noqa: PLR2004  (the width of an error)
            raise _unsafe(source, f"its graph has {key or 'a name'} {shown!r}")


def _strings(document: Any, key: str) -> Iterator[tuple[str, str]]:
    """All text in a document with the key it stands under; names that are keys stand under ''."""
    if isinstance(document, Mapping):
        for name, value in document.items():
            if name == "as_custom_obj":
                yield _CUSTOM, str(value)
            yield "", name
            if name not in _INERT:
                yield from _strings(value, name)
    elif isinstance(document, list):
        for value in document:
            yield from _strings(value, key)
    elif isinstance(document, str):
        yield key, document


def _allowed(key: str, text: str) -> bool:
    if key == _CUSTOM:
        return False
    if key in {"target", "as_operator"}:
        return bool(_OPERATOR.fullmatch(text))
    if key == "expr_str":
        return is_arithmetic(text)
    if key in {"in_spec", "out_spec"}:
        return _is_plain_tree(text)
    return bool((_TEXT if key in {"as_string", "as_strings"} else _NAME).fullmatch(text))


def _is_plain_tree(text: str) -> bool:
    """Whether a description of nested inputs or outputs has only tuples, lists, dictionaries and tensors."""
    try:
        _, root = json.loads(text)
        waiting = [root]
        while waiting:
            node = waiting.pop()
            if node["type"] not in _CONTAINERS or not _is_plain_context(node["context"]):
                return False
            waiting.extend(node["children_spec"])
    except (ValueError, RecursionError, LookupError, TypeError):
        return False
    return True


def _is_plain_context(context: Any) -> bool:
    """Keys of a dictionary, or nothing. A mapping here could name a class to import."""
    if context is None or context == []:
        return True
    keys = json.loads(context)
    return keys is None or (isinstance(keys, list) and all(isinstance(key, str | int) for key in keys))


def _unsafe(source: str, why: str) -> UnsafeFile:
    return UnsafeFile(
        f"{source!r} could run code when it is loaded: {why}; it was not loaded",
        now="if you trust it, write a function that loads it and returns (module, inputs), and name it as "
        "path.py:function",
    )
