"""Learning is followed, can be stopped between families, and tells places of the same hardware apart."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from planted_store import Planted, linear, relu, seconds, view

from stopwatt.errors import UsageError
from stopwatt.operators.replay import BESIDE, Mode
from stopwatt.operators.rows import queries_of, tables_of
from stopwatt.operators.table import DeviceSpecs
from stopwatt.operators.work import Family
from stopwatt.ops import fitting
from stopwatt.ops.fitting import NAME, fit_store
from stopwatt.ops.learnt import learnt_at
from stopwatt.ops.measured import observed_at
from stopwatt.ops.measuring import Nobody
from stopwatt.ops.places import specs_in
from stopwatt.predicting import Predictor
from stopwatt.predicting.evaluate import Evaluation
from stopwatt.predicting.predictor import fit
from stopwatt.predicting.splits import Question, divide
from stopwatt.store import open_store
from stopwatt.sweeping.execute import Interrupted

WIDTHS = [16 * step for step in range(2, 14)]
SLOWER = 4.0
"""How many times as long one thread takes as four."""


def unasked(table, _specs, *, told, **_):
    """No evaluation, but every question is told."""
    for question in Question:
        told(question)
    return Evaluation(table.family, len(table), (), tuple(Question), None)


@pytest.fixture
def planted(tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "evaluate", unasked)
    return Planted(tmp_path / "results.db")


class Heart(Nobody):
    def __init__(self):
        self.total, self.counts, self.names, self.left_s, self.ends = 0, [], [], [], 0

    def begin(self, total, done):
        self.total = total

    def task(self, text):
        self.names.append(text)

    def done(self, count, left_s):
        self.counts.append(count)
        self.left_s.append(left_s)

    def end(self):
        self.ends += 1


def test_every_step_is_told_and_what_is_left_is_estimated_once_one_is_done(planted):
    planted.replayed(*(linear(8, width) for width in WIDTHS), *(relu(8, width) for width in WIDTHS))
    heart = Heart()
    with open_store(planted.path) as store:
        fit_store(store, watcher=heart)
    assert heart.total == len(heart.names) == 2 * (1 + len(Question))
    assert heart.counts == list(range(heart.total))
    assert "gemm" in heart.names
    assert "gemm: unseen shape" in heart.names
    assert heart.left_s[0] == 0.0
    assert all(left > 0 for left in heart.left_s[1:])
    assert heart.ends == 1


def stop_at(monkeypatch, number):
    """Ctrl-C in the fit with that number, from 0."""
    fits = []

    def fitted(tables, *rest, **how):
        fits.append(tables)
        if len(fits) > number:
            raise KeyboardInterrupt
        return fit(tables, *rest, **how)

    monkeypatch.setattr(fitting, "fit", fitted)


def test_an_interrupt_keeps_whole_families_and_says_which_are_left(planted, monkeypatch):
    planted.replayed(*(linear(8, width) for width in WIDTHS), *(relu(8, width) for width in WIDTHS))
    stop_at(monkeypatch, 1)
    with open_store(planted.path) as store:
        with pytest.raises(Interrupted) as stopped:
            fit_store(store)
        (kept,) = Predictor.from_bytes(store.operators.predictor(NAME)[0]).families
    (left,) = {Family.GEMM, Family.ELEMENTWISE} - {kept}
    assert f"{kept}: fitted and kept" in stopped.value.when
    assert f"--family {left}" in stopped.value.now


def test_an_interrupt_leaves_families_that_were_not_fitted_again_as_they_were(planted, monkeypatch):
    planted.replayed(*(linear(8, width) for width in WIDTHS), *(relu(8, width) for width in WIDTHS))
    with open_store(planted.path) as store:
        fit_store(store)
        before = store.operators.predictor(NAME)[0]
        stop_at(monkeypatch, 0)
        with pytest.raises(Interrupted, match="stopped") as stopped:
            fit_store(store)
        assert store.operators.predictor(NAME)[0] == before
    assert "all are as before" in stopped.value.when


def test_an_interrupt_of_the_questions_keeps_the_family_that_they_are_about(planted, monkeypatch):
    planted.replayed(*(linear(8, width) for width in WIDTHS))

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(fitting, "evaluate", interrupted)
    with open_store(planted.path) as store:
        with pytest.raises(Interrupted, match="stopped") as stopped:
            fit_store(store)
        assert Predictor.from_bytes(store.operators.predictor(NAME)[0]).families == (Family.GEMM,)
    assert "all families are fitted and kept" in stopped.value.when


def test_operators_that_nothing_tells_apart_are_not_learnt(planted):
    planted.replayed(*(make(8, width) for make in (linear, view) for width in WIDTHS))
    with open_store(planted.path) as store:
        assert [part.family for part in fit_store(store).parts] == [Family.GEMM]
        with pytest.raises(UsageError, match="no family of operators has"):
            fit_store(store, [Family.VIEW])


@pytest.fixture
def two_places(planted):
    """The same products with one thread and with four."""
    few = replace(planted.place, threads=1)
    many = replace(planted.place, threads=4)
    products = [linear(8, width) for width in WIDTHS]
    planted.replayed(*products, place=few, ratio=SLOWER)
    planted.replayed(*products, place=many)
    return planted, ((few, SLOWER), (many, 1.0))


def worst(predictor, device, ratio):
    """The largest error of sizes between those that were learnt, as a factor."""
    asked = [linear(8, width + 8) for width in WIDTHS[:-1]]
    table, rows = queries_of(asked, Mode.REUSE, device)[Family.GEMM]
    said = predictor.predict(Family.GEMM, table, {}).time_s
    true = ratio * np.array([seconds(asked[row]) for row in rows])
    return float(np.exp(np.abs(np.log(said / true)).max()))


def test_rows_of_another_thread_count_are_those_of_another_place(two_places):
    planted, places = two_places
    with open_store(planted.path) as store:
        fit_store(store)
        predictor = Predictor.from_bytes(store.operators.predictor(NAME)[0])
        rows = [row for place, _ in places for row in observed_at(store, place)]
    pooled = fit(tables_of(rows, planted.place.hardware), {})
    assert set(predictor.models[Family.GEMM].domain.devices) == {place.label for place, _ in places}
    for place, ratio in places:
        assert worst(predictor, place.label, ratio) < 1.15
    assert max(worst(pooled, planted.place.hardware, ratio) for _, ratio in places) > 1.5


def test_a_thread_count_that_was_not_measured_is_outside_of_what_was_learnt(two_places):
    planted, places = two_places
    other = replace(planted.place, threads=2)
    with open_store(planted.path) as store:
        fit_store(store)
        assert learnt_at(store, other).families == ()
        for place, _ in places:
            assert learnt_at(store, place).families == (Family.GEMM,)
        predictor = Predictor.from_bytes(store.operators.predictor(NAME)[0])
    table, _ = queries_of([linear(8, 40)], Mode.REUSE, other.label)[Family.GEMM]
    forecast = predictor.predict(Family.GEMM, table, {})
    assert forecast.why.tolist() == ["a device without measurements"]


def test_an_unseen_device_is_unseen_with_any_number_of_threads(two_places):
    planted, places = two_places
    with open_store(planted.path) as store:
        rows = [observed_at(store, place) for place, _ in places]
    first, second = (tables_of(own, place.label)[Family.GEMM] for own, (place, _) in zip(rows, places, strict=True))
    assert divide(fitting.joined([first, second]), Question.DEVICE, 0) is None
    elsewhere = tables_of(rows[0][:10], f"another{BESIDE}1 thread")[Family.GEMM]
    division = divide(fitting.joined([first, second, elsewhere]), Question.DEVICE, 0)
    assert division.test.tolist() == [True] * (len(first) + len(second)) + [False] * len(elsewhere)


def test_places_are_labelled_by_what_decides_how_long_an_operator_takes(planted):
    place = replace(planted.place, hardware="a processor", threads=2)
    gpu = replace(place, device="cuda", hardware="a GPU")
    assert place.label == f"a processor{BESIDE}2 threads"
    assert replace(place, threads=1).label == f"a processor{BESIDE}1 thread"
    assert replace(gpu, threads=1).label == gpu.label == "a GPU"
    assert replace(gpu, precision="tf32").label == f"a GPU{BESIDE}tf32"


def test_what_is_stated_of_hardware_holds_at_its_places_with_their_threads_as_units(two_places):
    planted, places = two_places
    with open_store(planted.path) as store:
        assert specs_in(store) == {}
        store.operators.save_specs(DeviceSpecs(planted.place.hardware, {"float32": 1e11}, 1e10, units=64))
        found = specs_in(store)
    assert {found[place.label].units for place, _ in places} == {1, 4}
    assert {one.bandwidth for one in found.values()} == {1e10}
