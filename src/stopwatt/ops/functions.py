"""The library: what `stopwatt ops` does with models, as functions of `stopwatt.ops`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from stopwatt.arguments import check_path, integer, integers, numbers, parameters, text, texts, word
from stopwatt.energy import RULES as ENERGY_RULES
from stopwatt.energy import EnergyRules, Grade
from stopwatt.operators.groups import By
from stopwatt.operators.memory import Rule
from stopwatt.operators.replay import Mode
from stopwatt.ops import explaining, planning
from stopwatt.ops.capturing import capture_models
from stopwatt.ops.explaining import Question, run_explain
from stopwatt.ops.families import families_of
from stopwatt.ops.fitting import fit_store
from stopwatt.ops.named import Wanted, measure_named, modes_named, precision_named
from stopwatt.ops.planning import Asked, plan_operators
from stopwatt.records import Protocol, Scalar
from stopwatt.reporting.operators.capture import CaptureResult
from stopwatt.reporting.operators.explain import ExplainResult
from stopwatt.reporting.operators.fit import FitResult
from stopwatt.reporting.operators.measure import MeasureResult
from stopwatt.reporting.operators.plan import PlanResult
from stopwatt.store import open_store
from stopwatt.sweeping.plan import Request

_DEVICES = "cpu, cuda or cuda:1"
_THREADS = "a whole number; 0 for all cores"
_PRECISION = "a name, such as 'fp32'"
_WORKLOADS = "names one by one, such as 'lstm', 'mlp'"


def capture(
    *workloads: str,
    params: Mapping[str, Scalar] | None = None,
    backends: str | Sequence[str] = ("eager",),
    precision: str | Sequence[str] = ("fp32",),
    batch: int | Sequence[int] = (1,),
    device: str = "cpu",
    threads: int = 0,
    seed: int = 0,
    timeout_s: float = 600.0,
    out: str | Path | None = None,
    store: str | None = None,
) -> CaptureResult:
    """Take one call of each model apart into the operators that it calls, and keep what was found.

    Args:
        *workloads: As for `stopwatt.bench`.
        params: Parameters of the workloads; `name`, or `workload.name` for one of them.
        backends: Names, `name:variant`, `auto` or `all`; one or several. Of others than eager kernels are named.
        precision: Of `fp32`, `tf32`, `fp16`, `bf16`, `int8`; one or several.
        batch: Samples per call; one number or several.
        device: `cpu`, `cuda`, `cuda:1`.
        threads: Host threads; 0 for all cores that may be used.
        seed: Of weights and inputs.
        timeout_s: Longest time for one capture.
        out: Folder for summary files (YAML) to read and edit.
        store: Results database; `$STOPWATT_STORE` or `./stopwatt.db` if absent.

    Returns:
        Captures, and what failed; iterating over it gives the captures, or raises if one failed.

    Raises:
        UsageError: The request cannot be met.
        StoreError: A capture cannot be saved.
    """
    (limit_s,) = numbers("timeout_s", [timeout_s], "seconds")
    asked = Request(
        _workloads(workloads),
        parameters(params),
        texts("backends", backends, 'names, such as ["eager", "compile"]'),
        texts("precision", precision, 'names, such as ["fp32", "bf16"]'),
        integers("batch", batch, "whole numbers, such as [1, 8]"),
        text("device", device, _DEVICES),
        integer("threads", threads, _THREADS),
        Protocol(seed=integer("seed", seed, "a whole number"), timeout_s=limit_s),
        baseline=False,
    )
    return capture_models(asked, out=None if out is None else _path("out", out), store=_store(store))


def measure(
    *what: str,
    modes: str | Sequence[str] = tuple(Mode),
    budget_s: float | None = None,
    device: str = "cpu",
    threads: int = 0,
    precision: str = "fp32",
    again: bool = False,
    energy: str | EnergyRules | None = None,
    store: str | None = None,
) -> MeasureResult:
    """Measure each distinct operator of captured models by itself, once for each memory mode, and keep it.

    Args:
        *what: Captured workloads, summary files or plans; all captures if none is given.
        modes: Of `reuse`, `resident`, `stream`, `chained`; one or several.
        budget_s: Seconds to use; those of the plans, else without an end, if absent.
        device: `cpu`, `cuda`, `cuda:1`.
        threads: Host threads; 0 for all cores that may be used.
        precision: `fp32`, or `tf32` for how a GPU multiplies float32.
        again: Measure what the store holds already, too.
        energy: `screening`, `reported`, or own rules; energy is not measured if absent.
        store: Results database; `$STOPWATT_STORE` or `./stopwatt.db` if absent.

    Returns:
        What was measured, and what is left.

    Raises:
        UsageError: Something was not captured, a file cannot be used, or another argument cannot be.
        StoreError: A job cannot be saved.
    """
    wanted = Wanted(
        modes_named(texts("modes", modes, 'names, such as ["reuse", "stream"]')),
        None if budget_s is None else _seconds("budget_s", budget_s),
        text("device", device, _DEVICES),
        integer("threads", threads, _THREADS),
        precision_named(text("precision", precision, _PRECISION)),
        again,
        energy if energy is None or isinstance(energy, EnergyRules) else ENERGY_RULES[word("energy", energy, Grade)],
    )
    names = tuple(text("what to measure", one, _WORKLOADS) for one in what)
    return measure_named(names, wanted, store=_store(store))


def explain(
    workload: str,
    *,
    params: Mapping[str, Scalar] | None = None,
    precision: str = "fp32",
    batch: int = 1,
    device: str = "cpu",
    threads: int = 0,
    until: float = explaining.TARGET,
    budget_s: float = explaining.BUDGET_S,
    by: str = By.OPERATOR,
    mode: str = Rule.AUTO,
    compare: str | Sequence[str] = (),
    allow: bool = False,
    store: str | None = None,
) -> ExplainResult:
    """Say where a model's time and energy go, operator by operator; what is missing is measured first.

    Args:
        workload: As for `stopwatt.bench`, or a summary file, which says all but the questions itself.
        params: Parameters of the workload.
        precision: `fp32`, `tf32`, `fp16` or `bf16`.
        batch: Samples per call.
        device: `cpu`, `cuda`, `cuda:1`.
        threads: Host threads; 0 for all cores that may be used.
        until: Share of the time that measured operators shall account for.
        budget_s: Seconds for measuring operators; 0 to measure none.
        by: `operator`, `family`, `module` or `leaf`: what the table lists.
        mode: Memory mode of the operators; `auto` chooses for each call.
        compare: Backends that stand beside each other.
        allow: Measure even on a machine that is not fit.
        store: Results database; `$STOPWATT_STORE` or `./stopwatt.db` if absent.

    Returns:
        Plain sum, composed and measured time, what lies between them, and every operator.

    Raises:
        UsageError: The request cannot be met.
        PartlyFailed: The model could not be captured.
        EnvironmentUnfit: The machine is not fit to measure the model on.
        StoreError: Something cannot be saved.
    """
    (target,) = numbers("until", [until], "a share, such as 0.9")
    question = Question(
        target,
        _seconds("budget_s", budget_s),
        word("mode", mode, Rule),
        word("by", by, By),
        texts("compare", compare, 'names, such as ["eager", "compile"]'),
        allow,
    )
    asked = Request(
        (text("workload", workload, "a name, such as 'mlp'"),),
        parameters(params),
        precisions=(text("precision", precision, _PRECISION),),
        batches=(integer("batch", batch, "a whole number"),),
        device=text("device", device, _DEVICES),
        threads=integer("threads", threads, _THREADS),
    )
    return run_explain(asked, question, store=_store(store))


def fit(*families: str, device: str = "", quick: bool = False, seed: int = 0, store: str | None = None) -> FitResult:
    """Learn from all operators that were measured or imported, say how well, and keep the predictor.

    Args:
        *families: Only these (`gemm`, `attention`); others stay as they are. All if none is given.
        device: Hardware that is held out where unseen devices are asked for; that with the most rows if empty.
        quick: Evaluate on few rows.
        seed: Of samples, folds and models.
        store: Results database; `$STOPWATT_STORE` or `./stopwatt.db` if absent.

    Returns:
        How well each family is predicted, beside baselines.

    Raises:
        UsageError: No such family, none with enough rows, or scikit-learn is not installed.
        StoreError: The predictor cannot be saved.
    """
    chosen = families_of(text("a family", one, "names one by one, such as 'gemm'") for one in families)
    held_out = text("device", device, "hardware as the operator database names it")
    with open_store(_store(store)) as database:
        number = integer("seed", seed, "a whole number")
        return FitResult(fit_store(database, chosen, device=held_out, quick=quick, seed=number))


def plan(
    *workloads: str,
    device: str = "cpu",
    threads: int = 0,
    precision: str = "fp32",
    budget_s: float = planning.BUDGET_S,
    count: int | None = None,
    seed: int = 0,
    basis: bool = False,
    out: str | Path | None = None,
    overwrite: bool = False,
    store: str | None = None,
) -> PlanResult:
    """List the operators that are worth measuring next, the most useful a second first.

    Args:
        *workloads: Captured ones, whose time decides; all captured ones if none is given.
        device: `cpu` or `cuda` of this machine, or hardware as the operator database names it.
        threads: Host threads; 0 for all cores that may be used.
        precision: `fp32`, or `tf32` for how a GPU multiplies float32.
        budget_s: Seconds for measuring them.
        count: Operators at most.
        seed: Of everything random: the same database and seed give the same plan.
        basis: Operators of every family that belong to no model, alone; nothing need be captured.
        out: A file for `measure`: `.yaml` to read and edit, or `.json`, which is complete.
        overwrite: Whether that file may be replaced.
        store: Results database; `$STOPWATT_STORE` or `./stopwatt.db` if absent.

    Returns:
        Operators in order; iterating over it gives them.

    Raises:
        UsageError: Nothing was captured, no such device, a budget or count that is not above 0, or a file name that is
            taken.
        StoreError: The store cannot be read, or the file cannot be written.
    """
    asked = Asked(
        _workloads(workloads),
        text("device", device, "cpu, cuda, or hardware of the database"),
        integer("threads", threads, _THREADS),
        precision_named(text("precision", precision, _PRECISION)),
        _seconds("budget_s", budget_s),
        None if count is None else integer("count", count, "a whole number"),
        integer("seed", seed, "a whole number"),
        basis=basis,
    )
    file = None if out is None else _path("out", out)
    return plan_operators(asked, out=file, overwrite=overwrite, store=_store(store))


def _workloads(given: Sequence[str]) -> tuple[str, ...]:
    return tuple(text("a workload", one, _WORKLOADS) for one in given)


def _seconds(name: str, given: float) -> float:
    (found,) = numbers(name, [given], "seconds")
    return found


def _path(name: str, given: str | Path) -> Path:
    check_path(name, given)
    return Path(given)


def _store(given: str | None) -> str | None:
    if given is not None:
        check_path("store", given)
    return given
