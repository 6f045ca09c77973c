"""Do operators add up to models on a GPU? In time and energy, eager and as a CUDA graph, one call and many in a queue.

The measurements stay in `build/`: an interrupted run goes on from there, and the page can be written again without
measuring, on any machine: `python benchmarks/reconciliation_gpu.py`.
"""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from reconciliation import BUILD, COVERED, ERROR, PRIOR, SHARE, WITHIN
from result import RESULTS, Page, made_of
from stopwatt import units
from stopwatt.analyse.summary import summarise
from stopwatt.devices.cuda_driver import l2_bytes
from stopwatt.energy import EnergyRules
from stopwatt.errors import StopwattError
from stopwatt.operators.capture import Capture
from stopwatt.operators.explain import Basis, Explanation, Model, explain
from stopwatt.operators.formulas import work_of
from stopwatt.operators.memory import Caches, Rule
from stopwatt.operators.operator import Operator
from stopwatt.operators.replay import Mode, Replay, ReplayRules
from stopwatt.ops.capturing import run_capture
from stopwatt.ops.measuring import measure
from stopwatt.ops.places import place_of
from stopwatt.ops.queue import Order
from stopwatt.ops.whole import model_of
from stopwatt.records import QUICK, Measurement, Precision, Scalar, Status
from stopwatt.reporting.console import console_for
from stopwatt.reporting.progress import ProgressLine, show_progress
from stopwatt.running import run_request
from stopwatt.store import Access, RunStatus, open_store
from stopwatt.sweeping.execute import Interrupted
from stopwatt.sweeping.plan import Request, make_plan
from stopwatt.workloads.params import short_label

STORE, ABOUT = BUILD / "reconciliation-cuda.db", BUILD / "reconciliation-cuda.json"
EAGER, GRAPH = "eager", "cudagraph"
MODELS: tuple[tuple[str, dict[str, Scalar], str], ...] = (
    ("resnet", {"depth": 50}, "fp32"),
    ("bert", {"size": "base"}, "bf16"),
    ("lstm", {}, "fp32"),
    ("mlp", {"hidden": 2048, "layers": 4}, "fp32"),
    ("gpt2", {"size": "distil", "output": "hidden"}, "bf16"),
    ("vit", {"size": "small"}, "bf16"),
    ("resnet", {"depth": 50}, "bf16"),
    ("mobilenet", {}, "fp32"),
)
BATCHES = (1, 32)
MODES = (Mode.REUSE, Mode.STREAM)
"""Where operands are: in the cache that all units share, or in memory."""
OPERATOR_RULES = ReplayRules(modes=MODES, samples=50, seconds=0.015, settle_s=0.005)
WINDOWS = EnergyRules(settle_s=0.6, windows=1, idle_s=0.8, sentinel_s=0.0)
"""Of a model: two seconds and more, twenty ticks."""
OPERATOR_WINDOWS = replace(WINDOWS, idle_s=0.0)
RULES = replace(
    QUICK,
    rounds=1,
    trials=200,
    trial_seconds=0.7,
    throughput_windows=1,
    warmup=replace(QUICK.warmup, min_seconds=1.0, window_cap_seconds=0.5, cap_seconds=4.0),
    energy=WINDOWS,
    tolerance=1.0,
)
AGAIN = "again"
"""Tag of a further process of every model, after the operators."""
KERNEL_S = 1e-6
"""What takes so long on the device runs a kernel; views do not."""
ENERGY_SHARE = 0.9
"""Energy is measured of the operators that take so much of a model's time together."""
ENERGY_BUDGET_S = 200.0
ENOUGH = 0.5
"""Share of a model's time with a measured energy from which its figure rests on more than a few operators."""
REQUESTS = tuple(
    Request(
        workloads=[name], params=params, precisions=[precision], batches=[batch], device="cuda", threads=1,
        backends=[EAGER], baseline=False, protocol=RULES,
    )
    for batch in BATCHES
    for name, params, precision in MODELS
)  # fmt: skip


