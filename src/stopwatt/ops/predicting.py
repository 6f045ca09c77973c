"""Predict a model on a device: captured here, its operators from the database, an interval from other models.

capture    from the store, else now, on this machine
operators  measured at that place, else predicted from what was measured or imported
total      composed, with an interval that other measured models calibrated
improve    measure what the interval rests on most, and predict again
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from stopwatt.arguments import integer, integers, numbers, parameters, text
from stopwatt.errors import UsageError
from stopwatt.ops.forecasting import BUDGET_S, WITHIN, Improve, Session
from stopwatt.ops.subjects import EAGER
from stopwatt.ops.target import target_of
from stopwatt.records import Precision, Scalar
from stopwatt.reporting.operators.predict import PredictResult
from stopwatt.store import open_store
from stopwatt.sweeping.plan import Request, make_plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stopwatt.reporting.progress import ProgressLine


def predict(
    workload: str,
    *,
    params: Mapping[str, Scalar] | None = None,
    device: str = "cpu",
    backend: str = EAGER,
    precision: str = "fp32",
    batch: "int | Sequence[int]" = 1,
    threads: int = 0,
    improve: bool = False,
    within: float = WITHIN,
    budget_s: float = BUDGET_S,
    store: str | None = None,
) -> PredictResult:
    """Predict time and energy of a model that was never measured, with intervals of 90 %.

    Args:
        workload: Name of a built-in family, or `file.py:function`.
        params: Of the workload.
        device: `cpu` or `cuda` of this machine, or hardware as the operator database names it.
        backend: `eager`: what others fuse are no operators that could be looked up.
        precision: Of `fp32`, `tf32`, `fp16`, `bf16`.
        batch: Samples per call; one number or several.
        threads: Host threads; 0 for all cores that may be used.
        improve: Measure the operators that the interval rests on most, and predict again.
        within: Half the interval over the time at which that ends.
        budget_s: Seconds after which it ends.
        store: Results database; `$STOPWATT_STORE` or `./stopwatt.db` if absent.

    Returns:
        One prediction for each batch.

    Raises:
        UsageError: The request cannot be met, or the database has nothing to predict from.
        PartlyFailed: The model's forward pass failed.
        StoreError: The store cannot be used.
    """
    asked = Request(
        (text("workload", workload, "a name, such as 'mlp'"),),
        parameters(params),
        (text("backend", backend, "'eager'"),),
        (text("precision", precision, "a name, such as 'fp32'"),),
        integers("batch", batch, "whole numbers, such as [1, 8]"),
        text("device", device, "cpu, cuda, or hardware of the database"),
        integer("threads", threads, "a whole number; 0 for all cores"),
        baseline=False,
    )
    (share,) = numbers("within", [within], "a share, such as 0.1")
    (seconds,) = numbers("budget_s", [budget_s], "seconds")
    return run_predict(asked, Improve(improve, share, seconds), store=store)


def run_predict(
    asked: Request, improve: Improve, *, store: str | None, watcher: "ProgressLine | None" = None
) -> PredictResult:
    """Predict one workload in one setup, for every batch that was asked for.

    Args:
        asked: One workload and one precision; its device may be any hardware of the database.
        improve: Whether to measure.
        store: Results database.
        watcher: Looks on.

    Raises:
        UsageError: As `predict`.
        PartlyFailed: The model could not be captured.
    """
    _check(asked, improve)
    with open_store(store) as database:
        target = target_of(database, asked.device, asked.threads, Precision(asked.precisions[0]))
        if improve.wanted and not target.here:
            raise UsageError(
                f"--improve measures operators, and {target.hardware} is not in this machine",
                now="leave it out, or run it there",
            )
        session = Session(database, target, improve, watcher)
        here = replace(asked, device=target.device if target.here else "cpu", backends=(EAGER,), baseline=False)
        if not target.here and here.precisions[0] == Precision.TF32:
            here = replace(here, precisions=(str(Precision.FP32),))  # a CPU has no tf32; operators are the same
        cells = make_plan(here).cells
        return PredictResult(tuple(session.predicted(here, cell) for cell in cells), where=database.where)


def _check(asked: Request, improve: Improve) -> None:
    if tuple(asked.backends) != (EAGER,):
        raise UsageError(
            f"only eager is predicted, not {', '.join(asked.backends)}",
            when="other backends fuse operators into kernels that no database has",
            now=f"stopwatt predict {asked.workloads[0]}, or measure it: stopwatt bench",
        )
    if len(asked.workloads) != 1 or len(asked.precisions) != 1:
        raise UsageError("one model in one precision is predicted", now="give one workload and one precision")
    if not improve.within > 0:
        raise UsageError(f"--within {improve.within:g} is out of range", now="give a share, such as 10%")
    if improve.budget_s < 0:
        raise UsageError("the budget is below 0", now="give a time, such as --budget 10min")
