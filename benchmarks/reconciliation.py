"""Do operators add up to models? 32 models: measured, taken apart, every operator measured by itself, and composed.

The measurements stay in `build/`: an interrupted run goes on from there, and the page can be written again without
measuring: `python benchmarks/reconciliation.py`.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from result import RESULTS, Page, made_of
from stopwatt import units
from stopwatt.operators.capture import Capture
from stopwatt.operators.explain import Explanation
from stopwatt.operators.memory import Rule
from stopwatt.operators.replay import ReplayRules
from stopwatt.ops.capturing import run_capture
from stopwatt.ops.explaining import Question, run_explain
from stopwatt.ops.measuring import measure
from stopwatt.ops.places import place_of
from stopwatt.records import QUICK, Measurement, Precision, Process, Scalar, Status
from stopwatt.reporting.console import console_for
from stopwatt.reporting.progress import ProgressLine, show_progress
from stopwatt.running import run_request
from stopwatt.store import Access, RunStatus, Store, open_store
from stopwatt.store.model import Selection
from stopwatt.sweeping.plan import Request, make_plan
from stopwatt.workloads.params import short_label

BUILD = Path(__file__).parent.parent / "build"
FAMILIES: dict[str, tuple[dict[str, Scalar], dict[str, Scalar]]] = {
    "mlp": ({}, {"hidden": 2048, "layers": 4}),
    "lstm": ({"hidden": 128, "layers": 2, "seq": 50}, {}),
    "bert": ({"size": "mini"}, {"size": "small"}),
    "gpt2": ({"size": "tiny", "output": "hidden"}, {"size": "distil", "output": "hidden"}),
    "resnet": ({"depth": 18}, {"depth": 50}),
    "mobilenet": ({"width": 0.5}, {}),
    "vit": ({"size": "tiny"}, {"size": "small"}),
    "detector": ({"image": 160, "queries": 50}, {}),
}
"""Two sizes of each family."""
BATCHES = (1, 4)
THREADS = 1
"""Two threads wait for each other at the end of every operator, and for whoever disturbs one of them: on two cores that
are not ours alone, that is all one would see."""
MODELS = tuple(
    Request(workloads=[name], params=params, batches=[batch], backends=["eager"], threads=THREADS, baseline=False)
    for name, sizes in FAMILIES.items()
    for params in sizes
    for batch in BATCHES
)
RULES = replace(QUICK, rounds=2, trials=200, trial_seconds=1.5, throughput_windows=1, process=Process.FRESH)
"""Of the whole models: twice, before their operators are measured and afterwards."""
BEFORE, AFTER = "before", "after"
WITHIN = 0.10
SHARE, ERROR, COVERED = 0.90, 0.06, 0.95
"""What is aimed at: share of models within 10 %, mean absolute error, share of the time with a measured operator."""
PRIOR = "17 % of models within 10 %, 29.9 % mean absolute error"
"""What the operator-profiling study that measured leaf modules reports of its sums."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One model, explained by each rule for memory modes."""

    name: str
    batch: int
    found: Explanation
    by_rule: dict[Rule, float]

    @property
    def measured_s(self) -> float:
        """Latency of the whole model."""
        assert self.found.measured is not None
        return self.found.measured.value


def main(out: Path = RESULTS, *, device: str = "cpu") -> None:
    """Measure what is not measured yet, and write the page."""
    store = str(BUILD / f"reconciliation-{device}.db")
    BUILD.mkdir(exist_ok=True)
    with show_progress(console_for(sys.stderr)) as watcher:
        for one in MODELS:
            _measure(on(one, device), store, device, watcher)
    write(out, device=device)


def _measure(asked: Request, store: str, device: str, watcher: ProgressLine) -> None:
    """One model: its operators between two measurements of the whole, since machines become faster and slower."""
    capture = _captured(asked, store)
    for tag in (BEFORE, AFTER):
        whole = replace(asked, protocol=RULES, tag=tag)
        if not _has(store, whole):
            run_request(whole, store=store, watcher=watcher, allow=True)
        if tag == BEFORE:
            with open_store(store) as database:
                place = place_of(device, THREADS, Precision.FP32)
                measure(database, capture.operators, place, ReplayRules(), None, watcher)


