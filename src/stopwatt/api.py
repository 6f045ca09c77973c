"""The library: the same verbs as the command line, with results as objects."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.ablating import run_protocol
from stopwatt.analyse.row import Row
from stopwatt.analyse.summary import summarise
from stopwatt.arguments import (
    check_path,
    instance,
    integer,
    integers,
    named,
    numbers,
    scalar,
    scalars,
    several_named,
    text,
    texts,
    word,
)
from stopwatt.energy import RULES as ENERGY_RULES
from stopwatt.energy import EnergyRules, Grade, Telemetry
from stopwatt.errors import UsageError
from stopwatt.extensions import unknown
from stopwatt.measuring.function import measure_function
from stopwatt.measuring.job import Job, JobKind
from stopwatt.records import QUICK, Cell, Protocol, Scalar, Setup, Workload
from stopwatt.reporting.result import BenchResult
from stopwatt.reporting.sweep_result import SweepResult
from stopwatt.reporting.ways_result import ProtocolResult
from stopwatt.running import run_grid, run_request
from stopwatt.store import Access, open_store
from stopwatt.sweeping.design import Interactions
from stopwatt.sweeping.energycost import with_room
from stopwatt.sweeping.executors.choice import Executor
from stopwatt.sweeping.grid import Axis, Exclusion, Grid, deadlines_of
from stopwatt.sweeping.gridfile import read_grid_file
from stopwatt.sweeping.overlay import overlay
from stopwatt.sweeping.plan import Request, check_protocol
from stopwatt.sweeping.stages import CALLS, REPEATS, RULES, Question
from stopwatt.units import interval, quantity

if TYPE_CHECKING:
    from stopwatt.reporting.report import Written
    from stopwatt.reporting.selftest import SelfTestResult
    from stopwatt.store.foreign.bring import Brought


def bench(
    *workloads: str,
    params: Mapping[str, Scalar] | None = None,
    backends: str | Sequence[str] = ("auto",),
    precision: str | Sequence[str] = ("fp32",),
    batch: int | Sequence[int] = (1,),
    device: str = "cpu",
    threads: int = 0,
    protocol: Protocol | None = None,
    deadlines: Sequence[float] = (),
    energy: str | EnergyRules | None = None,
    telemetry: str | None = None,
    estimate_cpu_energy: float | None = None,
    baseline: bool = True,
    tag: str = "",
    store: str | None = None,
    allow: bool = False,
) -> BenchResult:
    """Measure models over runtimes, precisions and batch sizes.

    Args:
        *workloads: Names of built-in families, or `file.py:function`, `model.onnx`, ...
        params: Parameters of the workloads; `name`, or `workload.name` for one of them.
        backends: Names, `name:variant`, `auto` or `all`; one or several.
        precision: Of `fp32`, `tf32`, `fp16`, `bf16`, `int8`; one or several.
        batch: Samples per call; one number or several.
        device: `cpu`, `cuda`, `cuda:1`.
        threads: Host threads; 0 for all cores that may be used.
        protocol: The rules of measuring; 3 rounds of at most 300 trials and 3 s if absent.
        deadlines: Seconds that calls shall meet.
        energy: `screening`, to rank setups, `reported`, to publish, or own rules; what `protocol` says if absent.
        telemetry: `auto`, `on` or `off`: whether clocks, temperatures and counters are read meanwhile; likewise.
        estimate_cpu_energy: Watts of one busy core, for a rough estimate from CPU time; likewise.
        baseline: Whether fp32 eager is measured too.
        tag: A name for the run.
        store: Results database; `$STOPWATT_STORE` or `./stopwatt.db` if absent.
        allow: Measure even on a machine that is not fit.

    Returns:
        One row per setup; failures are rows with a status and a reason.

    Raises:
        UsageError: The request cannot be met.
        EnvironmentUnfit: The machine is not fit to measure on.
        StoreError: The results cannot be saved.
    """
    _check_common(workloads, protocol, tag, store)
    asked = Request(
        workloads,
        _params(params),
        texts("backends", backends, 'names, such as ["eager", "onnxruntime"]'),
        texts("precision", precision, 'names, such as ["fp32", "bf16"]'),
        integers("batch", batch, "whole numbers, such as [1, 8]"),
        text("device", device, "cpu, cuda or cuda:1"),
        integer("threads", threads, "a whole number; 0 for all cores"),
        _metered(protocol or QUICK, energy, telemetry, estimate_cpu_energy),
        baseline,
        tag,
    )
    return run_request(asked, store=store, allow=allow, deadlines=deadlines_of(deadlines))


def sweep(
    *workloads: str,
    grid: str | Path | None = None,
    axes: Mapping[str, Scalar | Iterable[Scalar]] | None = None,
    zips: Sequence[Mapping[str, Iterable[Scalar]]] = (),
    exclude: Sequence[Mapping[str, Scalar | Iterable[Scalar]]] = (),
    params: Mapping[str, Scalar] | None = None,
    device: str | None = None,
    protocol: Protocol | None = None,
    deadlines: Sequence[float] = (),
    energy: str | EnergyRules | None = None,
    telemetry: str | None = None,
    estimate_cpu_energy: float | None = None,
    tag: str = "",
    store: str | None = None,
    allow: bool = False,
    executor: str = "process",
    machines: Sequence[str] = (),
) -> SweepResult:
    """Measure a grid: all combinations of the values of its axes.

    Args:
        *workloads: As for `bench`.
        grid: A grid file (`docs/sweep.md`); what the other arguments say wins over it.
        axes: Coordinate -> values: any parameter of the workload, `batch`, `backend`, `precision`, `threads`, `device`,
            `boundary`. A text `1..8` doubles from 1 to 8.
        zips: Axes of equal length whose values go together.
        exclude: What to leave out: cells that have one of the values of every axis named.
        params: Parameters that are the same for all cells.
        device: `cpu`, `cuda`, `cuda:1`.
        protocol: The rules of measuring; 3 rounds of 1,000 trials, at most 10 s each, if absent.
        deadlines: Seconds that calls shall meet.
        energy: `screening`, to rank setups, `reported`, to publish, or own rules; what `protocol` says if absent.
        telemetry: `auto`, `on` or `off`: whether clocks, temperatures and counters are read meanwhile; likewise.
        estimate_cpu_energy: Watts of one busy core, for a rough estimate from CPU time; likewise.
        tag: A name for the run.
        store: Results database; `$STOPWATT_STORE` or `./stopwatt.db` if absent.
        allow: Measure even on a machine that is not fit.
        executor: `process` (here), `ray` or `ray:ADDRESS` (the nodes of a cluster).
        machines: With `ray`: the kinds of machines that shall measure, by digest, node name or label.

    Returns:
        One row per cell; failures are rows with a status and a reason.

    Raises:
        UsageError: The grid is none.
        EnvironmentUnfit: The machine is not fit to measure on.
        StoreError: The results cannot be saved.
    """
    _check_common(workloads, protocol, tag, store)
    text("executor", executor, "process, ray or ray:ADDRESS")
    where = texts("machines", machines, "digests, node names or labels")
    example = '{"hidden": [64, 128]}'
    several = named("axes", {} if axes is None else axes, example)
    single = {**({"workload": workloads} if workloads else {}), **_params(params), **several}
    single |= {} if device is None else {"device": text("device", device, "cpu, cuda or cuda:1")}
    below = Grid(()) if grid is None else _grid_file(grid)
    above = Grid(
        (
            *((Axis.of(*pair),) for pair in single.items()),
            *(_together(one) for one in several_named("zips", zips, example)),
        ),
        tuple(Exclusion(_together(one)) for one in several_named("exclude", exclude, example)),
        _metered(protocol or below.protocol, energy, telemetry, estimate_cpu_energy),
        deadlines_of(deadlines) or below.deadlines,
        tag or below.tag,
    )
    return run_grid(overlay(below, above), store=store, allow=allow, executor=Executor.read(executor, where))


def _check_common(workloads: tuple[str, ...], protocol: Protocol | None, tag: str, store: str | None) -> None:
    """Refuse arguments of `bench` and `sweep` alike that are of another type."""
    for source in workloads:
        text("a workload", source, "names one by one, such as 'lstm', 'mlp'")
    if protocol is not None:
        instance("protocol", protocol, Protocol, "a stopwatt.Protocol, such as stopwatt.THOROUGH")
    text("tag", tag, "text")
    if store is not None:
        check_path("store", store)


def _metered(
    rules: Protocol, energy: str | EnergyRules | None, telemetry: str | None, cpu_watts: float | None
) -> Protocol:
    """The protocol with what the arguments about energy add to it, and time for it."""
    given: dict[str, Any] = {}
    if telemetry is not None:
        given["telemetry"] = word("telemetry", telemetry, Telemetry)
    if cpu_watts is not None:
        (given["cpu_watts"],) = numbers("estimate_cpu_energy", [cpu_watts], "watts of one busy core")
    if energy is None:
        return replace(rules, **given)
    asked = energy if isinstance(energy, EnergyRules) else ENERGY_RULES[word("energy", energy, Grade)]
    return with_room(replace(rules, energy=asked, **given))


def _grid_file(where: str | Path) -> Grid:
    check_path("grid", where)
    return read_grid_file(Path(where))


def _params(given: Mapping[str, Scalar] | None) -> dict[str, Scalar]:
    """Parameters, each with one value."""
    pairs = named("params", {} if given is None else given, '{"hidden": 64}')
    return {name: scalar(f"the parameter {name}", value) for name, value in pairs.items()}


def _together(axes: Mapping[str, Scalar | Iterable[Scalar]]) -> tuple[Axis, ...]:
    return tuple(Axis.of(*pair) for pair in axes.items())


def protocol(
    workload: str,
    *,
    params: Mapping[str, Scalar] | None = None,
    backend: str = "eager",
    precision: str = "fp32",
    batch: int = 1,
    device: str = "cpu",
    threads: int = 0,
    factors: str | Sequence[str] = (),
    levels: Mapping[str, Scalar | Iterable[Scalar]] | None = None,
    ways: str | Sequence[str] = (),
    interactions: str | None = None,
    full: bool = False,
    repeats: int = REPEATS,
    calls: int = CALLS,
    seed: int = 0,
    timeout_s: float | None = None,
    tag: str = "",
    store: str | None = None,
    allow: bool = False,
) -> ProtocolResult:
    """Time one model in other ways than stopwatt's: what would each of them report?

    In each round, a fresh process, all ways are timed on the same instance of the model, each between two series of the
    reference, which is how `bench` measures latency.

    Args:
        workload: As for `bench`.
        params: Parameters of the workload.
        backend: A name, or `name:variant`.
        precision: `fp32`, `tf32`, `fp16`, `bf16` or `int8`.
        batch: Samples per call.
        device: `cpu`, `cuda`, `cuda:1`.
        threads: Host threads; 0 for all cores that may be used.
        factors: Of `warmup`, `sync`, `timer`, `inputs`, `cache`, `gc`, `threads`, `copies`, `idle`, `load`; `all`.
            Without any those of `levels`, or all.
        levels: Factor -> levels instead of the usual ones: `{"timer": ["time"], "idle": ["1ms", 0.1]}`.
        ways: Exactly these instead of a design, such as `sync=none timer=time`.
        interactions: Which pairs of changes follow the single ones: `heredity` (of those that matter; if absent),
            `none` or `all`.
        full: Every combination of all levels.
        repeats: Rounds of each way.
        calls: Of a series, at most.
        seed: Of weights, inputs and the order of ways.
        timeout_s: Longest round; 600 s, and more for many ways, if absent.
        tag: A name for the run.
        store: Results database; `$STOPWATT_STORE` or `./stopwatt.db` if absent.
        allow: Measure even on a machine that is not fit.

    Returns:
        What each way reports against the reference, with its interval and a sentence.

    Raises:
        UsageError: The request cannot be met: an unknown name, or ways that contradict themselves.
        EnvironmentUnfit: The machine is not fit to measure on.
        StoreError: The results cannot be saved.
    """
    rules = replace(RULES, seed=integer("seed", seed, "a whole number"))
    if timeout_s is not None:
        (seconds,) = numbers("timeout_s", [timeout_s], "seconds")
        rules = replace(rules, timeout_s=seconds)
    _check_common((workload,), rules, tag, store)
    check_protocol(rules)
    asked = Request(
        (workload,),
        _params(params),
        (text("backend", backend, "a name, such as 'eager'"),),
        (text("precision", precision, "a name, such as 'fp32'"),),
        (integer("batch", batch, "a whole number"),),
        text("device", device, "cpu, cuda or cuda:1"),
        integer("threads", threads, "a whole number; 0 for all cores"),
        rules,
        baseline=False,
        tag=tag,
    )
    question = Question(
        texts("factors", factors, 'names, such as ["sync", "timer"]'),
        _levels(levels),
        texts("ways", ways, 'ways, such as ["sync=none timer=time"]'),
        full,
        None if interactions is None else _interactions(interactions),
        integer("repeats", repeats, "a whole number"),
        integer("calls", calls, "a whole number"),
    )
    return run_protocol(asked, question, store=store, allow=allow)


def _levels(given: Mapping[str, Scalar | Iterable[Scalar]] | None) -> dict[str, tuple[Scalar, ...]]:
    pairs = named("levels", {} if given is None else given, '{"timer": ["time", "events"]}')
    return {name: tuple(scalars(f"levels of {name}", values)) for name, values in pairs.items()}


def _interactions(word: str) -> Interactions:
    if word not in list(Interactions):
        raise unknown("choice of interactions", str(word), Interactions)
    return Interactions(word)


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


def import_table(
    path: str | Path, *, axis: str | Sequence[str] = (), tag: str = "", store: str | None = None, **columns: str
) -> "Brought":
    """Bring a table that somebody else made into the results database; a second time brings nothing new.

    Args:
        path: CSV, TSV, JSON lines or Parquet; the ending names the format.
        axis: Columns that say what was measured.
        tag: A name for the run.
        store: Results database; `$STOPWATT_STORE` or `./stopwatt.db` if absent.
        **columns: What the other columns mean: `time`, `trials`, `unit`, `round`, `count`, `sd`, `batch`, `backend`,
            `precision`, `device`, `threads`, `machine`, `name`, `by`, `separator`, `decimal`, as the command has them.

    Raises:
        UsageError: The file, a column, a unit or a line is not what it should be. Nothing is stored then.
        StoreError: The results cannot be saved.
    """
    from stopwatt.store.foreign.bring import bring_table, read_table
    from stopwatt.store.foreign.spec import TableSpec

    known = [field.name for field in fields(TableSpec)]
    for name in columns:
        if name not in known:
            raise unknown("argument of import_table", name, known)
    spec = TableSpec((axis,) if isinstance(axis, str) else tuple(axis), **columns)
    table = read_table(Path(path), spec, tag=tag)
    with open_store(store) as results:
        return bring_table(results, table)


def report(
    *runs: str,
    out: str | Path = "report.html",
    deadlines: Iterable[float] = (),
    store: str | None = None,
    overwrite: bool = False,
) -> "Written":
    """Write one page with findings, tables, figures and the distribution of every cell.

    Args:
        *runs: Ids of runs, tags, `last`, `last~1`; the latest run without any.
        out: The file. One that is a report is replaced; anything else only with `overwrite`.
        deadlines: Seconds; misses and their upper bound are shown beside those that a run was begun with.
        store: Results database; `$STOPWATT_STORE` or `./stopwatt.db` if absent.
        overwrite: Whether any file may be replaced.

    Returns:
        Where it is, its size and what was found.

    Raises:
        UsageError: No such run, a deadline out of range, a name that is taken, or more cells than a page holds.
        StoreError: The results cannot be read, or the page cannot be written.
    """
    from stopwatt.reporting.report import write_report  # with Altair: not for every command

    asked = deadlines_of(deadlines)
    with open_store(store, access=Access.READ) as results:
        return write_report(results, Path(out), runs, deadlines=asked, overwrite=overwrite)


def selftest(*only: str, device: str = "cpu", thorough: bool = False, store: str | None = None) -> "SelfTestResult":
    """Test that this machine, with this tool on it, measures what it claims: planted truths, measured and judged.

    Args:
        *only: Names of claims; all of the device without any.
        device: `cpu`; `cuda` or `cuda:1` adds the claims about that GPU.
        thorough: Take about ten minutes instead of one.
        store: Results database that keeps the claims; `$STOPWATT_STORE` or `./stopwatt.db` if absent.

    Returns:
        The claims with their verdicts; `raise_for_status()` raises if one fails.

    Raises:
        UsageError: No such claim or device.
        EnvironmentUnfit: There is no driver for the device.
        StoreError: The claims cannot be saved.
    """
    from stopwatt.selftesting.run import run_selftest

    return run_selftest(only, device=device, thorough=thorough, store=store, command="stopwatt.selftest()")
