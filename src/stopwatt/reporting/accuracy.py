"""Accuracy for people: of each setup with its interval, and what it loses against fp32 eager on the same samples."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from stopwatt.analyse.estimate import Estimate
from stopwatt.analyse.row import Row
from stopwatt.metrics import ACCURACY, ACCURACY_LOSS
from stopwatt.records import Labelled
from stopwatt.reporting.cells import share_cell
from stopwatt.reporting.console import MISSING
from stopwatt.reporting.energy import unavailable_lines
from stopwatt.reporting.fitting import Fitting
from stopwatt.text import counted, printable


def accuracy_lines(rows: Sequence[Row]) -> Iterator[RenderableType]:
    """A table and what it is of; nothing where nobody asked for it.

    Args:
        rows: Measured ones of one workload, batch and device: a setup tells them apart.
    """
    asked = [row for row in rows if row.cell.protocol.accuracy is not None]
    known = [row for row in asked if row.answers is not None]
    if known:
        yield _table(known)
        yield from (Text(line, style="quiet") for line in about_accuracy(known))
    yield from unavailable_lines(asked, ACCURACY, "accuracy")


def about_accuracy(rows: Sequence[Row]) -> list[str]:
    """What accuracy is, on which samples: a line for each kind, such as `top-1 of 500 labelled samples of DATA`."""
    calibrated = any(row.cell.calibration is not None for row in rows)
    lines = (_about(row, row.cell.protocol.accuracy, calibrated=calibrated) for row in rows)
    return list(dict.fromkeys(line for line in lines if line))


def accuracy_warnings(rows: Sequence[Row]) -> list[Text]:
    """What makes an accuracy say less than it seems to, each once."""
    found = {counted_note.note.kind: counted_note.note for row in rows for counted_note in row.notes}
    chosen = [note for kind, note in found.items() if kind.startswith(f"{ACCURACY}-")]
    return [
        Text(printable(f"! {note.text}; now: {note.now}".removesuffix("; now: ")), style="warning") for note in chosen
    ]


def _about(row: Row, labelled: Labelled | None, *, calibrated: bool) -> str:
    if row.answers is None or labelled is None:
        return ""
    source = f" by {labelled.labels}" if labelled.labels else ""
    apart = "; int8 is calibrated on others" if calibrated and not labelled.shared else ""
    drawn = f"{counted(row.answers.samples, 'labelled sample')} of {labelled.data}{source} (seed {labelled.seed})"
    return printable(f"accuracy: {row.answers.metric} of {drawn}{apart}")


def _table(rows: Sequence[Row]) -> Table:
    """The most accurate first."""
    table = Fitting(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("accuracy", min_width=11, overflow="fold")
    table.add_column("", no_wrap=True)
    table.add_column("0 to 1\n[95 %]", justify="right", no_wrap=True)
    table.add_column("lost to fp32 eager\n[95 %]", justify="right", no_wrap=True)
    for row in sorted(rows, key=lambda row: -(row.estimates[ACCURACY].value or 0.0)):
        setup, found = row.cell.setup, row.estimates
        cells = (accuracy_cell(found[ACCURACY]), loss_cell(found[ACCURACY_LOSS]))
        table.add_row(setup.backend_label, str(setup.precision), *cells)
    return table


def accuracy_cell(found: Estimate) -> str:
    """An accuracy with its interval, in thousandths."""
    if found.low is None or found.high is None:
        return share_cell(found)
    return f"{share_cell(found)} [{found.low:.3f}, {found.high:.3f}]"


def loss_cell(found: Estimate) -> str:
    """What is lost, in thousandths of all samples; a gain is below 0."""
    if found.value is None:
        return MISSING
    if found.low is None or found.high is None:
        return "0" if found.value == 0 else _signed(found.value)
    return f"{_signed(found.value)} [{_signed(found.low)}, {_signed(found.high)}]"


def _signed(share: float) -> str:
    return f"{round(share, 3) + 0.0:.3f}"  # no minus before what rounds to 0
