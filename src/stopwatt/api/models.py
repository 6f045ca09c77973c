"""Measuring models: one after another, or a grid of them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from stopwatt.api.checks import check_common, drawn, metered
from stopwatt.arguments import (
    check_path,
    integer,
    integers,
    named,
    parameters,
    several_named,
    text,
    texts,
)
from stopwatt.datasets.labelled import Data
from stopwatt.energy import EnergyRules
from stopwatt.records import QUICK, Protocol, Scalar
from stopwatt.reporting.result import BenchResult
from stopwatt.reporting.sweep_result import SweepResult
from stopwatt.running import run_grid, run_request
from stopwatt.sweeping.executors.choice import Executor
from stopwatt.sweeping.grid import Axis, Exclusion, Grid, deadlines_of
from stopwatt.sweeping.gridfile import read_grid_file
from stopwatt.sweeping.overlay import overlay
from stopwatt.sweeping.plan import Request


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
    data: str | Path | Data | None = None,
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
        data: What int8 is calibrated on, and accuracy is measured on where it has labels: a path, or `stopwatt.Data`.
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
    check_common(workloads, protocol, tag, store)
    asked = Request(
        workloads,
        parameters(params),
        texts("backends", backends, 'names, such as ["eager", "onnxruntime"]'),
        texts("precision", precision, 'names, such as ["fp32", "bf16"]'),
        integers("batch", batch, "whole numbers, such as [1, 8]"),
        text("device", device, "cpu, cuda or cuda:1"),
        integer("threads", threads, "a whole number; 0 for all cores"),
        drawn(metered(protocol or QUICK, energy, telemetry, estimate_cpu_energy), data),
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
    data: str | Path | Data | None = None,
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
        data: What int8 is calibrated on, and accuracy is measured on where it has labels: a path, or `stopwatt.Data`.
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
    check_common(workloads, protocol, tag, store)
    text("executor", executor, "process, ray or ray:ADDRESS")
    where = texts("machines", machines, "digests, node names or labels")
    example = '{"hidden": [64, 128]}'
    several = named("axes", {} if axes is None else axes, example)
    single = {**({"workload": workloads} if workloads else {}), **parameters(params), **several}
    single |= {} if device is None else {"device": text("device", device, "cpu, cuda or cuda:1")}
    below = Grid(()) if grid is None else _grid_file(grid)
    above = Grid(
        (
            *((Axis.of(*pair),) for pair in single.items()),
            *(_together(one) for one in several_named("zips", zips, example)),
        ),
        tuple(Exclusion(_together(one)) for one in several_named("exclude", exclude, example)),
        drawn(metered(protocol or below.protocol, energy, telemetry, estimate_cpu_energy), data),
        deadlines_of(deadlines) or below.deadlines,
        tag or below.tag,
    )
    return run_grid(overlay(below, above), store=store, allow=allow, executor=Executor.read(executor, where))


def _grid_file(where: str | Path) -> Grid:
    check_path("grid", where)
    return read_grid_file(Path(where))


def _together(axes: Mapping[str, Scalar | Iterable[Scalar]]) -> tuple[Axis, ...]:
    return tuple(Axis.of(*pair) for pair in axes.items())
