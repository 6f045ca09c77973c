"""`stopwatt meter -- COMMAND`: what a program used."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from stopwatt.analyse.metered import metered_of, peak_of_command, process_trace
from stopwatt.devices.resolve import kind_of
from stopwatt.energy import Trace
from stopwatt.measuring.clock import now_ns
from stopwatt.metering import shared
from stopwatt.metering.command import check_command, run_command
from stopwatt.metering.running import Running
from stopwatt.metering.traces import save_trace
from stopwatt.reporting.meter import MeterResult

_BEHIND_NS = 150_000_000
"""The live line asks for rows that are there already: it waits for none."""
LINE_S, ROWS_S = 0.25, 30.0
"""Between two looks: with a line that somebody reads, and without, when rows are only taken over."""


@dataclass(frozen=True, slots=True)
class MeteredCommand:
    """A command that was metered.

    Attributes:
        result: What it used.
        code: Its exit code as a shell has it.
    """

    result: MeterResult
    code: int
    traces: tuple[Trace, ...]
    begin_ns: int

    def save_trace(self, path: Path, *, overwrite: bool = False) -> tuple[Path, ...]:
        """Write what the instruments said (`metering.traces.save_trace`)."""
        return save_trace(path, self.traces, origin_ns=self.begin_ns, overwrite=overwrite)


def meter_command(
    command: Sequence[str], *, device: str = "", show: Callable[[str], None] | None = None
) -> MeteredCommand:
    """Run a command with our standard streams, and meter it. In the main thread only.

    Args:
        command: The program and its arguments.
        device: Whose meters are wanted; empty for all of the machine.
        show: Called four times a second with a line on what it has used so far.

    Raises:
        UsageError: Nothing to run, or no such device.
        NotStarted: No such program, or none that can be run.
    """
    check_command(command)
    if device:
        kind_of(device)
    sampler = shared.Sampler(device)
    try:
        started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        look = partial(_take_over, sampler) if show is None else _watch(sampler, show)
        ended = run_command(command, sampler.follow, look, ROWS_S if show is None else LINE_S)
        traces = sampler.around(ended.begin_ns, ended.end_ns)
        usage, source = peak_of_command(ended.usage, process_trace(traces))
        metered = metered_of(traces, sampler.why, ended.begin_ns, ended.end_ns, usage)
    finally:
        sampler.close()
    sources = {"peak_memory": source} if source else {}
    metered = replace(metered, command=tuple(command), exit_code=ended.code, started_at=started_at, sources=sources)
    return MeteredCommand(MeterResult(metered), ended.code, traces, ended.begin_ns)


def _take_over(sampler: shared.Sampler) -> None:
    sampler.update(now_ns() - _BEHIND_NS)


def _watch(sampler: shared.Sampler, show: Callable[[str], None]) -> Callable[[], None]:
    running = Running(now_ns())

    def look() -> None:
        now = now_ns()
        running.add(sampler.update(now - _BEHIND_NS))
        show(running.text(now, sampler.why))

    return look
