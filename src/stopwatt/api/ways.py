"""Measuring ways of measuring."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from stopwatt.ablating import run_protocol
from stopwatt.api.checks import check_common
from stopwatt.arguments import integer, named, numbers, parameters, scalars, text, texts
from stopwatt.extensions import unknown
from stopwatt.records import Scalar
from stopwatt.reporting.ways_result import ProtocolResult
from stopwatt.sweeping.design import Interactions
from stopwatt.sweeping.plan import Request, check_protocol
from stopwatt.sweeping.stages import CALLS, REPEATS, RULES, Question


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
    check_common((workload,), rules, tag, store)
    check_protocol(rules)
    asked = Request(
        (workload,),
        parameters(params),
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
