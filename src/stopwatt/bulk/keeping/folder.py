"""The folder of a run's results: whose it is, and what may be deleted in it."""

import json
import os
from contextlib import suppress
from pathlib import Path

from stopwatt import wire
from stopwatt.bulk.keeping import writer
from stopwatt.bulk.keeping.journal import NAME as JOURNAL
from stopwatt.bulk.keeping.journal import lock
from stopwatt.errors import EnvironmentUnfit, UsageError
from stopwatt.serving.contract import Contract
from stopwatt.store.atomic import replacing

CONTRACT = "contract.json"
_DRAFTS = ".stopwatt-*.tmp"
"""As `store.atomic` calls what is not complete."""
_RESULTS = (
    writer.DETECTIONS, writer.CLASSES, writer.EMBEDDINGS, writer.RAW, writer.FAILED, writer.SUMMARY, writer.TICKS,
    CONTRACT,
)  # fmt: skip


def prepare(folder: Path, *, fresh: bool) -> None:
    """Make the folder, or see that it may be written to.

    Args:
        folder: Of the results.
        fresh: Whether an earlier run's results are deleted; nothing else is.

    Raises:
        UsageError: Results are there without a journal, or another process is writing here.
        EnvironmentUnfit: It cannot be made, or what is in it cannot be deleted.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(
            "the results need a folder; this is a file, or lies below one", when=str(folder), now="name another --out"
        ) from error
    except OSError as error:
        raise EnvironmentUnfit(
            f"the folder of the results cannot be made: {error.strerror}", when=str(folder), now="name another --out"
        ) from error
    if fresh:
        _clear_or_refuse(folder)
    found = [name for name in _RESULTS if (folder / name).exists()]
    if found and not (folder / JOURNAL).exists():
        raise UsageError(
            f"results are here, but no journal that says whose they are: {', '.join(found)}",
            when=str(folder),
            now="name another --out folder, or add --fresh to delete those results",
        )


def tidy(folder: Path) -> None:
    """Delete drafts of results that a killed process left; to be called by whoever has locked the journal."""
    for draft in folder.glob(_DRAFTS):
        draft.unlink(missing_ok=True)


def keep_contract(folder: Path, contract: Contract) -> None:
    """Write what the results mean beside them.

    Raises:
        UsageError: An earlier part of the run had another contract.
    """
    known = contract_of(folder)
    if known is not None and known != contract:
        raise UsageError(
            "the model's contract is not that of the results that are here",
            when=str(folder / CONTRACT),
            now="name another --out folder, or add --fresh to delete those results",
        )
    if known is None:
        with replacing(folder / CONTRACT, overwrite=True) as file:
            file.write(json.dumps(wire.to_document(contract), indent=2).encode() + b"\n")


def contract_of(folder: Path) -> Contract | None:
    """What the results in a folder mean; `None` where that is not there."""
    try:
        text = (folder / CONTRACT).read_bytes()
        return wire.from_json(Contract, text)
    except (OSError, ValueError):
        return None


def _clear_or_refuse(folder: Path) -> None:
    try:
        _clear(folder)
    except OSError as error:
        raise EnvironmentUnfit(
            f"an earlier run's results cannot be deleted: {error.strerror}",
            when=str(error.filename or folder),
            now="check the rights, or name another --out folder",
        ) from error


def _clear(folder: Path) -> None:
    journal = folder / JOURNAL
    with suppress(FileNotFoundError):
        descriptor = os.open(journal, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            lock(descriptor, journal)
            journal.unlink()
        finally:
            os.close(descriptor)
    for name in _RESULTS:
        (folder / name).unlink(missing_ok=True)
    each = folder / writer.PER_IMAGE
    for file in each.glob("*.json"):
        file.unlink()
    with suppress(OSError):  # not there, or something else is in it
        each.rmdir()