def on(asked: Request, device: str) -> Request:
    """The same on another device."""
    return replace(asked, device=device)


def _captured(asked: Request, store: str) -> Capture:
    cell = make_plan(asked).cells[0]
    with open_store(store) as database:
        known = database.operators.capture_of(cell.workload, cell.setup)
        if known is not None:
            return known
        (capture,) = run_capture(asked)
        database.operators.save_capture(capture)
        return capture


def _has(store: str, asked: Request) -> bool:
    """Whether a run of it is complete."""
    wanted = make_plan(asked).digest
    with open_store(store) as database:
        found = [run for run in database.runs() if run.plan == wanted and run.tag == asked.tag]
    return any(run.status is RunStatus.COMPLETE for run in found)


def write(out: Path = RESULTS, *, device: str = "cpu") -> None:
    """Write the page from what was measured."""
    store = str(BUILD / f"reconciliation-{device}.db")
    begin = time.monotonic()
    done = [on(one, device) for one in MODELS if _has(store, replace(on(one, device), protocol=RULES, tag=AFTER))]
    outcomes = [_outcome(one, store) for one in done]
    print(f"explained in {time.monotonic() - begin:.0f} s", file=sys.stderr)
    with open_store(store, access=Access.READ) as database:
        rounds = list(database.measurements(Selection(status=Status.OK)))
        made = made_of(rounds, database.runs()[-1].tool_version)
        apart = _apart(rounds, database)
    suffix = "" if device == "cpu" else "-gpu"
    Page(
        f"reconciliation{suffix}",
        "Operators, measured one by one, put together to models",
        f"python benchmarks/run.py reconciliation{suffix}",
        sentences=[*_unfinished(len(MODELS) - len(done)), *_sentences(outcomes, apart)],
        tables=[
            ("Models", _HEAD, [_line(one) for one in outcomes]),
            ("By the rule that places operators in caches", _RULES_HEAD, list(_rule_lines(outcomes))),
        ],
        data={"models": [_document(one) for one in outcomes], "repeatability": apart},
        device=device,
        made=made,
    ).write(out)


def _unfinished(left: int) -> list[str]:
    return [f"{left} of {len(MODELS)} models are not measured yet: the same command goes on with them."] if left else []


def _outcome(asked: Request, store: str) -> Outcome:
    def explained(rule: Rule) -> Explanation:
        with show_progress(console_for(sys.stderr)) as watcher:
            return run_explain(asked, Question(budget_s=0.0, rule=rule), store=store, watcher=watcher).explanation

    found = explained(Rule.AUTO)
    composed = {rule: explained(rule).composed_s for rule in Rule}
    return Outcome(short_label(found.capture.workload), asked.batches[0], found, composed)


def _apart(rounds: Sequence[Measurement], database: Store) -> list[float]:
    """Of each model: medians of processes after its operators were measured / before, - 1."""
    tags = {run.id: run.tag for run in database.runs()}
    by_id = {one.id: one for one in rounds if "latency" in one.samples}
    medians: dict[str, dict[str, list[float]]] = {}
    for entry in database.entries(Selection(status=Status.OK)):
        if entry.id in by_id:
            median = float(np.median(by_id[entry.id].samples["latency"].values))
            medians.setdefault(entry.cell, {}).setdefault(tags[entry.run], []).append(median)
    both = [by for by in medians.values() if {BEFORE, AFTER} <= set(by)]
    return [float(np.median(by[AFTER]) / np.median(by[BEFORE]) - 1) for by in both]


def _errors(outcomes: Sequence[Outcome], seconds: Sequence[float]) -> NDArray[np.float64]:
    measured = np.array([one.measured_s for one in outcomes])
    return np.asarray(np.array(seconds) / measured - 1)


def _verdict(errors: NDArray[np.float64]) -> str:
    size = np.abs(errors)
    return (
        f"{np.mean(size <= WITHIN):.0%} of {errors.size} models within 10 %, mean absolute error {size.mean():.1%}, "
        f"median {np.median(size):.1%}, bias {np.median(errors):+.1%}"
    )


