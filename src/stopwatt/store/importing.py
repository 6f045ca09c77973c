"""Exported measurements, back into a store. The file is somebody else's: everything in it is checked first."""

import json
import re
import stat
import zlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from stopwatt.errors import StopwattError, UsageError
from stopwatt.records import Measurement
from stopwatt.store.database import Store
from stopwatt.store.export import JSON_KIND, JSON_SCHEMA
from stopwatt.store.model import Run
from stopwatt.store.rows import TIME
from stopwatt.wire import from_document

IMPORTED_FROM = "imported_from"
"""The fact that names the file which a measurement came from."""

Record = TypeVar("Record")

_LONGEST_NAME = 200  # of a metric or a unit: part of a key in the database
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import brought: measurements that are new, and such that were there already."""

    path: Path
    new: int
    known: int


def import_file(store: Store, path: Path) -> Imported:
    """Bring an exported JSON file into the store: all of it or nothing. A second time brings nothing new.

    Raises:
        UsageError: The file cannot be read, or is no complete, valid export of a known schema.
        StoreError: The database cannot be written.
    """
    found = read_export(path)
    total = sum(len(measurements) for _, measurements in found.values())
    new = store.import_all(found)
    return Imported(path, new, total - new)


def read_export(path: Path) -> dict[str, tuple[Run, list[Measurement]]]:
    """Runs by id, each with its measurements, of an exported JSON file. Errors: the `UsageError`s of `import_file`."""
    document = _read(path)
    _check_head(path, document)
    found: dict[str, tuple[Run, list[Measurement]]] = {}
    for place, item in enumerate(document["runs"]):
        run = _record(path, f"runs[{place}]", Run, item)
        _check(path, f"runs[{place}]", _flaw_of_run(run))
        found[run.id] = (run, [])
    for place, item in enumerate(document["measurements"]):
        name = f"measurements[{place}]"
        measurement = _record(path, name, Measurement, item)
        run_id = item.get("run")
        known = isinstance(run_id, str) and run_id in found
        _check(path, name, _flaw_of_measurement(measurement) if known else "its run is not in the file")
        found[run_id][1].append(measurement.with_facts({IMPORTED_FROM: str(path)}))
    return found


def _read(path: Path) -> Any:
    try:
        content = path.read_bytes() if stat.S_ISREG(path.stat().st_mode) else None
    except OSError as error:
        raise UsageError(f"the file cannot be read: {error.strerror}", when=str(path), now="check the path") from error
    if content is None:
        raise UsageError("this is not a regular file", when=str(path), now="name a file written by stopwatt export")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _foreign(path, f"the file is not JSON: {error}") from error


def _check_head(path: Path, document: Any) -> None:
    if not isinstance(document, dict) or document.get("kind") != JSON_KIND:
        raise _foreign(path, "the file was not written by stopwatt export")
    schema = document.get("schema")
    if isinstance(schema, int) and schema > JSON_SCHEMA:
        raise UsageError(
            f"the file has schema {schema}; this stopwatt knows up to {JSON_SCHEMA}",
            when=str(path),
            now="pip install --upgrade stopwatt",
        )
    lists = (document.get("runs"), document.get("measurements"))
    if schema != JSON_SCHEMA or not all(isinstance(items, list) for items in lists):
        raise _foreign(path, "the file is not a complete export")


def _record(path: Path, place: str, kind: type[Record], document: Any) -> Record:
    try:
        return from_document(kind, document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        inside = ".".join(str(part) for part in first["loc"])
        raise _foreign(path, f"{place}.{inside}: {first['msg']}") from error
    # What a damaged array raises inside the validation is not pydantic's.
    except (StopwattError, zlib.error, LookupError, TypeError, ValueError, OverflowError) as error:
        raise _foreign(path, f"{place}: a damaged array of trials ({error})") from error


def _check(path: Path, place: str, flaw: str | None) -> None:
    if flaw:
        raise _foreign(path, f"{place}: {flaw}")


def _flaw_of_run(run: Run) -> str | None:
    if not _is_id(run.id):
        return "the id is not 32 hexadecimal digits"
    return None if _is_time(run.started_at) else "started_at is not a time"


def _flaw_of_measurement(measurement: Measurement) -> str | None:
    """What the types cannot say, and the database must not be asked to hold."""
    setup, protocol = measurement.cell.setup, measurement.cell.protocol
    numbers = (measurement.round, setup.batch, setup.threads, protocol.rounds)
    names = [name for metric, samples in measurement.samples.items() for name in (metric, samples.unit)]
    if not _is_id(measurement.id):
        return "the id is not 32 hexadecimal digits"
    if not _is_time(measurement.started_at):
        return "started_at is not a time"
    if not all(0 <= number <= _LARGEST for number in numbers):
        return "round, batch, threads or rounds is out of range"
    if not all(0 < len(name) <= _LONGEST_NAME and name.isprintable() for name in names):
        return "a metric or a unit has no usable name"
    return _flaw_of_traces(measurement)


def _flaw_of_traces(measurement: Measurement) -> str | None:
    for trace in measurement.traces:
        names = (trace.about.name, *trace.channels)
        if not all(0 < len(name) <= _LONGEST_NAME and name.isprintable() and name != TIME for name in names):
            return "an instrument or a channel has no usable name"
        if any(values.shape != trace.time_ns.shape for values in trace.channels.values()):
            return f"the trace of {trace.about.name} has more values than times, or fewer"
        if trace.time_ns.size and not 0 <= trace.time_ns.min() <= trace.time_ns.max() <= _LARGEST:
            return f"the trace of {trace.about.name} has a time out of range"
    return None


def _is_id(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{32}", text) is not None


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _foreign(path: Path, what: str) -> UsageError:
    return UsageError(what, when=str(path), now="export it again with stopwatt export FILE.json; nothing was imported")
