"""`with stopwatt.meter() as m:`: what a piece of code of this process used."""

import contextlib
import resource
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self

from stopwatt.analyse.metered import counted, metered_of, peak_memory, process_trace
from stopwatt.arguments import check_path, text
from stopwatt.devices.host import Host
from stopwatt.devices.resolve import kind_of
from stopwatt.energy import Trace
from stopwatt.errors import UsageError
from stopwatt.measuring.clock import now_ns
from stopwatt.metering import shared
from stopwatt.metering.traces import save_trace
from stopwatt.records import Measured, Reading
from stopwatt.reporting.meter import MeterResult

_ALONE_S = 0.1
"""CPU time that the samples show beyond the exact one of this process; what is more was that of its children."""
_KIB = 1024


class Meter(shared.Pending):
    """Meters what is done between its beginning and its end; see `meter`.

    It can be used again, and inside another one. What it read last is there after the end, also where the code raised.

    Args:
        device: `cpu`, `cuda`, `cuda:1`; empty for all of the machine.
    """

    def __init__(self, device: str = "") -> None:
        self._device = device
        self._sampler: shared.Sampler | None = None
        self._begin = _Moment()
        self._end: _Moment | None = None
        self._result: MeterResult | None = None
        self._traces: tuple[Trace, ...] = ()
        self._started_at = ""

    def __enter__(self) -> Self:
        if self._sampler is not None and self._end is None:
            raise UsageError("this meter is running already", now="use another one inside: with stopwatt.meter() as n:")
        sampler = shared.acquire(self._device)
        self._sampler, self._end, self._result = sampler, None, None
        self._started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._begin = _Moment.now()
        try:
            _finish_device_work()
        except BaseException:
            self._sampler = None
            shared.release(self._device)
            raise
        self._begin = _Moment.now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        assert self._sampler is not None  # noqa: S101  (a context manager is entered before it is left)
        try:
            with contextlib.nullcontext() if error is None else contextlib.suppress(Exception):  # that one weighs more
                _finish_device_work()
        finally:
            self._end = _Moment.now()
            self._sampler.waiting.add(self)
            shared.release(self._device)

    def settle(self) -> None:
        """Take what was read; nothing happens if that was done."""
        if self._result is None and self._sampler is not None and self._end is not None:
            self._traces = self._sampler.around(self._begin.time_ns, self._end.time_ns)
            self._sampler.waiting.discard(self)
            process = process_trace(self._traces)
            known = self._end.since(self._begin, process)
            metered = metered_of(self._traces, self._sampler.why, self._begin.time_ns, self._end.time_ns, known)
            self._result = MeterResult(replace(metered, started_at=self._started_at))

    @property
    def result(self) -> MeterResult:
        """All that was read.

        Raises:
            UsageError: The meter is still running, or was never used.
        """
        self.settle()
        if self._result is None:
            what = "the meter is still running" if self._sampler is not None else "the meter was never used"
            raise UsageError(what, now="ask behind the end of: with stopwatt.meter() as m:")
        return self._result

    @property
    def seconds(self) -> float:
        """From the beginning to the end; while it runs, until now."""
        if self._sampler is None:
            return self.result.seconds
        end_ns = now_ns() if self._end is None else self._end.time_ns
        return (end_ns - self._begin.time_ns) / 1e9

    @property
    def energy(self) -> Mapping[str, Reading]:
        """Scope (`gpu`, `package`, `dram`) -> joules."""
        return self.result.energy

    @property
    def power(self) -> Mapping[str, Reading]:
        """Scope -> mean watts."""
        return self.result.power

    @property
    def process(self) -> Mapping[str, Reading]:
        """What the kernel counted of this process, its threads and its children (`docs/meter.md`)."""
        return self.result.process

    def reading(self, name: str) -> Reading:
        """Joules of a scope (`gpu`, `package`, `dram`) or of one instrument (`gpu-1`).

        Raises:
            UsageError: No such name; or the meter is still running.
        """
        return self.result.reading(name)

    def table(self) -> None:
        """Print all of it."""
        self.result.table()

    def to_json(self) -> str:
        """The documented JSON."""
        return self.result.to_json()

    def save_trace(self, path: str | PathLike[str], *, overwrite: bool = False) -> None:
        """Write what the instruments said, for the meter `replay`.

        Args:
            path: Its ending names the format: .csv or .parquet.
            overwrite: Replace the file if it is there already.

        Raises:
            UsageError: Another ending, or the file is there already; or the meter is still running.
            StoreError: It cannot be written.
        """
        check_path("path", path)
        _ = self.result
        save_trace(Path(path), self._traces, origin_ns=self._begin.time_ns, overwrite=overwrite)

    def __repr__(self) -> str:
        if self._sampler is None or self._end is None:
            return f"<stopwatt meter, {'never used' if self._sampler is None else 'running'}>"
        return f"<stopwatt meter: {self.result.sentence()}>"


def meter(device: str = "") -> Meter:
    """A meter of energy and of what the kernel counts, around any code.

        with stopwatt.meter() as m:
            work()
        m.table()

    Work that a GPU was given before is finished before it begins, and work that it was given inside is finished before
    it ends, where torch is imported and has used CUDA.

    Args:
        device: Whose meters are wanted: `cpu`, `cuda`, `cuda:1`; empty for all of the machine.

    Raises:
        UsageError: No such device.
    """
    if text("device", device, "cpu, cuda or cuda:1; empty for all of the machine"):
        kind_of(device)
    return Meter(device)


@dataclass(frozen=True, slots=True)
class _Moment:
    """What the kernel has counted of this process until now, without its children."""

    time_ns: int = 0
    cpu_s: float = 0.0
    major_faults: int = 0
    switches: int = 0
    peak: int = 0
    resident: int = 0

    @classmethod
    def now(cls) -> "_Moment":
        used = resource.getrusage(resource.RUSAGE_SELF)
        pages = int((Host().text("proc/self/statm") or "0 0").split()[1])
        cpu_s = used.ru_utime + used.ru_stime
        resident = pages * resource.getpagesize()
        return cls(now_ns(), cpu_s, used.ru_majflt, used.ru_nivcsw, used.ru_maxrss * _KIB, resident)

    def since(self, begin: "_Moment", trace: Trace | None) -> dict[str, Reading]:
        """What is known more exactly than from samples: of this process, where the samples show no more than it."""
        known: dict[str, Reading] = {}
        exact_s = self.cpu_s - begin.cpu_s
        sampled = counted(trace, "own", begin.time_ns, self.time_ns, "s")
        if isinstance(sampled, Measured) and sampled.value <= exact_s + _ALONE_S:
            known["cpu_time"] = Measured(exact_s, "s")
            known["major_faults"] = Measured(float(self.major_faults - begin.major_faults), "1")
            known["switches"] = Measured(float(self.switches - begin.switches), "1")
        ends = max(begin.resident, self.resident)
        inside = peak_memory(trace, begin.time_ns, self.time_ns)
        highest = self.peak if self.peak > begin.peak else 0  # it rose, so the highest of all was inside
        sampled_peak = inside.value if isinstance(inside, Measured) else 0
        peak = max(highest, ends, sampled_peak)
        return known | {"peak_memory": Measured(float(peak), "B")}


def _finish_device_work() -> None:
    """Wait for every GPU that torch has given work to in this process. Imports nothing, wakes no GPU."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return
    current = torch.cuda.current_device()
    for index in range(torch.cuda.device_count()):
        if index == current or torch.cuda.memory_reserved(index):
            torch.cuda.synchronize(index)
