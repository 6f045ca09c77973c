"""How well are models predicted that nobody measured? One family left out after another, beside simple baselines.

Reads the models that `reconciliation` captured, measured and replayed; measures nothing: only fits.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np

from reconciliation import THREADS
from result import RESULTS, Page, made_of
from stopwatt.errors import UsageError
from stopwatt.operators.capture import Capture, Module
from stopwatt.operators.table import DeviceSpecs
from stopwatt.ops.learning import Material, material_of
from stopwatt.ops.subjects import Subjects, cell_of, ground_at, specs_at, subject_of, subjects_of
from stopwatt.ops.target import Target, target_of
from stopwatt.predicting.ceilings import completed
from stopwatt.predicting.held_out import families_of
from stopwatt.predicting.model_evaluation import Figures, Trial, Way, baseline_figures, evaluate, figures
from stopwatt.predicting.predictor import Predictor
from stopwatt.records import Status
from stopwatt.store import Access, Store, open_store
from stopwatt.store.model import Selection
from stopwatt.units import percent, quantity

STORE = Path(__file__).parent.parent / "build" / "reconciliation-cpu.db"
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


def main(out: Path = RESULTS, store: Path = STORE) -> None:
    """Write the page."""
    if not store.exists():
        raise UsageError(f"there is no {store.name}", now="python benchmarks/run.py reconciliation")
    with open_store(str(store), access=Access.READ) as database:
        rounds = list(database.measurements(Selection(status=Status.OK)))
        target = target_of(database, "cpu", THREADS)
        subjects = subjects_of(database, target)
        if not subjects.models:
            raise UsageError(
                f"no model of {store.name} was measured on {target.hardware}", now="run it where it was made"
            )
        specs = _specs(database, target, subjects)
        material = material_of(database, target, specs)
        begin = time.monotonic()
        trials = evaluate(subjects.models, ground_at(target, subjects, specs), material.predictor)
        fitting_s = (time.monotonic() - begin) / len(families_of(subjects.models))
        speed = _speed(target, subjects, specs, material)
        made = made_of(rounds, database.runs()[-1].tool_version)
    Page(
        "model-prediction",
        "Predicted time of models that were not measured",
        "python benchmarks/run.py model-prediction",
        sentences=list(_sentences(trials, speed, fitting_s)),
        tables=[
            ("All models", _HEAD, list(_lines(trials))),
            ("Nothing known of the family: by family", ("family", *_HEAD[1:]), list(_family_lines(trials))),
            ("Every model, strict", _MODEL_HEAD, [_model_line(one) for one in trials]),
        ],
        data=_data(trials) | {"speed": speed, "seconds_a_family": fitting_s},
        made=made,
    ).write(out)


_HEAD = ("what is known", "models", "median error", "MAPE", "within 10 %", "bias", "90 % interval holds", "+- (median)")
_MODEL_HEAD = ("model", "measured", "predicted", "90 % interval", "error", "on predictions", "in use", "all measured")


def _sentences(trials: Sequence[Trial], speed: Mapping[str, float], fitting_s: float) -> Iterator[str]:
    strict, families = figures(trials, Way.STRICT), len({one.family for one in trials})
    met = "met" if strict.median <= MEDIAN else "missed"
    held = "met" if COVERED[0] <= strict.coverage <= COVERED[1] else "missed"
    yield (
        f"{len(trials)} models of {families} families; each family is left out in turn: neither its latencies nor any "
        "operator that one of its models calls is learnt from, and intervals are calibrated on the other families."
    )
    yield (
        f"Median error {percent(strict.median)} (asked for: at most {percent(MEDIAN)}; {met}); the 90 % intervals hold "
        f"{percent(strict.coverage)} of the models (asked for: {percent(COVERED[0])} to {percent(COVERED[1])}; {held})."
    )
    yield (
        "Calibration cases of the other families were predicted by models that had seen the operators, though not the "
        "latencies, of the family that is left out."
    )
    yield (
        f"Predicting {speed['operators']:.0f} distinct operators of which none was measured takes "
        f"{quantity(speed['seconds'], 's')} without capturing ({speed['seconds_per_1000']:.2f} s for 1,000); "
        f"reading the predictor {quantity(speed['reading_s'], 's')}. Leaving out a family took {fitting_s:.0f} s, "
        "nearly all of it fitting."
    )


def _lines(trials: Sequence[Trial]) -> Iterator[Sequence[str]]:
    for way, words in WAYS.items():
        if any(way in one.intervals for one in trials):
            yield _line(f"{way}: {words}", figures(trials, way))
    for name in trials[0].baselines:
        yield _line(name, baseline_figures(trials, name))


def _family_lines(trials: Sequence[Trial]) -> Iterator[Sequence[str]]:
    for family in dict.fromkeys(one.family for one in trials):
        yield _line(family, figures([one for one in trials if one.family == family], Way.STRICT))


def _line(name: str, found: Figures) -> Sequence[str]:
    held, width = ("-" if np.isnan(one) else percent(one) for one in (found.coverage, found.width))
    plain = (percent(one) for one in (found.median, found.mape, found.near))
    return (name, str(found.models), *plain, f"{np.exp(found.bias) - 1:+.1%}", held, width)


def _model_line(one: Trial) -> Sequence[str]:
    found = one.intervals[Way.STRICT]
    interval = f"{quantity(found.low_s, 's')} to {quantity(found.high_s, 's')}"
    others = (f"{_error(one, way):+.1%}" if way in one.intervals else "-" for way in (Way.IN_USE, Way.ALL))
    times = (quantity(one.measured_s, "s"), quantity(found.time_s, "s"))
    return (one.label, *times, interval, f"{_error(one, Way.STRICT):+.1%}", percent(one.shares[Way.STRICT]), *others)


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
    predictor = material.predictor()
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
