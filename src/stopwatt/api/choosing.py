"""Choosing a setup, and seeing what each optimisation buys."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from stopwatt.api.checks import check_common, drawn, read_data
from stopwatt.arguments import integer, numbers, parameters, text, texts
from stopwatt.climbing.ladder import Asked as LadderAsked
from stopwatt.climbing.ladder import run_ladder
from stopwatt.climbing.result import LadderResult
from stopwatt.datasets.labelled import Data
from stopwatt.extensions import unknown
from stopwatt.records import QUICK, Protocol, Scalar
from stopwatt.tuning.goals import Goal
from stopwatt.tuning.result import TuneResult
from stopwatt.tuning.space import PROOF, Asked
from stopwatt.tuning.tune import run_tune


def tune(
    workload: str,
    *,
    params: Mapping[str, Scalar] | None = None,
    goal: str = "latency",
    where: str | Sequence[str] = (),
    budget_s: float = 600.0,
    backends: str | Sequence[str] = "all",
    precision: str | Sequence[str] = (),
    batch: int | Iterable[int] = (),
    threads: int | Iterable[int] = (),
    device: str = "cpu",
    seed: int = 0,
    tolerance: float | None = None,
    data: str | Path | Data | None = None,
    tag: str = "",
    store: str | None = None,
    allow: bool = False,
    kept: bool = False,
) -> TuneResult:
    """Find the setup that is best for a goal, under constraints, within a budget of time, and prove it.

    Args:
        workload: As for `bench`.
        params: Parameters of the workload.
        goal: `latency`, `throughput`, `energy` or `memory`.
        where: Constraints, such as `["p99<10ms", "deviation<1e-2"]`.
        budget_s: Seconds that measuring may take; 20 or more.
        backends: Names, `name:variant`, `name+technique`, `auto` or `all`.
        precision: Of `fp32`, `tf32`, `fp16`, `bf16`, `int8`; all that the device offers if absent.
        batch: Samples per call, one or several; 1 for latency, and several for throughput, if absent.
        threads: Host threads, one or several; one and all cores if absent.
        device: `cpu`, `cuda`, `cuda:1`.
        seed: Of weights, inputs and orders.
        tolerance: Largest deviation that passes the correctness gate; that of the precision if absent.
        data: What int8 is calibrated on, and accuracy is measured on where it has labels: a path, or `stopwatt.Data`.
        tag: A name for the run.
        store: Results database; `$STOPWATT_STORE` or `./stopwatt.db` if absent.
        allow: Measure even on a machine that is not fit.
        kept: Measure nothing: show the latest finished run of the same request.

    Returns:
        The winner with its proof against the default and the runner-up, the front, and how the search went. Without a
        winner `raise_for_status` says what comes nearest.

    Raises:
        UsageError: The request cannot be met.
        EnvironmentUnfit: The machine is not fit to measure on.
        StoreError: The results cannot be saved.
    """
    if goal not in tuple(Goal):
        raise unknown("goal", str(goal), map(str, Goal))
    rules = replace(PROOF, seed=integer("seed", seed, "a whole number"), tolerance=tolerance)
    check_common((workload,), rules, tag, store)
    (seconds,) = numbers("budget_s", [budget_s], "seconds")
    asked = Asked(
        workload,
        parameters(params),
        Goal(goal),
        texts("where", where, 'constraints, such as ["p99<10ms"]'),
        seconds,
        texts("backends", backends, 'names, such as ["eager", "onnxruntime"]'),
        texts("precision", precision, 'names, such as ["fp32", "bf16"]'),
        _whole("batch", batch),
        _whole("threads", threads),
        text("device", device, "cpu, cuda or cuda:1"),
        rules.seed,
        tolerance,
        tag,
        read_data(data),
    )
    return run_tune(asked, store=store, allow=allow, kept=kept)


def ladder(
    workload: str,
    *,
    params: Mapping[str, Scalar] | None = None,
    steps: str | Sequence[str] = (),
    base: str = "eager:grad",
    batch: int = 1,
    device: str = "cpu",
    threads: int = 0,
    orders: int = 4,
    graphs: bool = True,
    protocol: Protocol = QUICK,
    data: str | Path | Data | None = None,
    lose: float = 0.01,
    tag: str = "",
    store: str | None = None,
    allow: bool = False,
    kept: bool = False,
) -> LadderResult:
    """Try one optimisation after another: what does each buy alone, on top of the others, and on the whole?

    Args:
        workload: As for `bench`.
        params: Parameters of the workload.
        base: Backend that it begins with, with techniques or without.
        steps: Names, in the order in which they are climbed; all that the device has if absent.
        batch: Samples of a call.
        device: `cpu`, `cuda`, `cuda:1`.
        threads: Host threads of the step that adds them; 0 for all cores that may be used.
        orders: In how many orders the kept steps are climbed, to see which gains overlap; 1 for the given one only.
        graphs: Look at what each step did to the model's graph, which takes one more call of each.
        protocol: The rules of measuring.
        data: What int8 is calibrated on, and accuracy is measured on where it has labels: a path, or `stopwatt.Data`.
        lose: Accuracy on labelled data, from 0 to 1, by which a step may be below the base.
        tag: A name for the run.
        store: Results database; `$STOPWATT_STORE` or `./stopwatt.db` if absent.
        allow: Measure even on a machine that is not fit.
        kept: Measure nothing: show the latest finished run of the same request.

    Returns:
        Each step with its own gain, the gain so far and its share of the whole, or why it was not kept.

    Raises:
        UsageError: The request cannot be met.
        EnvironmentUnfit: The machine is not fit to measure on.
        StoreError: The results cannot be saved.
    """
    check_common((workload,), protocol, tag, store)
    (share,) = numbers("lose", [lose], "a share of the samples, such as 0.01")
    asked = LadderAsked(
        workload,
        parameters(params),
        texts("steps", steps, 'names, such as ["inference-mode", "bf16"]'),
        integer("batch", batch, "a whole number"),
        text("device", device, "cpu, cuda or cuda:1"),
        integer("threads", threads, "a whole number; 0 for all cores"),
        integer("orders", orders, "a whole number"),
        drawn(protocol, data),
        tag,
        graphs,
        text("base", base, "eager:grad"),
        share,
    )
    return run_ladder(asked, store=store, allow=allow, kept=kept)


def _whole(name: str, given: int | Iterable[int]) -> tuple[int, ...]:
    values = [given] if isinstance(given, int) else list(given)
    return tuple(integer(name, value, "whole numbers") for value in values)
