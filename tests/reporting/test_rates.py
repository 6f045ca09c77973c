"""Rates and ceilings as people see them."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest

from stopwatt.analyse.ceilings import ceilings_of
from stopwatt.cli import main
from stopwatt.measuring.ceilings import COPY, MATMUL, MATMUL_SIZE, SOURCE
from stopwatt.records import Cell, Measured, Measurement, Precision, Protocol, Samples, Setup, Status, Workload
from stopwatt.reporting.console import console_for
from stopwatt.reporting.rates import show_ceilings
from stopwatt.store import open_store

MLP = Workload("mlp", {"features": 100, "hidden": 8, "layers": 0, "outputs": 10})
CELL = Cell(MLP, Setup(), Protocol(), machine="here")


def latency(cell, milliseconds):
    values = np.rint(milliseconds * 1e6 + np.arange(-150, 151) * 10).astype(np.int64)
    return [
        Measurement(cell, number, Status.OK, samples={"latency": Samples(values + number, "ns")})
        for number in (0, 1, 2)
    ]


def ceiling(flops=4e6, **setup):
    samples = {MATMUL: Samples(np.full(7, flops), "FLOP/s"), COPY: Samples(np.full(7, 1e9), "B/s")}
    cell = replace(CELL, workload=Workload(SOURCE), setup=replace(CELL.setup, **setup), software={"torch": "2.0"})
    return Measurement(cell, 0, Status.OK, samples=samples, readings={MATMUL_SIZE: Measured(512, "1")})


@pytest.fixture
def shown(tmp_path, capsys):
    """Saves measurements as a run each, and returns what `show --rates` prints."""

    def show(*runs, options=()):
        path = tmp_path / "results.db"
        with open_store(path) as store:
            for measurements in runs:
                run = store.begin_run("stopwatt bench", "plan", "", "0")
                for measurement in measurements:
                    store.save(run, measurement)
        with pytest.raises(SystemExit) as stop:
            main(["show", "--rates", "--store", str(path), *options])
        assert stop.value.code == 0
        return capsys.readouterr().out

    return show


def test_a_row_has_its_rates_their_shares_and_the_nearer_roof(shown):
    text = shown([ceiling()], latency(CELL, 1.0))

    assert "2.0000 [2.0000, 2.0000] 50.0 " in " ".join(text.split())  # MFLOP/s
    assert "compute" in text
    assert "The most of cpu in fp32" in text
    assert "4.00 MFLOP/s, 1.00 GB/s" in text
    assert max(map(len, text.splitlines())) <= 100


def test_what_is_missing_is_a_dash_and_each_reason_stands_once_with_its_count(shown):
    other = replace(CELL, workload=Workload("model.onnx"))
    rows = [one for batch in (1, 2) for one in latency(replace(other, setup=Setup(batch=batch)), 1.0)]
    text = shown([*rows, *latency(CELL, 1.0)])

    assert "- 2 of 3 cells: there is no formula for model.onnx" in text
    assert "- 1 of 3 cells: the ceilings of cpu in fp32 were not measured: stopwatt ceilings --device cpu" in " ".join(
        text.split()
    )


def test_a_share_above_one_is_explained(shown):
    assert "! 1 of 1 cells are above 100 %" in shown([ceiling(flops=1e6)], latency(CELL, 1.0))


def test_an_occupancy_has_a_column_where_somebody_asked_for_it(shown):
    asked = replace(CELL, setup=Setup(batch=8))
    traced = [replace(one, readings={"occupancy": Measured(43.7, "%")}) for one in latency(asked, 1.0)]
    text = shown([*traced, *latency(CELL, 1.0)])

    assert "warps %" in text
    assert " 44" in text
    assert max(map(len, text.splitlines())) <= 100


def test_without_one_there_is_no_column(shown):
    assert "warps" not in shown(latency(CELL, 1.0))


def test_a_mean_that_somebody_stated_is_marked(shown):
    mean = Measurement(CELL, 0, Status.OK, readings={"mean_latency": Measured(0.002, "s")})
    assert "2.00 ms mean" in shown([mean])


def test_without_options_the_latest_run_of_models_is_shown(shown):
    first = latency(replace(CELL, setup=Setup(batch=4)), 1.0)
    latest = latency(replace(CELL, setup=Setup(batch=8)), 1.0)
    document = json.loads(shown(first, latest, [ceiling()], options=("--json",)))
    assert [one["batch"] for one in document["rates"]] == [8]


def test_options_select_as_they_do_without_rates(shown):
    first = latency(replace(CELL, setup=Setup(batch=4)), 1.0)
    latest = latency(replace(CELL, setup=Setup(batch=8)), 1.0)
    document = json.loads(shown(first, latest, options=("--json", "--batch", "4")))
    assert [one["batch"] for one in document["rates"]] == [4]


def test_an_empty_store_has_no_rates(shown):
    assert json.loads(shown(options=("--json",)))["rates"] == []


def test_ceilings_are_a_table(monkeypatch):
    stream = io.StringIO()
    show_ceilings(console_for(stream), ceilings_of([ceiling(1e11), ceiling(5e11, precision=Precision.BF16)]))
    text = stream.getvalue()

    for part in ("fp32", "bf16", "GFLOP/s", "GB/s", "512", "2.0"):
        assert part in text
    assert max(map(len, text.splitlines())) <= 100
