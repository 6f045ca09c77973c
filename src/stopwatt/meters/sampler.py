"""The process that reads instruments while another one is measured. It may hang or die; nothing else does with it.

`python -m stopwatt.meters.sampler --device cuda --energy` shows by hand what it writes (`tracefile`). Counters are read
every `About.poll_s`, and a row is written when one has changed, so that rows stand at the counter's ticks; everything
else is read ten times a second. Reads happen at absolute times: one that takes long delays no later one. On standard
input it is told whom to follow, and it ends when that ends.
"""

import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from stopwatt.devices.parent import die_with, ignore_interrupts
from stopwatt.energy import Scope
from stopwatt.meters import catalogue
from stopwatt.meters.base import Follower, Gone, Instrument
from stopwatt.meters.tracefile import Findings, TraceWriter
from stopwatt.text import one_line

STATE_S = 0.1
"""Time between two readings of everything but the counters."""
_NS = 1_000_000_000

Read = TypeVar("Read")


@dataclass(slots=True)
class _Source:
    """An instrument, its number in the file, and what its counter said when."""

    place: int
    instrument: Instrument
    joules: float | None = None
    written_ns: int = 0
    silent: bool = False


@dataclass(slots=True)
class _Due:
    """Something to read again and again.

    Attributes:
        source: Its counter; `None` stands for the state of all.
    """

    period_ns: int
    at_ns: int
    source: _Source | None = None

    def put_off(self, now_ns: int) -> None:
        """To the next of its times that has not passed."""
        self.at_ns += self.period_ns * max(1, -(-(now_ns - self.at_ns) // self.period_ns))


class Sampler:
    """Reads instruments, and writes down what they say.

    Args:
        instruments: Opened.
        writer: Takes the rows.
        energy: Whether counters are read.
        clock: Nanoseconds of the monotonic clock.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        writer: TraceWriter,
        *,
        energy: bool,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._sources = [_Source(place, one) for place, one in enumerate(instruments)]
        self._counters = [one for one in self._sources if energy and one.instrument.about.scope is not Scope.NONE]
        self._writer = writer
        self._clock = clock
        self._sleep = sleep

    def run(self, going: Callable[[], bool]) -> None:
        """Read until told to end.

        Args:
            going: Asked ten times a second.
        """
        now = self._clock()
        timetable = [_Due(round(STATE_S * _NS), now)]
        timetable += [_Due(round(one.instrument.about.poll_s * _NS), now, one) for one in self._counters]
        while True:
            due = min(timetable, key=lambda one: one.at_ns)
            self._sleep(max(0, due.at_ns - self._clock()) / _NS)
            if due.source is not None:
                self._count(due.source)
            elif going():
                self._read_states()
            else:
                return
            due.put_off(self._clock())

    def follow(self, pid: int) -> None:
        """This process is measured from now on."""
        for source in self._sources:
            if isinstance(source.instrument, Follower):
                instrument: Follower = source.instrument
                self._guarded(source, lambda one=instrument: one.follow(pid))  # type: ignore[misc]  # bound at once

    def close(self) -> None:
        """Give the instruments back."""
        for source in self._sources:
            self._guarded(source, source.instrument.close)

    def _read_states(self) -> None:
        for source in self._sources:
            reading = self._guarded(source, source.instrument.state)
            if reading:
                self._writer.row(source.place, self._clock(), reading)
        self._writer.until(self._clock())

    def _count(self, source: _Source) -> None:
        """A row if the counter has changed; and one ten times a second while it stands still, which shows that."""
        joules = self._guarded(source, source.instrument.count)
        now = self._clock()
        if joules is not None and (joules != source.joules or now - source.written_ns >= STATE_S * _NS):
            source.joules, source.written_ns = joules, now
            self._writer.row(source.place, now, {"energy": joules})

    def _guarded(self, source: _Source, call: Callable[[], Read]) -> Read | None:
        """What foreign code returns; an instrument that raises has said its last word."""
        if source.silent:
            return None
        try:
            return call()
        except Gone as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001  (a vendor's library may raise anything)
            why = f"reading it failed: {one_line(f'{type(error).__name__}: {error}')}"
        source.silent = True
        self._writer.gone(source.place, self._clock(), why)
        return None


class Orders:
    """What the parent writes to standard input: `follow PID`; its end ends the sampler."""

    def __init__(self, follow: Callable[[int], None], source: int = 0) -> None:
        self._follow = follow
        self._source = source
        os.set_blocking(source, False)

    def __call__(self) -> bool:
        """Carry out what has come; whether to go on."""
        try:
            text = os.read(self._source, 1 << 16)
        except BlockingIOError:
            return True
        for line in text.decode().splitlines():
            self._follow(int(line.removeprefix("follow ")))
        return bool(text)


def main(arguments: Sequence[str] | None = None) -> None:
    """Look for instruments, say what was found, and read them until standard input ends."""
    parser = ArgumentParser(prog="python -m stopwatt.meters.sampler", description="Read instruments.")
    parser.add_argument("--device", default="", help="cpu, cuda or cuda:1; by default all of the machine")
    parser.add_argument("--energy", action="store_true", help="read counters too")
    parser.add_argument("--file", type=int, default=1, help="descriptor of the file that is written")
    parser.add_argument("--parent", type=int, default=0, help="process without which this one ends")
    parser.add_argument("--meter", action="append", help="a meter to use, and no other")
    parser.add_argument(
        "--without", nargs=2, action="append", default=[], metavar=("METER", "WHY"), help="a meter to leave out"
    )
    options = parser.parse_args(arguments)
    die_with(options.parent)
    ignore_interrupts()
    with os.fdopen(options.file, "w", encoding="utf-8", closefd=False) as stream:
        writer = TraceWriter(stream)
        found = catalogue.find(options.device, options.meter, without=dict(options.without), looking=writer.looking)
        writer.found(Findings(tuple(one.about for one in found.instruments), found.why, found.missing))
        sampler = Sampler(found.instruments, writer, energy=options.energy)
        sampler.run(Orders(sampler.follow))
        sampler.close()


if __name__ == "__main__":
    main(sys.argv[1:])
