"""Progress in a few lines, redrawn when something happens, never by a timer: a timer would disturb the timing."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from stopwatt.records import Cell, Measurement, Status
from stopwatt.text import one_line, printable
from stopwatt.units import duration
from stopwatt.workloads.params import short_label

_AS_ASKED = (Status.OK, Status.UNSUPPORTED, Status.INTERRUPTED)
"""Endings that are no failure: who interrupts a round knows why."""
_MOST_REASONS = 10
"""Different failures that are printed as they happen; of a large grid many cells fail in the same few ways."""


def nothing(_: Measurement) -> str:
    """No finding."""
    return ""


class ProgressLine:
    """Shows done/total, failures, the time left, what is measured now, and the last finding.

    Args:
        console: A terminal; on anything else only failures are printed, as they happen.
        find: What a measurement says, in a few words; empty for nothing. Called between rounds.
    """

    def __init__(self, console: Console, find: Callable[[Measurement], str] = nothing) -> None:
        self._console = console
        self._live = console.is_terminal
        self._find = find
        self._progress = _Lines(
            MofNCompleteColumn(),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[left]}"),
            console=console,
            auto_refresh=False,
            transient=True,
        )
        self._task = self._progress.add_task("", total=None, left="")
        self._cell = ""
        self._begun = False
        self._failures: Counter[str] = Counter()

    def announce(self, text: str) -> None:
        """Something to know before anything runs."""
        self._console.print(Text(f"note: {printable(text)}", style="warning"))

    def begin(self, total: int, done: int) -> None:
        """The plan is known, or more of it."""
        if done and not self._begun:
            self._console.print(f"going on: {done} of {total} rounds were measured by an earlier start")
        self._begun = True
        if self._live:
            self._progress.start()
        self._update(total=total, completed=done)

    def turn(self, cell: Cell, round_number: int) -> None:
        """A round begins."""
        self._cell = one_line(f"{_label(cell)}, round {round_number + 1}")
        self._progress.now = self._cell
        self._update()

    def task(self, text: str) -> None:
        """Something else than a round begins."""
        self._progress.now = self._cell = one_line(text)
        self._update()

    def done(self, count: int, left_s: float) -> None:
        """So many things are done; about so many seconds are left."""
        self._update(completed=count, left=f"about {duration(left_s)} left" if left_s else "")

    def phase(self, name: str) -> None:
        """A phase of the round begins."""
        self._progress.now = f"{self._cell}: {name}"
        self._update()

    def saved(self, measurement: Measurement, done: int, failed: int, left_s: float | None) -> None:
        """A round is done."""
        if measurement.status not in _AS_ASKED and measurement.trouble is not None:
            self._failed(measurement, measurement.trouble.what)
        if self._live:
            self._progress.finding = one_line(self._find(measurement)) or self._progress.finding
        parts = [f"{duration(left_s)} left" if left_s is not None else "", f"{failed} failed" if failed else ""]
        self._update(completed=done, left=", ".join(part for part in parts if part))

    def stopping(self) -> None:
        """A request to stop was heard."""
        self._console.print(Text("closing the running round; a second Ctrl-C leaves at once", style="warning"))

    def end(self) -> None:
        """Leave only the result, and how often failed what was said once."""
        if self._live:
            self._progress.stop()
        for reason, count in self._failures.items():
            if count > 1:
                self._console.print(Text(f"{count} rounds in all: {reason}", style="failure"))
        self._failures.clear()

    def _failed(self, measurement: Measurement, what: str) -> None:
        reason = one_line(f"{measurement.status} - {what}")
        if reason not in self._failures and len(self._failures) >= _MOST_REASONS:
            reason = "for other reasons: stopwatt show lists them"
        self._failures[reason] += 1
        if self._failures[reason] == 1:
            self._console.print(Text(f"{one_line(_label(measurement.cell))}: {reason}", style="failure"))

    def _update(self, **fields: object) -> None:
        if self._live:
            self._progress.update(self._task, refresh=True, **fields)  # type: ignore[arg-type]


class _Lines(Progress):
    """The bar with lines of text below."""

    now = ""
    finding = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        for name, text in (("now", self.now), ("last", self.finding)):
            if text:
                yield Text(f"{name}: {text}", style="quiet", no_wrap=True, overflow="ellipsis")


def _label(cell: Cell) -> str:
    return f"{short_label(cell.workload)} {cell.setup.label}"


@contextmanager
def show_progress(console: Console, find: Callable[[Measurement], str] = nothing) -> Iterator[ProgressLine]:
    """A watcher that shows progress on a console."""
    line = ProgressLine(console, find)
    try:
        yield line
    finally:
        line.end()