# measuring, on a GPU


def main(out: Path = RESULTS) -> None:
    """Measure what is not measured yet, and write the page."""
    BUILD.mkdir(exist_ok=True)
    ABOUT.write_text(json.dumps({"l2": l2_bytes()}))
    with show_progress(console_for(sys.stderr)) as watcher:
        for one in REQUESTS:
            _measure(one, watcher)
        _measure_operators(watcher)
        _measure_energy(watcher)
        for one in REQUESTS:
            _measure_whole(one, AGAIN, watcher)
    write(out)


def _measure(asked: Request, watcher: ProgressLine) -> None:
    begin = time.monotonic()
    try:
        _captured(asked)
        _measure_whole(asked, "", watcher)
    except Interrupted:
        raise
    except StopwattError as error:
        watcher.announce(f"{asked.workloads[0]}: {error}")
    watcher.announce(f"{asked.workloads[0]} batch {asked.batches[0]}: {time.monotonic() - begin:.0f} s")


def _measure_operators(watcher: ProgressLine) -> None:
    with open_store(str(STORE)) as store:
        operators = [one for capture in store.operators.captures() if _is_asked(capture) for one in capture.operators]
        measure(store, operators, place_of("cuda", 1, Precision.FP32), OPERATOR_RULES, None, watcher)


def _measure_whole(asked: Request, tag: str, watcher: ProgressLine) -> None:
    whole = replace(asked, backends=[EAGER, GRAPH], tag=tag)
    wanted = make_plan(whole).digest
    with open_store(str(STORE)) as store:
        done = [run for run in store.runs() if run.plan == wanted and run.tag == tag]
    if not any(run.status is not RunStatus.INTERRUPTED for run in done):
        run_request(whole, store=str(STORE), watcher=watcher, allow=True)


def _captured(asked: Request) -> Capture:
    cell = make_plan(asked).cells[0]
    with open_store(str(STORE)) as store:
        known = store.operators.capture_of(cell.workload, cell.setup)
        if known is None:
            (known,) = run_capture(asked)
            store.operators.save_capture(known)
        return known


def _measure_energy(watcher: ProgressLine) -> None:
    """Of the operators that matter, each in the mode that most of it runs in; the weightiest first."""
    place = place_of("cuda", 1, Precision.FP32)
    by_mode: dict[Mode, dict[str, tuple[float, Operator]]] = defaultdict(dict)
    for one in read():
        for share, mode, operator in _significant(one.eager):
            weight = max(share, by_mode[mode].get(operator.key, (0.0, operator))[0])
            by_mode[mode][operator.key] = weight, operator
    until = time.monotonic() + ENERGY_BUDGET_S
    total = sum(map(len, by_mode.values()))
    watcher.announce(f"energy of {total} series")
    for mode, found in sorted(by_mode.items()):
        operators = [operator for _, operator in sorted(found.values(), key=lambda pair: -pair[0])]
        rules = ReplayRules(modes=(mode,), seconds=0.02)
        budget_s = (until - time.monotonic()) * len(operators) / max(1, total)
        with open_store(str(STORE)) as store:
            measure(
                store, operators, place, rules, max(1.0, budget_s), watcher, order=Order.GIVEN, energy=OPERATOR_WINDOWS
            )
        total -= len(operators)


def _significant(found: Explanation) -> Iterator[tuple[float, Mode, Operator]]:
    """Operators of a model that take most of its time together: share, memory mode, operator."""
    sequence, times = found.capture.sequence, np.nan_to_num(found.costs.time_s)
    each = np.bincount(sequence, weights=times, minlength=len(found.capture.operators)) / max(times.sum(), 1e-12)
    reached = 0.0
    for place in np.argsort(-each):
        if reached >= ENERGY_SHARE:
            return
        call = int(np.flatnonzero(sequence == place)[0])
        reached += float(each[place])
        yield (
            float(each[place]),
            max(found.costs.modes[call], key=lambda part: part[1])[0],
            found.capture.operators[place],
        )


