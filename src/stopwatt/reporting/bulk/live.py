"""A bulk run while it goes on: a few lines on a terminal, now and then one line elsewhere.

On a terminal the lines are drawn again at each tick, once a second, and never in between; what must be known stays
above them. In a file there is one line after 10 s and then one a minute.
"""

from collections import deque
from collections.abc import Iterator
from threading import Lock

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from stopwatt import units
from stopwatt.bulk.records import Idle, Layout, Tick
from stopwatt.text import one_line

LATELY_S = 10.0
"""Rates and waiting are means over so long."""
FIRST_S, EVERY_S = 10.0, 60.0
"""When lines are written where nothing can be drawn again."""
_BAR = 24
_MOST_INSTRUMENTS = 4
_NS = 1e9


class LivePanel:
    """Watches a run on a console.

    Args:
        console: A terminal, or anything else.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = Lock()
        self._live: Live | None = None
        self._images = self._before = 0
        self._layout: Layout | None = None
        self._lately: deque[Tick] = deque()
        self._written_s = -EVERY_S + FIRST_S
        self._begin_ns: int | None = None

    def begin(self, images: int, done: int, layout: Layout) -> None:
        """The images are known."""
        self._images, self._before, self._layout = images, done, layout
        if done:
            self._console.print(f"going on: {done:,} of {images:,} images were done by an earlier start")
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
            self._live.update(Text("loading the model ...", style="quiet"), refresh=True)

    def say(self, sentence: str) -> None:
        """A line that stays."""
        with self._lock:
            self._console.print(Text(one_line(sentence), style="quiet"))

    def tick(self, tick: Tick) -> None:
        """A second later."""
        with self._lock:
            if tick.done + tick.failed and self._lately and not self._lately[-1].done + self._lately[-1].failed:
                self._lately.clear()  # of the time before the first image, of which nothing counts
            self._begin_ns = tick.at_ns if self._begin_ns is None else self._begin_ns
            self._lately.append(tick)
            while tick.at_ns - self._lately[0].at_ns > LATELY_S * _NS:
                self._lately.popleft()
            if self._live is not None:
                self._live.update(self._panel(tick), refresh=True)
            elif not self._console.is_terminal:
                self._write((tick.at_ns - self._begin_ns) / _NS, tick)

    def end(self) -> None:
        """Leave what was said, and nothing else."""
        with self._lock:
            if self._live is not None:
                self._live.stop()
                self._live = None

    def _write(self, seconds: float, tick: Tick) -> None:
        if seconds - self._written_s >= EVERY_S:
            self._written_s = seconds
            self._console.print(Text(" · ".join([*self._progress(tick), *self._state(tick)])), soft_wrap=True)

    def _panel(self, tick: Tick) -> Group:
        done, *rest = self._progress(tick)
        head = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=max(self._images, 1), completed=self._through(tick), width=_BAR)
        head.add_row(done, bar, " · ".join(rest))
        lines = (" · ".join(self._state(tick)), " · ".join(_instruments(tick)))
        return Group(head, *(Text(line, style="quiet", no_wrap=True, overflow="ellipsis") for line in lines if line))

    def _through(self, tick: Tick) -> int:
        return self._before + tick.done + tick.failed

    def _progress(self, tick: Tick) -> Iterator[str]:
        """`1,200/2,000`, `43.1 images/s`, `about 19 s left`, `3 failed`."""
        through, first = self._through(tick), self._lately[0]
        yield f"{through:,}/{self._images:,} images"
        seconds = (tick.at_ns - first.at_ns) / _NS
        rate = (through - self._through(first)) / seconds if seconds else 0.0
        if rate:
            yield f"{units.quantity(rate, '1')} images/s"
            if through < self._images:
                yield f"about {units.duration((self._images - through) / rate)} left"
        elif not tick.done:
            yield "loading the model, measuring ceilings"
        if tick.failed:
            yield f"{tick.failed:,} failed"

    def _state(self, tick: Tick) -> Iterator[str]:
        """`queue 12/32`, `model waits 3 %`, `decoders wait 71 %`, `1.9 cores`, `812 MiB`."""
        first = self._lately[0]
        seconds = (tick.at_ns - first.at_ns) / _NS
        if tick.room:
            yield f"queue {tick.queued:,}/{tick.room:,}"
        if seconds and self._layout is not None:
            yield f"model waits {_share(first, tick, Idle.WORKERS, max(len(tick.by_worker), 1) * seconds)}"
            if tick.room:
                yield f"decoders wait {_share(first, tick, Idle.DECODERS, self._layout.decoders * seconds)}"
        if seconds and tick.cpu_s is not None and first.cpu_s is not None:
            yield f"{max(0.0, tick.cpu_s - first.cpu_s) / seconds:.1f} cores"
        if tick.rss_bytes is not None:
            yield units.quantity(tick.rss_bytes, "B")
        if tick.unwritten > tick.room:
            yield f"{tick.unwritten:,} results wait for the disk"


def _share(first: Tick, last: Tick, who: Idle, server_s: float) -> str:
    waited = last.idle_s.get(who, 0.0) - first.idle_s.get(who, 0.0)
    return f"{100 * min(1.0, max(0.0, waited / server_s)):.0f} %" if server_s else "-"


def _instruments(tick: Tick) -> Iterator[str]:
    """`gpu-0 97 % 413 W`."""
    names = dict.fromkeys(name.rpartition(".")[0] for name in tick.readings)
    shown = 0
    for name in names:
        busy, watts = (tick.readings.get(f"{name}.{channel}") for channel in ("utilisation", "power"))
        if busy is None and watts is None:
            continue
        shown += 1
        if shown > _MOST_INSTRUMENTS:
            yield "..."
            return
        parts = ("" if busy is None else f" {busy:.0f} %", "" if watts is None else f" {units.quantity(watts, 'W')}")
        yield name + "".join(parts)
