"""What the store knows of a whole model."""

from dataclasses import replace

import numpy as np
import pytest

from stopwatt.measuring.ceilings import COPY, MATMUL, MATMUL_SIZE, SOURCE
from stopwatt.operators.table import DeviceSpecs
from stopwatt.ops.whole import known_row, model_of, specs_of
from stopwatt.records import (
    Boundary,
    Cell,
    Measured,
    Measurement,
    Precision,
    Protocol,
    Samples,
    Setup,
    Status,
    Trouble,
    Unavailable,
    Workload,
)
from stopwatt.store import open_store

CELL = Cell(Workload("mlp", {"hidden": 8}), Setup(batch=4), Protocol(), "code", {"torch": "2"}, "here")


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "results.db") as opened:
        yield opened


def rounds(cell=CELL, count=3, microseconds=40, readings=None, **changes):
    times = Samples(np.arange(-50, 51) + 1000 * microseconds, "ns")
    return [
        replace(Measurement(cell, n, Status.OK, samples={"latency": times}, readings=readings or {}), **changes)
        for n in range(count)
    ]


def save(store, measurements):
    run = store.begin_run("bench", "plan", "", "0")
    for one in measurements:
        store.save(run, one)


def latency(store, cell=CELL):
    row = known_row(store, cell)
    return None if row is None else model_of(row).latency.value


def test_a_cell_counts_whatever_rules_it_was_measured_by(store):
    save(store, rounds(replace(CELL, protocol=Protocol(trials=17))))
    assert latency(store) == pytest.approx(40e-6)


def test_of_several_protocols_the_one_with_the_most_rounds_counts(store):
    save(store, rounds(replace(CELL, protocol=Protocol(trials=17)), count=5, microseconds=30))
    save(store, rounds())
    assert latency(store) == pytest.approx(30e-6)


@pytest.mark.parametrize(
    "other",
    [
        {"workload": Workload("mlp", {"hidden": 16})},
        {"setup": Setup(batch=4, threads=2)},
        {"setup": Setup(batch=4, variant="other")},
        {"code": "changed"},
        {"software": {"torch": "3"}},
        {"machine": "elsewhere"},
        {"protocol": Protocol(boundary=Boundary.HOST)},
        {"protocol": Protocol(idle_s=0.1)},
    ],
)
def test_another_work_place_or_way_does_not_count(store, other):
    save(store, rounds(replace(CELL, **other)))
    assert known_row(store, CELL) is None


def test_a_round_that_failed_does_not_count(store):
    save(store, rounds(status=Status.FAILED, samples={}, trouble=Trouble("it raised")))
    assert known_row(store, CELL) is None


def test_energy_of_a_call_is_that_of_all_its_samples(store):
    readings = {"energy_package": Measured(0.5, "J"), "power_active_idle_package": Measured(20.0, "W")}
    save(store, rounds(readings=readings))
    model = model_of(known_row(store, CELL))
    assert model.energy.value == pytest.approx(2.0)
    assert model.active_idle_w == pytest.approx(20.0)


def test_energy_that_could_not_be_read_says_why(store):
    save(store, rounds(readings={"energy_package": Unavailable("the counter stood still")}))
    model = model_of(known_row(store, CELL))
    assert (model.energy, model.active_idle_w) == (None, None)
    assert model.no_energy == "the counter stood still"


def ceiling(precision, flops):
    cell = replace(CELL, workload=Workload(SOURCE, {}), setup=Setup(precision=precision))
    windows = {MATMUL: Samples(np.array([flops] * 3), "FLOP/s"), COPY: Samples(np.array([2e10] * 3), "B/s")}
    return Measurement(cell, 0, Status.OK, samples=windows, readings={MATMUL_SIZE: Measured(512.0, "1")})


def test_ceilings_that_were_measured_here_are_the_roofline(store):
    save(store, [ceiling(Precision.FP32, 1e11), ceiling(Precision.BF16, 4e11)])
    specs = specs_of(store, CELL, "made")
    assert specs.flops == {"float32": 1e11, "bfloat16": 4e11}
    assert specs.bandwidth == 2e10


def test_ceilings_of_other_threads_are_not_those_of_the_cell(store):
    save(store, [ceiling(Precision.FP32, 1e11)])
    assert specs_of(store, replace(CELL, setup=Setup(threads=8)), "made") is None


def test_without_ceilings_what_is_stated_of_the_hardware_counts(store):
    stated = DeviceSpecs("made", {"float32": 5e11}, 1e11)
    store.operators.save_specs(stated)
    assert specs_of(store, CELL, "made") == stated
    assert specs_of(store, CELL, "unheard of") is None