# reading what was measured, anywhere


@dataclass(frozen=True, slots=True)
class Outcome:
    """One model.

    Attributes:
        eager: Explained by its own rule for memory modes.
        by_rule: Composed seconds by each rule.
        graph: The same model as a CUDA graph, if it could be.
        device_s: Seconds on the device's own clock, eager and as a graph.
        wait_s: What one submission and the wait for it take.
        repeated: Of each backend: second process / first, - 1.
    """

    eager: Explanation
    model: Model
    by_rule: Mapping[Rule, Explanation]
    graph: Model
    device_s: Mapping[str, float]
    wait_s: float
    repeated: Mapping[str, float]

    @property
    def clock_s(self) -> float:
        """On the device's own clock: of the graph, whose launches leave no gaps, where there is one."""
        return self.device_s.get(GRAPH, self.device_s[EAGER])

    @property
    def name(self) -> str:
        """For people."""
        return f"{short_label(self.eager.capture.workload)} {self.eager.capture.setup.precision}"

    @property
    def batch(self) -> int:
        """Samples of a call."""
        return self.eager.capture.setup.batch


def read() -> list[Outcome]:
    """All models that were measured and taken apart, in their order."""
    shared = json.loads(ABOUT.read_text())["l2"] / 2
    with open_store(str(STORE), access=Access.READ) as store:
        rounds = [one for one in store.measurements() if one.status is Status.OK]
        captures = [one for one in store.operators.captures() if _is_asked(one)]
        replays: dict[str, list[Replay]] = defaultdict(list)
        for kept in store.operators.replays():
            replays[kept.replay.operator].append(kept.replay)
    found = [_outcome(one, rounds, replays, Caches(shared, shared)) for one in captures]
    return sorted((one for one in found if one is not None), key=lambda one: (one.name, one.batch))


def _is_asked(capture: Capture) -> bool:
    """Whether it is one of our models; the store may hold captures of earlier lists."""
    own, setup = capture.workload, capture.setup
    return setup.backend == EAGER and any(
        (own.source, str(setup.precision)) == (name, precision) and params.items() <= dict(own.params).items()
        for name, params, precision in MODELS
    )


def _outcome(
    capture: Capture, rounds: Sequence[Measurement], replays: Mapping[str, Sequence[Replay]], caches: Caches
) -> Outcome | None:
    own = {name: [one for one in rounds if _is_of(one, capture, name)] for name in (EAGER, GRAPH)}
    if not own[EAGER] or not any(one.key in replays for one in capture.operators):
        return None
    model, graph = (model_of(summarise(of)[0]) if of else Model() for of in own.values())
    basis = Basis([work_of(one) for one in capture.operators], caches)
    by_rule = {rule: explain(capture, replays, model, replace(basis, rule=rule)) for rule in Rule}
    medians = {name: [_median_s(one, "latency") for one in of] for name, of in own.items()}
    return Outcome(
        by_rule[Rule.AUTO],
        model,
        by_rule,
        graph,
        {name: float(np.median([_median_s(one, "device_time") for one in of])) for name, of in own.items() if of},
        _wait(capture, replays),
        {name: values[1] / values[0] - 1 for name, values in medians.items() if len(values) > 1},
    )


def _is_of(one: Measurement, capture: Capture, backend: str) -> bool:
    setup, other = one.cell.setup, capture.setup
    return (one.cell.workload, setup.batch, setup.precision, setup.backend) == (
        capture.workload, other.batch, other.precision, backend,
    )  # fmt: skip


def _median_s(one: Measurement, name: str) -> float:
    return float(np.median(one.samples[name].values)) / 1e9 if name in one.samples else float("nan")


