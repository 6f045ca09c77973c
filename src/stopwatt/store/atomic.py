"""Output files that are there completely or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from stopwatt.errors import StoreError, UsageError

_ATTEMPTS = 10


@contextmanager
def replacing(path: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """Write a file that appears under its name only when it is complete and on the disk.

    Args:
        path: Its folder must be there. A symbolic link is replaced, not followed.
        overwrite: Whether a file of that name may be replaced.

    Raises:
        UsageError: The name is taken, is a folder, or lies in no folder.
        StoreError: The disk is full, or refuses; nothing is left behind.
    """
    _check_target(path, overwrite=overwrite)
    temporary: Path | None = None
    try:
        temporary, descriptor = _exclusive(path.parent)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _publish(temporary, path, overwrite=overwrite)
        _sync_folder(path.parent)
    except FileExistsError as error:
        raise _taken(path) from error
    except OSError as error:
        raise StoreError(
            f"the file cannot be written: {error.strerror}",
            when=str(path),
            now="free some space or name another folder, then start again; nothing was left behind",
        ) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _check_target(path: Path, *, overwrite: bool) -> None:
    if path.is_dir():
        raise UsageError("the output is a folder", when=str(path), now="name a file in it")
    if not path.parent.is_dir():
        raise UsageError("the output's folder is not there", when=str(path), now=f"mkdir -p {path.parent}")
    if not overwrite and os.path.lexists(path):
        raise _taken(path)


def _taken(path: Path) -> UsageError:
    return UsageError("the file is there already", when=str(path), now="name another one, or add --force")


def _exclusive(folder: Path) -> tuple[Path, int]:
    """A new file of an unforeseeable name. What stands under that name, a link too, is neither opened nor followed."""
    for _ in range(_ATTEMPTS):
        temporary = folder / f".stopwatt-{secrets.token_hex(8)}.tmp"
        with suppress(FileExistsError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            return temporary, os.open(temporary, flags, 0o666)
    raise StoreError("no temporary file can be made: every name is taken", when=str(folder), now="name another folder")


def _publish(temporary: Path, path: Path, *, overwrite: bool) -> None:
    if overwrite:
        temporary.replace(path)
        return
    try:
        path.hardlink_to(temporary)  # unlike a rename, fails where another process took the name meanwhile
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(path):
            raise FileExistsError(str(path)) from None
        temporary.rename(path)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
