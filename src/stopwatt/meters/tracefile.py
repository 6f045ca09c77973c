"""What a sampler writes and its parent reads: one JSON array a line, in a file that has no name.

    ["looking", "nvml"]                      this meter looks for its instruments now
    ["found", {about, why, missing}]         all have looked
    ["row", 0, 123456789, {"energy": 1.5}]   instrument 0 said this at that time (ns, monotonic clock)
    ["gone", 0, 123456789, "why"]            instrument 0 says nothing more
    ["until", 123456789]                     everything up to this time is written

A line that a killed writer left unfinished is not read.
"""

import contextlib
import ctypes
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np

from stopwatt import wire
from stopwatt.energy import About, Scope, Trace

_BLOCK = 4096
_KEEP_SIZE, _PUNCH_HOLE = 1, 2
"""Of fallocate(2)."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found before anything was read.

    Attributes:
        about: Of each instrument; rows name it by its place here.
        why: For each scope without an instrument, the reason.
        missing: For each meter without an instrument, the reason.
    """

    about: tuple[About, ...] = ()
    why: Mapping[Scope, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)


class TraceWriter:
    """The sampler's side."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def looking(self, meter: str) -> None:
        """A meter looks for instruments now; if nothing follows, it is what hangs."""
        self._write("looking", meter)
        self.flush()

    def found(self, findings: Findings) -> None:
        """All have looked."""
        self._write("found", wire.to_document(findings))
        self.flush()

    def row(self, place: int, time_ns: int, reading: Mapping[str, float]) -> None:
        """What an instrument said; values that are not finite were not read."""
        self._write("row", place, time_ns, {name: value for name, value in reading.items() if math.isfinite(value)})

    def gone(self, place: int, time_ns: int, why: str) -> None:
        """An instrument says nothing more."""
        self._write("gone", place, time_ns, why)

    def until(self, time_ns: int) -> None:
        """Everything up to this time is written: hand it over."""
        self._write("until", time_ns)
        self.flush()

    def flush(self) -> None:
        """Hand over what was written."""
        self._stream.flush()

    def _write(self, *line: Any) -> None:
        self._stream.write(f"{json.dumps(line, separators=(',', ':'))}\n")


@dataclass(slots=True)
class _Rows:
    """Of one instrument, in the order of time."""

    times: list[int] = field(default_factory=list)
    readings: list[Mapping[str, float]] = field(default_factory=list)
    gone_ns: int = 0
    gone: str = ""

    def add(self, time_ns: int, reading: Mapping[str, float]) -> None:
        if not self.times or time_ns > self.times[-1]:
            self.times.append(time_ns)
            self.readings.append(reading)

    def forget_before(self, time_ns: int) -> None:
        kept = int(np.searchsorted(self.times, time_ns))
        del self.times[:kept], self.readings[:kept]

    def trace(self, about: About, end_ns: int, gone: str) -> Trace:
        kept = int(np.searchsorted(self.times, end_ns, side="right"))
        readings = self.readings[:kept]
        names = sorted({name for reading in readings for name in reading})
        return Trace(
            about,
            np.array(self.times[:kept], dtype=np.int64),
            {name: np.array([reading.get(name, np.nan) for reading in readings], dtype=np.float64) for name in names},
            self.gone if self.gone and self.gone_ns <= end_ns else gone,
        )


class TraceReader:
    """The parent's side. It moves no position of the writer's, for it reads at places of its own.

    Args:
        file: Descriptor of the file that the writer appends to.

    Attributes:
        offset: How much was read.
        looking: Meter that looked for its instruments last.
        findings: What was found; `None` as long as that is not said.
        first_ns, until_ns: Everything from the first to the second time is here.
    """

    def __init__(self, file: int) -> None:
        self._file = file
        self.offset = 0
        self._rest = b""
        self._rows: list[_Rows] = []
        self.looking = ""
        self.findings: Findings | None = None
        self.first_ns = self.until_ns = 0

    def update(self) -> None:
        """Read what is new."""
        while block := os.pread(self._file, 1 << 20, self.offset):
            self.offset += len(block)
            *lines, self._rest = (self._rest + block).split(b"\n")
            for line in lines:
                self._take(json.loads(line))

    def forget_before(self, time_ns: int) -> None:
        """Give back the memory of older rows, and the room that everything read so far takes on the disk."""
        for rows in self._rows:
            rows.forget_before(time_ns)
        _punch(self._file, self.offset)

    def traces(self, end_ns: int, gone: str = "") -> tuple[Trace, ...]:
        """What was said until then and is not forgotten.

        Args:
            end_ns: On the monotonic clock.
            gone: Why nothing more will come; for instruments that did not say so themselves.
        """
        about = self.findings.about if self.findings else ()
        return tuple(rows.trace(one, end_ns, gone) for one, rows in zip(about, self._rows, strict=True))

    def counted(self) -> Sequence[Sequence[tuple[int, float]]]:
        """For each instrument, the times (ns) and joules of its counter."""
        return [_counts(rows) for rows in self._rows]

    def _take(self, line: list[Any]) -> None:
        match line:
            case ["row", place, time_ns, reading]:
                self._rows[place].add(time_ns, reading)
            case ["until", time_ns]:
                self.first_ns, self.until_ns = self.first_ns or time_ns, time_ns
            case ["gone", place, time_ns, why]:
                self._rows[place].gone_ns, self._rows[place].gone = time_ns, why
            case ["looking", meter]:
                self.looking = meter
            case ["found", document]:
                self.findings = wire.from_document(Findings, document)
                self._rows = [_Rows() for _ in self.findings.about]


def _counts(rows: _Rows) -> Sequence[tuple[int, float]]:
    both = zip(rows.times, rows.readings, strict=True)
    return [(time_ns, reading["energy"]) for time_ns, reading in both if "energy" in reading]


def _punch(file: int, end: int) -> None:
    """Give back the disk's blocks before a place in a file, where its file system can; its length stays."""
    whole = end // _BLOCK * _BLOCK
    if whole:
        with contextlib.suppress(OSError, AttributeError):
            libc = ctypes.CDLL(None, use_errno=True)
            libc.fallocate(file, _PUNCH_HOLE | _KEEP_SIZE, ctypes.c_int64(0), ctypes.c_int64(whole))
