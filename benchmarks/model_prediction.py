"""How well are models predicted that nobody measured? One family left out after another, beside simple baselines.

Reads the models that `reconciliation` captured, measured and replayed, and the operators of no model that `basis`
measured; measures nothing: only fits.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np

from basis import STORE as BASIS
from reconciliation import THREADS
from result import RESULTS, Page, made_of
from stopwatt.errors import UsageError
from stopwatt.operators.capture import Capture, Module
from stopwatt.operators.formulas import work_of
from stopwatt.operators.rows import Observed
from stopwatt.operators.table import DeviceSpecs
from stopwatt.ops.learning import Material, material_of
from stopwatt.ops.measured import observed_at, usual_sentinel
from stopwatt.ops.subjects import (
    EAGER,
    Subjects,
    cell_of,
    costs_at,
    ground_at,
    model_at,
    specs_at,
    subject_of,
    subjects_of,
)
from stopwatt.ops.target import Target, target_of
from stopwatt.predicting.candidates import identity_of
from stopwatt.predicting.ceilings import completed
from stopwatt.predicting.held_out import families_of, keys_of
from stopwatt.predicting.model_evaluation import Figures, Trial, Way, baseline_figures, evaluate, figures
from stopwatt.predicting.predictor import Predictor
from stopwatt.records import Measurement, Setup, Status
from stopwatt.store import Access, Store, open_store
from stopwatt.store.model import Selection
from stopwatt.units import percent, quantity

STORE = Path(__file__).parent.parent / "build" / "reconciliation-cpu.db"
GENERIC = BASIS
"""Operators that belong to no model."""
MEDIAN, COVERED = 0.08, (0.85, 0.95)
"""What is aimed at."""
MANY = 1000
TIMES = 5
WAYS: Mapping[Way, str] = {
    Way.STRICT: "nothing of the family, nor any of its operators wherever else they occur",
    Way.IN_USE: "nothing of the family, but measured operators that other families share",
    Way.HALF: "every other operator measured",
    Way.ALL: "every operator measured",
}


def main(out: Path = RESULTS, store: Path = STORE, generic: Path = GENERIC) -> None:
    """Write the page."""
    for needed, made_by in ((store, "reconciliation"), (generic, "basis")):
        if not needed.exists():
            raise UsageError(f"there is no {needed.name}", now=f"python benchmarks/run.py {made_by}")
    with open_store(str(store), access=Access.READ) as database:
        rounds = list(database.measurements(Selection(status=Status.OK)))
        target = target_of(database, "cpu", THREADS)
        subjects = _subjects(database, target, rounds)
        if not subjects.models:
            raise UsageError(
                f"no model of {store.name} was measured on {target.hardware}", now="run it where it was made"
            )
        specs = _specs(database, target, subjects)
        alone = material_of(database, target, specs)
        made = made_of(rounds, database.runs()[-1].tool_version)
        assert target.place is not None
        sentinel_s = usual_sentinel(database, target.place)
    basis, slower = _basis(generic, target, sentinel_s)
    material = replace(alone, own=[*alone.own, *basis], fitted={})
    ground = ground_at(target, subjects, specs)
    trials = evaluate(subjects.models, ground, material.predictor)
    without = evaluate(subjects.models, ground, alone.predictor)
    speed = _speed(target, subjects, specs, material)
    Page(
        "model-prediction",
        "Predicted time of models that were not measured",
        "python benchmarks/run.py basis model-prediction",
        sentences=[*_sentences(trials, without, speed), *_rules(basis, subjects, slower)],
        tables=[
            ("All models", _HEAD, [*_lines(trials), *_lines(without, " (no basis)", baselines=False)]),
            ("Nothing known of the family: by family", ("family", *_HEAD[1:]), list(_family_lines(trials))),
            ("The same without the basis", ("family", *_HEAD[1:]), list(_family_lines(without))),
            ("Every model, strict", _MODEL_HEAD, [_model_line(*both) for both in zip(trials, without, strict=True)]),
        ],
        data=_data(trials)
        | {"without_basis": _data(without)}
        | {"speed": speed, "basis_operators": len({row.operator.key for row in basis}), "basis_slower": slower},
        made=made,
    ).write(out)


def _subjects(database: Store, target: Target, rounds: Sequence[Measurement]) -> Subjects:
    """The models with their latencies, which may be of before their captures were renewed.

    The digest of a workload's code is that of the files beside it, too: a capture that was taken again later may have
    another one than the latency, though it calls the same operators in the same order.
    """
    assert target.place is not None
    found = subjects_of(database, target)
    codes: dict[tuple[str, Setup], dict[str, None]] = {}
    for one in rounds:
        codes.setdefault((one.cell.workload.label, one.cell.setup), {})[one.cell.code] = None
    _, costs = costs_at(database, target.place)
    models = []
    for capture in database.operators.captures(backend=EAGER, device=target.device):
        for code in codes.get((capture.workload.label, capture.setup), ()):
            model = model_at(database, replace(capture, code=code), target.place)
            if model is not None and model.latency is not None:
                known = {one.key: costs[one.key] for one in capture.operators if one.key in costs}
                models.append(subject_of(capture, target, known, model.latency.value))
                break
    return replace(found, models=tuple(models))


def _basis(store: Path, target: Target, sentinel_s: float) -> tuple[list[Observed], float]:
    """Rows of operators that belong to no model, at the speed of the machine when the models were measured.

    Returns:
        The rows, and by which share the machine was slower when they were measured.
    """
    assert target.place is not None
    with open_store(str(store), access=Access.READ) as database:
        slower = usual_sentinel(database, target.place) / sentinel_s - 1
        return observed_at(database, target.place, sentinel_s), slower


_HEAD = ("what is known", "models", "median error", "MAPE", "within 10 %", "bias", "90 % interval holds", "+- (median)")
_MODEL_HEAD = (
    "model",
    "measured",
    "predicted",
    "90 % interval",
    "error",
    "on predictions",
    "no basis",
    "in use",
    "all measured",
)


def _sentences(trials: Sequence[Trial], without: Sequence[Trial], speed: Mapping[str, float]) -> Iterator[str]:
    strict, before, families = figures(trials, Way.STRICT), figures(without, Way.STRICT), _families(trials)
    met = "met" if strict.median <= MEDIAN else "missed"
    held = "met" if COVERED[0] <= strict.coverage <= COVERED[1] else "missed"
    yield (
        f"{len(trials)} models of {families} families; each family is left out in turn: neither its latencies nor any "
        "operator of the work and sizes of one that its models call is learnt from, and intervals are calibrated on "
        "the other families."
    )
    yield (
        f"Median error {percent(strict.median)} (asked for: at most {percent(MEDIAN)}; {met}); the 90 % intervals hold "
        f"{percent(strict.coverage)} of the models (asked for: {percent(COVERED[0])} to {percent(COVERED[1])}; {held}) "
        f"and are +-{percent(strict.width)} wide, median. From the operators of other families' models alone the "
        f"median error is {percent(before.median)}, and intervals hold {percent(before.coverage)} at "
        f"+-{percent(before.width)}."
    )
    yield (
        "Calibration cases of the other families were predicted by models that had seen the operators, though not the "
        "latencies, of the family that is left out."
    )
    yield (
        f"Predicting {speed['operators']:.0f} distinct operators of which none was measured takes "
        f"{quantity(speed['seconds'], 's')} without capturing ({speed['seconds_per_1000']:.2f} s for 1,000); "
        f"reading the predictor {quantity(speed['reading_s'], 's')}."
    )


def _rules(basis: Sequence[Observed], subjects: Subjects, slower: float) -> Iterator[str]:
    """What is in the basis, and what was chosen looking at what."""
    keys = {row.operator.key for row in basis}
    called = {identity_of(work) for one in subjects.models for work in one.works}
    same = {row.operator.key for row in basis if identity_of(work_of(row.operator)) in called}
    yield (
        f"The basis: {len(keys)} operators of every family that can be made from sizes ({len(basis)} rows), as "
        "`stopwatt ops plan --basis` plans them in an empty database, measured by `ops measure` in its order. They "
        f"belong to no model; {len(same)} of them have the work and sizes of an operator that one of the models calls, "
        "and are left out with it."
    )
    yield (
        f"By the sentinels of its jobs the machine was {percent(slower)} slower when the basis was measured than when "
        "the models were; all rows are put to the speed of the models' operators by the sentinel of their job."
    )
    yield (
        "What was chosen looking at what: the basis (groups, ranges, weights) was written down before any of it was "
        "measured, by somebody who knew the page of before and its worst families (MobileNet, LSTM, MLP). How "
        "intervals grow with the spread of the predictions was chosen on simulated families "
        "(tests/predicting/test_models.py). The law of recurrent layers was chosen by shapes of the basis that were "
        "held out; the models' own LSTMs were looked at, too, and told the laws hardly apart. Two rules followed a "
        "first run of this page, whose MLPs and LSTMs were predicted too slow: that sentinels say the speed of a row, "
        "and that sizes never measured in a memory mode stand for the nearest mode in which they were. The figures of "
        "these two families are therefore a little better than those of a family that nobody has seen."
    )


def _families(trials: Sequence[Trial]) -> int:
    return len({one.family for one in trials})


def _lines(trials: Sequence[Trial], suffix: str = "", *, baselines: bool = True) -> Iterator[Sequence[str]]:
    for way, words in WAYS.items():
        if any(way in one.intervals for one in trials):
            yield _line(f"{way}{suffix}: {words}", figures(trials, way))
    for name in trials[0].baselines if baselines else ():
        yield _line(name, baseline_figures(trials, name))


def _family_lines(trials: Sequence[Trial]) -> Iterator[Sequence[str]]:
    for family in dict.fromkeys(one.family for one in trials):
        yield _line(family, figures([one for one in trials if one.family == family], Way.STRICT))


def _line(name: str, found: Figures) -> Sequence[str]:
    held, width = ("-" if np.isnan(one) else percent(one) for one in (found.coverage, found.width))
    plain = (percent(one) for one in (found.median, found.mape, found.near))
    return (name, str(found.models), *plain, f"{np.exp(found.bias) - 1:+.1%}", held, width)


def _model_line(one: Trial, without: Trial) -> Sequence[str]:
    found = one.intervals[Way.STRICT]
    interval = f"{quantity(found.low_s, 's')} to {quantity(found.high_s, 's')}"
    others = (f"{_error(one, way):+.1%}" if way in one.intervals else "-" for way in (Way.IN_USE, Way.ALL))
    times = (quantity(one.measured_s, "s"), quantity(found.time_s, "s"))
    errors = f"{_error(one, Way.STRICT):+.1%}", percent(one.shares[Way.STRICT]), f"{_error(without, Way.STRICT):+.1%}"
    return (one.label, *times, interval, *errors, *others)


def _error(one: Trial, way: Way) -> float:
    return one.intervals[way].time_s / one.measured_s - 1


def _data(trials: Sequence[Trial]) -> dict[str, object]:
    ways = {str(way): _plain(figures(trials, way)) for way in Way if any(way in one.intervals for one in trials)}
    families = {
        family: _plain(figures([one for one in trials if one.family == family], Way.STRICT))
        for family in dict.fromkeys(one.family for one in trials)
    }
    baselines = {name: _plain(baseline_figures(trials, name)) for name in trials[0].baselines}
    models = [
        {"label": one.label, "family": one.family, "measured_s": one.measured_s, "baselines": dict(one.baselines)}
        | {"intervals": {str(way): asdict(interval) for way, interval in one.intervals.items()}}
        | {"on_predictions": {str(way): share for way, share in one.shares.items()}}
        for one in trials
    ]
    return {"ways": ways, "families": families, "baselines": baselines, "models": models}


def _plain(found: Figures) -> dict[str, float | None]:
    return {name: None if np.isnan(value) else value for name, value in asdict(found).items()}


def _specs(store: Store, target: Target, subjects: Subjects) -> dict[str, DeviceSpecs]:
    """Ceilings of the device: measured ones, else the best that its operators reach."""
    known = specs_at(store, target, cell_of(subjects.models[0].capture))
    if target.label in known:
        return known
    material = material_of(store, target, known)
    reached = [completed(table, known)[target.label] for table in material.own_tables()]
    flops: dict[str, float] = {}
    for one in reached:
        flops |= {name: max(rate, flops.get(name, 0.0)) for name, rate in one.flops.items()}
    bandwidth = max(one.bandwidth for one in reached)
    return known | {target.label: DeviceSpecs(target.label, flops, bandwidth, source="best of its operators")}


def _speed(
    target: Target, subjects: Subjects, specs: Mapping[str, DeviceSpecs], material: Material
) -> dict[str, float]:
    """Seconds for many operators of which none was measured: memory modes, times, composition."""
    predictor = material.predictor(keys_of(next(iter(families_of(subjects.models).values()))))
    assert predictor is not None
    content = predictor.to_bytes()
    distinct = {one.key: one for subject in subjects.models for one in subject.capture.operators}
    operators = tuple(distinct.values())[:MANY]
    like = subjects.models[0].capture
    sequence = np.arange(len(operators))
    modules = (Module("", "All", leaf=False),)
    whole = Capture(
        like.workload,
        like.setup,
        operators,
        sequence,
        np.zeros_like(sequence),
        np.zeros(0),
        modules,
        machine=like.machine,
    )

    def predict(with_one: Predictor) -> None:
        one = subject_of(whole, target, {})
        one.composed(replace(ground_at(target, subjects, specs), predictor=with_one))

    read = partial(Predictor.from_bytes, content)
    seconds = _median_s(partial(predict, read()))
    return {
        "operators": len(operators),
        "seconds": seconds,
        "seconds_per_1000": seconds * MANY / len(operators),
        "reading_s": _median_s(read),
    }


def _median_s(call: Callable[[], object]) -> float:
    times = []
    for _ in range(TIMES):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


if __name__ == "__main__":
    main()
