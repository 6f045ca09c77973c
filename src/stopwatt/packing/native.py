"""Which files of a pack hold native code, or anything else that runs when it is loaded. Looked at, not believed."""

import re
import zipfile
from pathlib import Path

from stopwatt.errors import UnsafeFile
from stopwatt.packing.manifest import Manifest

_ELF = b"\x7fELF"
_ENGINE = ".engine"
"""TensorRT's: kernels for one GPU."""
_AOTI_MEMBER = re.compile(
    r"(?:[\w-]+/)?(?:archive_format|archive_version|byteorder|version|\.format_version|\.storage_alignment|\.data/[\w./-]+"
    r"|data/aotinductor/[\w./-]+|extra/[\w./-]+)"
)
"""What a package of AOTInductor holds: no pickled program and no pickled weights."""
_PICKLES = (".pkl", ".pickle", ".pt", ".pth")
_TORCHSCRIPT = "model.pt"
_TORCHSCRIPT_PICKLES = re.compile(r"(?:[\w-]+/)?(?:data|constants|attributes)\.pkl|.*\.debug_pkl")
"""Read by TorchScript's own reader, which knows tensors and plain values and calls nothing."""
_TOUCHES_FILES = re.compile(
    rb"\btorch\.(?:save|from_file|load)\b|\bops\.(?!aten\b|prim\b|quantized\b|torchvision\b|mkldnn\w*\b|prepacked\b)\w+"
)


def native_files(folder: Path) -> tuple[str, ...]:
    """Files below a folder that hold native code, by their path there."""
    return tuple(
        path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file() and _is_native(path)
    )


def check_contents(manifest: Manifest, folder: Path, where: str) -> None:
    """Refuse a pack that hides native code, or holds something that runs Python when it is loaded.

    Raises:
        UnsafeFile: It does; nothing was loaded.
    """
    hidden = set(native_files(folder)) - set(manifest.native)
    if hidden:
        raise _unsafe(f"{', '.join(sorted(hidden))} holds native code of which its manifest says nothing", where)
    for name in manifest.files:
        path = folder / name
        if zipfile.is_zipfile(path) and not name.endswith(".npz"):
            _check_members(path, name, where)
        elif path.suffix in _PICKLES:
            raise _unsafe(f"{name} is a pickle", where)


def _is_native(path: Path) -> bool:
    if path.suffix == _ENGINE:
        return True
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return any(_starts_as_elf(archive, name) for name in archive.namelist())
    with path.open("rb") as file:
        return file.read(len(_ELF)) == _ELF


def _starts_as_elf(archive: zipfile.ZipFile, name: str) -> bool:
    with archive.open(name) as member:
        return member.read(len(_ELF)) == _ELF


def _check_members(path: Path, name: str, where: str) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.namelist()
        if path.name == _TORCHSCRIPT:
            bad = [one for one in members if one.endswith(_PICKLES) and not _TORCHSCRIPT_PICKLES.fullmatch(one)]
            bad += [one for one in members if one.endswith(".py") and _TOUCHES_FILES.search(archive.read(one))]
        else:
            bad = [one for one in members if not _AOTI_MEMBER.fullmatch(one)]
    if bad:
        raise _unsafe(f"{name} holds {bad[0]!r}, which could run code or touch files", where)


def _unsafe(why: str, where: str) -> UnsafeFile:
    return UnsafeFile(
        f"the pack was not loaded: {why}", when=where, now="pack the model again from a source that you trust"
    )
