"""Folders for inputs, reference outputs and converted models, by content key.

They can be made again at any time; deleting the cache loses nothing that was measured. Since converted models hold
native code, the folder must belong to the user and be closed to others.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from stopwatt.errors import EnvironmentUnfit
from stopwatt.records import Calibration, Cell, Labelled, digest

FORMAT = 2
"""Changes when the meaning of cached content does."""
KEEP_BYTES = 20 * 2**30


def root() -> Path:
    """The cache folder, made if it is not there: `$STOPWATT_CACHE`, else `$XDG_CACHE_HOME/stopwatt`.

    Raises:
        EnvironmentUnfit: It belongs to somebody else, others may write to it, or it cannot be made.
    """
    given = os.environ.get("STOPWATT_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = (Path(given) if given else Path(base) / "stopwatt").absolute()
    with _usable(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = folder.stat()
    if facts.st_uid != os.getuid() or facts.st_mode & 0o022:
        raise EnvironmentUnfit(
            f"the cache folder {folder} belongs to another user or is open to others",
            when="before loading converted models, which are native code",
            now=f"chmod 700 {folder}, or set STOPWATT_CACHE to a folder of your own",
        )
    return folder


def bundle_folder(cell: Cell) -> Path:
    """Where the inputs and reference outputs of a cell are: the same for all setups that compute the same function."""
    return root() / "bundles" / digest([FORMAT, *_content(cell), cell.protocol.input_sets, _software(cell, "torch")])


def artifact_folder(cell: Cell) -> Path:
    """Where the converted model of a cell is. Of threads and protocol only what int8 is calibrated on changes it."""
    setup = {name: value for name, value in cell.setup.identity().items() if name != "threads"}
    data = [cell.calibration.digest] if cell.calibration is not None else []
    return root() / "artifacts" / digest([FORMAT, *_content(cell), setup, dict(cell.software), *data])


def calibration_folder(cell: Cell, calibration: Calibration) -> Path:
    """Where the samples are that were drawn for a cell, in the shape that its model takes."""
    return root() / "calibrations" / digest([FORMAT, *_content(cell), calibration.digest])


def labelled_folder(cell: Cell, labelled: Labelled) -> Path:
    """Where the labelled samples are that were drawn for a cell: the same for all batches, devices and seeds."""
    drawn = [labelled.digest, labelled.labels, labelled.samples]
    return root() / "labelled" / digest([FORMAT, asdict(cell.workload), cell.code, *drawn])


def _content(cell: Cell) -> list[object]:
    workload = asdict(cell.workload)
    return [workload, cell.code, cell.setup.batch, cell.setup.device, cell.protocol.seed, cell.machine]


def _software(cell: Cell, *names: str) -> dict[str, str]:
    return {name: cell.software[name] for name in (*names, "transformers", "numpy") if name in cell.software}


@contextmanager
def _usable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EnvironmentUnfit(
            f"the cache folder cannot be used: {error.strerror}",
            when=str(folder),
            now="free space or mend its rights, or set STOPWATT_CACHE to a folder of your own",
        ) from error


@contextmanager
def draft_of(folder: Path) -> Iterator[Path]:
    """An empty, private folder beside the given one; it vanishes unless it was published.

    Raises:
        EnvironmentUnfit: It cannot be made.
    """
    with _usable(folder.parent):
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder.parent))
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def publish(draft: Path, folder: Path) -> None:
    """Let a whole draft take its folder's place; if somebody else was faster, theirs is as good."""
    try:
        draft.rename(folder)
    except OSError:
        if not folder.exists():
            raise


def prune(keep_bytes: int = KEEP_BYTES) -> None:
    """Delete the content that was not used for the longest time until the rest fits."""
    entries = []
    for kind in ("bundles", "artifacts", "calibrations", "labelled", "packs"):
        for folder in (root() / kind).glob("*"):
            with suppress(FileNotFoundError):  # a draft of another process that was published meanwhile
                size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
                entries.append((folder.stat().st_mtime, size, folder))
    total = sum(size for _, size, _ in entries)
    for _, size, folder in sorted(entries):
        if total <= keep_bytes:
            return
        shutil.rmtree(folder, ignore_errors=True)
        total -= size


def touch(folder: Path) -> None:
    """Mark content as used now."""
    os.utime(folder)
