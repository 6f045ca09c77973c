"""Measuring any function, in this process."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.analyse.row import Row
from stopwatt.analyse.summary import summarise
from stopwatt.errors import UsageError
from stopwatt.measuring.function import measure_function
from stopwatt.measuring.job import Job, JobKind
from stopwatt.records import QUICK, Cell, Protocol, Setup, Workload
from stopwatt.sweeping.plan import check_protocol
from stopwatt.units import interval, quantity


@dataclass(frozen=True, slots=True)
class CallResult:
    """What `measure` returns.

    Attributes:
        row: The summary; `row.estimates["latency"]` is the median with its interval.
        latency_s: Every trial in seconds, in order.
    """

    row: Row
    latency_s: NDArray[np.float64]

    def __str__(self) -> str:
        median = self.row.estimates["latency"]
        if median.value is None:  # shorter than the clock's tick
            return f"{self.row.cell.workload.source}: - ({median.why})"
        bounded = median.low is not None and median.high is not None
        text = (
            interval(median.value, median.low or 0, median.high or 0, "s") if bounded else quantity(median.value, "s")
        )
        notes = "".join(f"\n! {counted.note.text}" for counted in self.row.notes)
        return f"{self.row.cell.workload.source}: {text} ({median.n} trials, {median.method}){notes}"


def measure(
    function: Callable[..., Any],
    *,
    inputs: Sequence[Any] = (),
    input_sets: Sequence[tuple[Any, ...]] | None = None,
    protocol: Protocol | None = None,
) -> CallResult:
    """Time any function in this process.

    Args:
        function: Anything callable.
        inputs: Its positional arguments.
        input_sets: Several tuples of arguments that take turns, instead of `inputs`: a function that remembers its
            results by argument shows its memory otherwise.
        protocol: Warm-up, trials and time budget.

    Returns:
        The trials and their summary. One process says nothing about the next one: its interval is labelled so.

    Raises:
        UsageError: `function` is a coroutine function, `input_sets` is empty, or a rule is out of range.
    """
    sets = [tuple(inputs)] if input_sets is None else [tuple(one) for one in input_sets]
    if not sets:
        raise UsageError("input_sets is empty", now="give at least one tuple of arguments")
    rules = protocol or QUICK
    check_protocol(rules)
    answer = measure_function(function, sets, rules)
    name = getattr(function, "__qualname__", type(function).__name__)
    cell = Cell(Workload(name), Setup(backend="function"), rules)
    one = answer.measurement(Job(JobKind.MEASURE, cell, bundle=""))
    (row,) = summarise([one], deadlines=None if rules.paced is None else ())
    trials = answer.samples["latency"]
    return CallResult(row, trials.values / 1e9)