def _wait(capture: Capture, replays: Mapping[str, Sequence[Replay]]) -> float:
    """The least that an operator takes by itself beyond its time on the device: one submission, and learning of it."""
    beyond = [
        _median_of(replay, "call") - _median_of(replay, "device")
        for operator in capture.operators
        for replay in replays.get(operator.key, ())
        if {"call", "device"} <= replay.samples.keys() and _median_of(replay, "device") > KERNEL_S
    ]
    return min(beyond, default=0.0)


def _median_of(replay: Replay, series: str) -> float:
    return float(np.median(replay.samples[series].values)) / 1e9


# figures


@dataclass(frozen=True, slots=True)
class Pair:
    """What operators say of a model, beside what was measured."""

    measured: float
    composed: float

    @property
    def error(self) -> float:
        """Relative to what was measured."""
        return self.composed / self.measured - 1


def eager_time(one: Outcome) -> Pair | None:
    """Latency of one call."""
    return None if one.model.latency is None else Pair(one.model.latency.value, one.eager.composed_s)


def graph_time(one: Outcome) -> Pair | None:
    """Latency of one replay of the graph: nothing but the device's work, submitted at once."""
    return None if one.graph.latency is None else Pair(one.graph.latency.value, one.eager.sum_s + one.wait_s)


def eager_energy(one: Outcome) -> Pair | None:
    """Joules of a call while the queue is kept full."""
    return _energy(one, one.model, one.eager.composition.interval_s)


def graph_energy(one: Outcome) -> Pair | None:
    """The same of a replay."""
    return _energy(one, one.graph, one.eager.sum_s)


def _energy(one: Outcome, model: Model, interval_s: float) -> Pair | None:
    costs = one.eager.costs
    known = np.isfinite(costs.energy_j)
    if model.energy is None or one.model.active_idle_w is None or not known.any():
        return None
    dynamic_j = float((costs.energy_j[known] - one.model.active_idle_w * costs.time_s[known]).sum())
    return Pair(model.energy.value, one.model.active_idle_w * interval_s + dynamic_j / powered(one))


def powered(one: Outcome) -> float:
    """Share of the operators' time whose energy was measured; the rest is taken to be like it."""
    times = np.nan_to_num(one.eager.costs.time_s)
    return float(times[np.isfinite(one.eager.costs.energy_j)].sum() / times.sum())


def runs_others(one: Outcome) -> bool:
    """Whether the graph is of other operators than the eager model: where attention is."""
    return any("attention" in operator.name for operator in one.eager.capture.operators)


def plain_energy(one: Outcome) -> Pair | None:
    """The sum of the operators' energies."""
    share = powered(one)
    if one.model.energy is None or not share:
        return None
    return Pair(one.model.energy.value, float(np.nansum(one.eager.costs.energy_j)) / share)


GRAPH_WORD = "graph"
_FIGURES = {
    "time, eager": eager_time,
    "time, CUDA graph": graph_time,
    "energy, eager": eager_energy,
    "energy, CUDA graph": graph_energy,
}


def write(out: Path = RESULTS) -> None:
    """Write the page from what was measured."""
    outcomes = read()
    with open_store(str(STORE), access=Access.READ) as store:
        rounds = list(store.measurements())
        made = made_of(rounds, store.runs()[-1].tool_version)
    Page(
        "reconciliation-gpu",
        "Operators, measured one by one, put together to models on a GPU",
        "python benchmarks/run.py reconciliation-gpu",
        sentences=list(_sentences(outcomes, rounds)),
        tables=[
            ("Time of a call", _TIME_HEAD, [_time_line(one) for one in outcomes]),
            ("Energy of a call, queue kept full", _ENERGY_HEAD, [_energy_line(one) for one in outcomes]),
            ("Eager, by the rule that places operators in caches", _RULES_HEAD, list(_rule_lines(outcomes))),
        ],
        data={"models": [_document(one) for one in outcomes]},
        device="cuda",
        made=made,
    ).write(out)