def _sentences(outcomes: Sequence[Outcome], apart: Sequence[float]) -> Iterator[str]:
    composed = _errors(outcomes, [one.found.composed_s for one in outcomes])
    share, error = float(np.mean(np.abs(composed) <= WITHIN)), float(np.abs(composed).mean())
    modes = len(ReplayRules().modes)
    yield (
        f"Each operator was measured by itself, in {modes} memory modes, by another process than the models. "
        f"Composed: {_verdict(composed)}. Aimed at: {SHARE:.0%} within 10 % "
        f"({'reached' if share >= SHARE else 'not reached'}), {ERROR:.0%} mean absolute error "
        f"({'reached' if error <= ERROR else 'not reached'})."
    )
    yield f"Plain sums of the same operators: {_verdict(_errors(outcomes, [one.found.sum_s for one in outcomes]))}."
    leaves = _verdict(_errors(outcomes, [one.found.leaf_s for one in outcomes]))
    yield (
        f"Only what runs inside leaf modules, which is all that module hooks see: {leaves}. The study with leaf "
        f"modules reports {PRIOR}."
    )
    covered = np.array([one.found.coverage for one in outcomes])
    whole = np.array([one.found.composed_s / one.measured_s for one in outcomes])
    yield (
        f"Operators with a time account for {np.median(covered):.0%} of the measured time in the median (least "
        f"{covered.min():.0%}, where calls take memory anew); with Python between them, page faults and slow calls, "
        f"which are measured too, {np.median(whole):.0%} (aimed at: {COVERED:.0%}; "
        f"{'reached' if np.median(whole) >= COVERED else 'not reached'}; of operators alone "
        f"{'reached' if np.median(covered) >= COVERED else 'not reached'})."
    )
    if apart:
        size = np.abs(apart)
        yield (
            "The models themselves, measured before their operators and again afterwards, differ by "
            f"{np.median(size):.1%} in the median and {size.max():.1%} at most: nothing here can agree better."
        )


_HEAD = (
    *("model", "batch", "measured", "composed", "error", "plain sum", "leaf modules", "gaps", "coverage"),
    *("operators", "distinct", "without a time"),
)
_RULES_HEAD = ("rule", "within 10 %", "mean absolute error", "bias")


def _line(one: Outcome) -> tuple[str, ...]:
    found = one.found
    known = found.measured
    assert known is not None
    bounded = known.low is not None and known.high is not None
    measured = (
        units.interval(known.value, known.low or 0, known.high or 0, "s")
        if bounded
        else units.quantity(known.value, "s")
    )
    return (
        *(one.name, str(one.batch), measured, units.quantity(found.composed_s, "s")),
        f"{found.composed_s / known.value - 1:+.1%}",
        f"{found.sum_s / known.value - 1:+.1%}",
        f"{found.leaf_s / known.value - 1:+.1%}",
        f"{found.composition.gaps_s / known.value:.1%}",
        f"{found.coverage:.0%}",
        *(str(found.capture.sequence.size), str(len(found.capture.operators)), str(len(found.missing))),
    )


def _rule_lines(outcomes: Sequence[Outcome]) -> Iterator[tuple[str, ...]]:
    for rule in Rule:
        errors = _errors(outcomes, [one.by_rule[rule] for one in outcomes])
        size = np.abs(errors)
        yield str(rule), f"{np.mean(size <= WITHIN):.0%}", f"{size.mean():.1%}", f"{np.median(errors):+.1%}"


def _document(one: Outcome) -> dict[str, Any]:
    found = one.found
    known = found.measured
    assert known is not None
    return {
        "workload": found.capture.workload.source,
        "params": dict(found.capture.workload.params),
        "batch": one.batch,
        "measured_s": known.value,
        "low_s": known.low,
        "high_s": known.high,
        "composed_s": found.composed_s,
        "sum_s": found.sum_s,
        "leaf_s": found.leaf_s,
        "trimmed_s": found.trimmed_s,
        "gaps_s": found.composition.gaps_s,
        "coverage": found.coverage,
        "by_rule": {str(rule): seconds for rule, seconds in one.by_rule.items()},
    }


if __name__ == "__main__":
    write()
