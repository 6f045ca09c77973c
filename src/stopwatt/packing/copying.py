"""The files of a pack as a folder of their own."""

import shutil
from pathlib import Path

from stopwatt.errors import StoreError, UsageError
from stopwatt.packing.archive import MANIFEST
from stopwatt.packing.opened import Opened
from stopwatt.wire import to_json


def copy_files(opened: Opened, folder: Path) -> None:
    """Copy the files of a pack and its manifest into a folder that is not there yet.

    Raises:
        UsageError: The name is taken, or lies in no folder.
        StoreError: The disk is full, or refuses; nothing is left behind.
    """
    try:
        folder.mkdir()
    except FileExistsError:
        raise UsageError("the output is there already", when=str(folder), now="name a folder that is not") from None
    except OSError as error:
        if not folder.parent.is_dir():
            now = f"mkdir -p {folder.parent}"
            raise UsageError("the output's folder is not there", when=str(folder), now=now) from None
        raise _refused(folder, error) from error
    try:
        shutil.copytree(opened.folder, folder, dirs_exist_ok=True)
        (folder / MANIFEST).write_bytes(to_json(opened.manifest))
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise _refused(folder, error) from error


def _refused(folder: Path, error: OSError) -> StoreError:
    why = error.strerror or "its files cannot be copied"
    return StoreError(f"the files cannot be written: {why}", when=str(folder), now="free some space or name another")