def _sentences(outcomes: Sequence[Outcome], rounds: Sequence[Measurement]) -> Iterator[str]:
    left = len(REQUESTS) - len(outcomes)
    if left > 0:
        yield f"{left} of {len(REQUESTS)} models are not measured yet: the same command goes on with them."
    yield (
        f"Each operator was measured by itself, by another process than the models, in {len(MODES)} memory modes. "
        "Eager: host and device are two queues. As a CUDA graph: the plain sum of what the device does, and one "
        "submission. Energy: the power "
        "of the ready device for as long as a call keeps the queue, and what operators take beyond it; it was measured "
        f"of operators with at least {ENERGY_SHARE:.0%} of the time, as far as the budget went, and the others count "
        "like them. Aimed at: "
        f"{SHARE:.0%} of models within {WITHIN:.0%}, {ERROR:.0%} mean absolute error."
    )
    for name, figure in _FIGURES.items():
        pairs = [(one, pair) for one in outcomes if (pair := figure(one)) is not None]
        if pairs:
            yield f"{name[0].upper()}{name[1:]}: {_verdict([pair for _, pair in pairs])}."
        alike = [pair for one, pair in pairs if not runs_others(one)]
        if GRAPH_WORD in name and alike:
            yield f"{name[0].upper()}{name[1:]}, without models that attend: {_verdict(alike)}."
    yield (
        "Models with attention run other operators as a graph than eager, as torch.profiler shows for ViT and BERT: "
        "while a stream is captured, attention gets a mask, or the fused kernel is not taken. Their graphs are not "
        "made of the operators that were measured, and no sum of these can agree."
    )
    boards = {one.facts.get("gpu.uuid") for one in rounds}
    yield (
        f"The models were measured on {len(boards)} boards of this type, the operators on another one perhaps. Boards "
        "of one type differ: [the same work](energy-gpu.md) takes another energy on each."
    )
    enough = [one for one in outcomes if powered(one) >= ENOUGH]
    pairs_j = [pair for one in enough if (pair := eager_energy(one)) is not None]
    if pairs_j:
        yield (
            f"Energy, eager, of the models whose operators' energy was measured for at least {ENOUGH:.0%} of their "
            f"time: {_said(pairs_j)}."
        )
    sums = [Pair(one.model.latency.value, one.eager.sum_s) for one in outcomes if one.model.latency is not None]
    leaves = [Pair(one.model.latency.value, one.eager.leaf_s) for one in outcomes if one.model.latency is not None]
    joules = [pair for one in outcomes if (pair := plain_energy(one)) is not None]
    yield f"Plain sums of the same operators, eager: time {_said(sums)}" + (
        f"; energy {_said(joules)}." if joules else "."
    )
    yield f"Only what runs inside leaf modules: {_said(leaves)}. The study with leaf modules reports {PRIOR}."
    yield _coverage(outcomes)
    apart = np.abs([value for one in outcomes for value in one.repeated.values()])
    if apart.size:
        yield (
            f"The models themselves, in a further process after the operators, differ by {np.median(apart):.1%} in the "
            f"median and {apart.max():.1%} at most."
        )


def _coverage(outcomes: Sequence[Outcome]) -> str:
    known = np.array([1 - np.mean(np.isnan(one.eager.costs.time_s)) for one in outcomes])
    of_device = np.array([one.eager.sum_s / one.clock_s for one in outcomes])
    missing = sum(len(one.eager.missing) for one in outcomes)
    reached = "reached" if (of_device >= COVERED).all() else "not reached in all"
    return (
        f"Operators with a time are {known.min():.1%} of the calls at least ({missing} operators have none). Their sum "
        f"is {np.median(of_device):.0%} of the time on the device's own clock in the median (least "
        f"{of_device.min():.0%}; aimed at: {COVERED:.0%}, {reached})."
    )


def _verdict(pairs: Sequence[Pair]) -> str:
    errors = np.abs([one.error for one in pairs])
    share, error = float(np.mean(errors <= WITHIN)), float(errors.mean())
    return (
        f"{_said(pairs)} (within 10 %: {'reached' if share >= SHARE else 'not reached'}; mean error: "
        f"{'reached' if error <= ERROR else 'not reached'})"
    )


