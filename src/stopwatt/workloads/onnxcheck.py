"""External data of an ONNX file: every tensor of it is found, and none may lie outside the file's own folder."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from stopwatt.errors import UnsafeFile, WorkloadError

_EXTERNAL = 1  # TensorProto.EXTERNAL


def checked_external_files(model: Any, path: Path) -> list[Path]:
    """The files of external data of a model that was read without them, each once, in order of name.

    Args:
        model: An `onnx.ModelProto`.
        path: Where it was read from.

    Raises:
        UnsafeFile: A location is absolute or leads out of the folder; a file is a link, symbolic or hard, or not plain.
        WorkloadError: A file is not there.
    """
    folder = path.resolve().parent
    names = sorted({_location(tensor) for tensor in _tensors(model) if tensor.data_location == _EXTERNAL})
    return [_checked(folder, name, path) for name in names]


def _location(tensor: Any) -> str:
    return next((str(entry.value) for entry in tensor.external_data if entry.key == "location"), "")


def _checked(folder: Path, name: str, model: Path) -> Path:
    pure = PurePosixPath(name)
    if (
        not name
        or "\0" in name
        or pure.is_absolute()
        or PureWindowsPath(name).anchor
        or ".." in pure.parts
        or "\\" in name
    ):
        raise _unsafe(model, name, "does not lie in the model's own folder")
    place = folder
    for part in pure.parts:
        place /= part
        try:
            found = place.lstat()
        except OSError as error:
            raise WorkloadError(
                f"{model} keeps its weights in {name!r}, which cannot be read: {error.strerror}",
                now="put the file next to the model, or export the model as one file",
            ) from error
        if stat.S_ISLNK(found.st_mode):
            raise _unsafe(model, name, "is or goes through a symbolic link")
    if not stat.S_ISREG(found.st_mode):
        raise _unsafe(model, name, "is not a plain file")
    if found.st_nlink > 1:
        raise _unsafe(model, name, "is a hard link: another name of a file elsewhere")
    return Path(os.path.normpath(place))


def _unsafe(model: Path, name: str, why: str) -> UnsafeFile:
    return UnsafeFile(
        f"{model} asks for external data in {name!r}, which {why}; it was not opened",
        now="export the model again with its data in one file, or copy both files into one folder",
    )


def _tensors(message: Any) -> Iterator[Any]:
    """All `TensorProto`s inside a protobuf message: weights, attributes, subgraphs, functions, training parts."""
    waiting = [message]
    while waiting:
        one = waiting.pop()
        if one.DESCRIPTOR.name == "TensorProto":
            yield one
            continue
        for field, value in one.ListFields():
            if field.type == field.TYPE_MESSAGE:
                waiting.extend([value] if _is_single(value) else value)


def _is_single(value: Any) -> bool:
    return hasattr(value, "ListFields")
