"""What an imported table says of its measurements, and what it cannot support. All of it is stated, nothing read."""

import hashlib
import json
from collections.abc import Iterator

from stopwatt.records import Note, Scalar, Severity
from stopwatt.store.foreign.columns import Columns
from stopwatt.store.foreign.files import TableFile
from stopwatt.store.foreign.spec import TableSpec
from stopwatt.store.importing import IMPORTED_FROM

STATED = "stated:"
"""How the machine of an imported cell begins: a name that somebody gave it, not an identity that was read."""

_DIGITS = 20


def stated_facts(table: TableFile, spec: TableSpec, columns: Columns) -> dict[str, Scalar]:
    """The source of the measurements. The names of all facts but the first begin with `stated.`."""
    facts: dict[str, Scalar] = {
        IMPORTED_FROM: str(table.path),
        "stated.file": table.path.name,
        "stated.sha256": table.sha256,
        "stated.by": spec.by or "not said",
        "stated.times": ", ".join(column.head for column in columns.times[:3]) + _more(len(columns.times) - 3),
        "stated.unit": columns.times[0].unit,
    }
    if table.encoding:
        facts["stated.encoding"] = table.encoding.removesuffix("-sig")
    for column in columns.keys:
        facts[f"stated.column.{column.name}"] = column.head
    return facts | {f"stated.{name}": text for name, text in columns.said.items()}


def _more(number: int) -> str:
    return f", and {number} more" if number > 0 else ""


def code_of(table: TableFile, columns: Columns) -> str:
    """Digest of the file and of how its times were read.

    So the same cells of another file, or of this file in another unit, are other cells.
    """
    times = [(column.head, column.unit) for column in columns.times]
    others = [column.head if column else "" for column in (columns.round, columns.count, columns.sd)]
    return _digest(table.sha256, json.dumps([times, columns.means, others, columns.count_said]))


def machine_of(table: TableFile, name: str) -> str:
    """What stands for a machine's identity: a digest of the name that it was given, or of the file if it has none."""
    return STATED + _digest("machine", name or table.sha256)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="backslashreplace")).hexdigest()[:_DIGITS]


def notes_on(columns: Columns) -> Iterator[Note]:
    """What a reader of a number from this table must know."""
    yield Note(
        "imported",
        "stated by a table, not measured by stopwatt: no environment was read, the correctness gate did not run, and "
        "what was inside the timing is not known",
        now="stopwatt show ID lists what is stated, and by whom",
    )
    if columns.means:
        yield Note(
            "only-means",
            "the table holds means: without trials there is no interval within a round, no tail and no shape",
            now="ask for the single times, and bring them with --trials",
        )
    else:
        yield Note(
            "order-stated",
            "the order of the trials is that of the table: drift and bursts show only if it is the order of time",
            Severity.INFO,
        )
