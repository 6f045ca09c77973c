"""One line of progress. It is redrawn when something happens, never by a timer: a timer would disturb the timing."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from stopwatt.records import Cell, Measurement, Status
from stopwatt.sweeping.execute import Watcher
from stopwatt.text import one_line, printable
from stopwatt.units import duration


class ProgressLine:
    """Shows done/total, failures, the time left and what is measured now.

    Args:
        console: A terminal; on anything else only failures are printed, as they happen.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = console.is_terminal
        self._progress = Progress(
            MofNCompleteColumn(),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[left]}"),
            TextColumn("{task.fields[now]}", style="quiet", markup=False),
            console=console,
            auto_refresh=False,
            transient=True,
        )
        self._task = self._progress.add_task("", total=None, left="", now="")
        self._cell = ""

    def announce(self, text: str) -> None:
        """Something to know before anything runs."""
        self._console.print(Text(f"note: {printable(text)}", style="warning"))

    def begin(self, total: int, done: int) -> None:
        """The plan is known."""
        if done:
            self._console.print(f"going on: {done} of {total} rounds were measured by an earlier start")
        if self._live:
            self._progress.start()
        self._update(total=total, completed=done)

    def turn(self, cell: Cell, round_number: int) -> None:
        """A round begins."""
        self._cell = one_line(f"{cell.workload.source} {cell.setup.label}, round {round_number + 1}")
        self._update(now=self._cell)

    def phase(self, name: str) -> None:
        """A phase of the round begins."""
        self._update(now=f"{self._cell}: {name}")

    def saved(self, measurement: Measurement, done: int, failed: int, left_s: float | None) -> None:
        """A round is done."""
        if measurement.status not in (Status.OK, Status.UNSUPPORTED) and measurement.trouble is not None:
            label = f"{measurement.cell.workload.source} {measurement.cell.setup.label}"
            text = one_line(f"{label}: {measurement.status} - {measurement.trouble.what}")
            self._console.print(Text(text, style="failure"))
        parts = [f"{duration(left_s)} left" if left_s is not None else "", f"{failed} failed" if failed else ""]
        self._update(completed=done, left=", ".join(part for part in parts if part))

    def stopping(self) -> None:
        """A request to stop was heard."""
        self._console.print(Text("closing the running round; a second Ctrl-C leaves at once", style="warning"))

    def end(self) -> None:
        """Leave only the result."""
        if self._live:
            self._progress.stop()

    def _update(self, **fields: object) -> None:
        if self._live:
            self._progress.update(self._task, refresh=True, **fields)  # type: ignore[arg-type]


@contextmanager
def show_progress(console: Console) -> Iterator[Watcher]:
    """A watcher that shows progress on a console."""
    line = ProgressLine(console)
    try:
        yield line
    finally:
        line.end()
