"""From what the user writes to a family: a built-in name, a function, a file, a folder, or another library's model."""

import re
from pathlib import Path

from stopwatt.errors import UnsafeFile, UsageError
from stopwatt.extensions import load, registered, unknown
from stopwatt.workloads import hfdir, pyfile, timm, torchvision
from stopwatt.workloads.base import Family
from stopwatt.workloads.contracted import PREFIX as CONTRACT
from stopwatt.workloads.contracted import Contracted, parted
from stopwatt.workloads.family import BuiltIn
from stopwatt.workloads.library import LibraryModel
from stopwatt.workloads.onnxfile import OnnxFile
from stopwatt.workloads.pt2file import Pt2File
from stopwatt.workloads.served import PREFIX, Served

_FUNCTION = re.compile(r"(?P<module>[^\W\d]\w*(\.[^\W\d]\w*)*):(?P<function>.*)", re.DOTALL)
_PICKLES = {".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt", ".joblib"}
_LIBRARIES = {"torchvision": torchvision.family, "timm": timm.family}

OUTSIDE = {
    "path.py:function": "a function in a Python file; called with the parameters, it returns the model",
    "module:function": "the same in an importable module",
    "model.onnx": "an ONNX file (onnxruntime, openvino, tensorrt)",
    "model.pt2": "a program saved by torch.export.save",
    "folder": "a Hugging Face model on this disk: config.json and safetensors",
    "torchvision:NAME": "a torchvision classifier, untrained",
    "timm:NAME": "a timm classifier, untrained",
    "contract:FILE.yaml:SOURCE": "any of these with a contract from a file: what its images are, what its outputs mean",
    "served:SOURCE": "any of these, taking bytes of images where it has a contract (as `stopwatt pack` packs it)",
}
"""Forms of sources from outside, each with one line."""


def resolve(source: str) -> Family:
    """The family that a source names. Runs none of the source's code.

    Args:
        source: A built-in name, or one of the forms of `OUTSIDE`.

    Raises:
        UsageError: No such workload, file or function; the nearest names are offered.
        UnsafeFile: The file is a pickle: opening it would run whatever it holds.
        WorkloadError: A Python file cannot be parsed.
    """
    if source in registered("workloads"):
        family: Family = load("workloads", source)()
        return family
    if "\0" in source or not source.strip():
        raise UsageError(f"{source!r} is no workload", now="`stopwatt workloads` lists what there is")
    if source.startswith(PREFIX):
        return Served(resolve(source.removeprefix(PREFIX)), source)
    if source.startswith(CONTRACT):
        file, inner = parted(source)
        return Contracted(resolve(inner), file, source)
    library, colon, name = source.partition(":")
    if colon and library in _LIBRARIES:
        return _LIBRARIES[library](name)
    return _outside(source)


def draws_weights(source: str) -> bool:
    """Whether the model's weights are drawn at random, as far as its source tells: built-in ones, and libraries' own.

    Raises:
        UsageError, UnsafeFile, WorkloadError: As `resolve`.
    """
    family = resolve(source)
    while isinstance(family, Served | Contracted):
        family = family.family
    return isinstance(family, BuiltIn | LibraryModel)


def _outside(source: str) -> Family:
    head, colon, function = source.rpartition(":")
    if colon and head.endswith(".py"):
        return pyfile.from_file(_file(head), function, source)
    path = Path(source).expanduser()
    suffix = path.suffix.lower()
    if suffix in _PICKLES:
        raise _pickle(source)
    if suffix == ".onnx":
        return OnnxFile(source, _file(source))
    if suffix == ".pt2":
        return Pt2File(source, _file(source))
    if suffix == ".py":
        raise _without_function(source)
    if _is_dir(path):
        return hfdir.family(source, path)
    if match := _FUNCTION.fullmatch(source):
        return pyfile.from_module(match["module"], match["function"], source)
    raise _nothing(source)


def _file(text: str) -> Path:
    path = Path(text).expanduser()
    try:
        found = path.is_file()
    except OSError as error:
        raise UsageError(f"cannot look for {text!r}: {error.strerror}", now="check the path") from error
    if not found:
        raise UsageError(f"there is no file {text!r}", when=f"looking in {Path.cwd()}", now="check the path")
    return path


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _pickle(source: str) -> UnsafeFile:
    return UnsafeFile(
        f"{source!r} is a pickle by its name: opening it would run whatever code it holds; it was not opened",
        now="save the model with torch.export.save(torch.export.export(model, inputs), 'model.pt2'), or write a "
        "function that builds the model and loads its weights with torch.load(..., weights_only=True), and name it "
        "as path.py:function",
    )


def _without_function(source: str) -> UsageError:
    names = sorted(pyfile.functions(_file(source)), key=lambda name: name.startswith("_"))
    example = f"{source}:{names[0]}" if names else f"{source}:function"
    return UsageError(
        f"{source!r} names a file, not a function in it",
        when=f"functions and classes there: {', '.join(names) or 'none'}",
        now=f"name the function that returns the model, such as {example}",
    )


def _nothing(source: str) -> UsageError:
    if "/" in source:
        return UsageError(
            f"there is no file or folder {source!r}", when=f"looking in {Path.cwd()}", now="check the path"
        )
    error = unknown("workload", source, registered("workloads"))
    return UsageError(
        error.what, now=f"{error.now} (`stopwatt workloads` lists them, and the forms of sources from outside)"
    )