def _said(pairs: Sequence[Pair]) -> str:
    errors = np.array([one.error for one in pairs])
    return (
        f"{np.mean(np.abs(errors) <= WITHIN):.0%} of {errors.size} models within 10 %, mean absolute error "
        f"{np.abs(errors).mean():.1%}, bias {np.median(errors):+.1%}"
    )


_TIME_HEAD = (
    *("model", "batch", "eager", "composed", "error", "plain sum", "bound by", "as a graph", "composed", "error"),
    *("device clock", "sum of operators", "calls", "distinct"),
)


def _time_line(one: Outcome) -> tuple[str, ...]:
    composition = one.eager.composition
    return (
        one.name,
        str(one.batch),
        *_both(eager_time(one), "s"),
        _off(one.eager.sum_s, None if one.model.latency is None else one.model.latency.value),
        "host" if composition.host_s > composition.sum_s else "device",
        *_both(graph_time(one), "s"),
        units.quantity(one.clock_s, "s"),
        _off(one.eager.sum_s, one.clock_s),
        str(one.eager.capture.sequence.size),
        str(len(one.eager.capture.operators)),
    )


_ENERGY_HEAD = (
    *("model", "batch", "eager", "composed", "error", "plain sum", "as a graph", "composed", "error"),
    *("operators' time with energy", "power when ready"),
)


def _energy_line(one: Outcome) -> tuple[str, ...]:
    plain = plain_energy(one)
    return (
        one.name,
        str(one.batch),
        *_both(eager_energy(one), "J"),
        "-" if plain is None else f"{plain.error:+.1%}",
        *_both(graph_energy(one), "J"),
        f"{powered(one):.0%}",
        "-" if one.model.active_idle_w is None else f"{one.model.active_idle_w:.0f} W",
    )


def _both(pair: Pair | None, unit: str) -> tuple[str, str, str]:
    if pair is None:
        return "-", "-", "-"
    return units.quantity(pair.measured, unit), units.quantity(pair.composed, unit), f"{pair.error:+.1%}"


def _off(found: float, beside: float | None) -> str:
    return "-" if not beside else f"{found / beside - 1:+.1%}"


_RULES_HEAD = ("rule", "within 10 %", "mean absolute error", "bias")


def _rule_lines(outcomes: Sequence[Outcome]) -> Iterator[tuple[str, ...]]:
    for rule in (Rule.AUTO, Rule.REUSE, Rule.STREAM):
        known = [(one, one.model.latency.value) for one in outcomes if one.model.latency is not None]
        errors = np.array([one.by_rule[rule].composed_s / latency - 1 for one, latency in known])
        size = np.abs(errors)
        yield str(rule), f"{np.mean(size <= WITHIN):.0%}", f"{size.mean():.1%}", f"{np.median(errors):+.1%}"


def _document(one: Outcome) -> dict[str, Any]:
    capture, composition = one.eager.capture, one.eager.composition
    pairs = {name: figure(one) for name, figure in _FIGURES.items()}
    return {
        "workload": capture.workload.source,
        "params": dict(capture.workload.params),
        "precision": str(capture.setup.precision),
        "batch": one.batch,
        "device_s": dict(one.device_s),
        "sum_s": one.eager.sum_s,
        "leaf_s": one.eager.leaf_s,
        "host_s": composition.host_s,
        "gaps_s": composition.gaps_s,
        "wait_s": one.wait_s,
        "powered": powered(one),
        "graph_runs_others": runs_others(one),
        "active_idle_w": one.model.active_idle_w,
        "by_rule": {str(rule): found.composed_s for rule, found in one.by_rule.items()},
        "repeated": dict(one.repeated),
        **{
            name: None if pair is None else {"measured": pair.measured, "composed": pair.composed}
            for name, pair in pairs.items()
        },
    }


if __name__ == "__main__":
    write()
