"""Constructed sides of comparisons: rounds whose values are known."""

from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
import pytest

from stopwatt.analyse.observed import observe
from stopwatt.records import Cell, Measurement, Precision, Protocol, Samples, Setup, Status, Workload
from stopwatt.store import RunStatus, open_store

BEGIN = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
SPREAD = np.arange(-150, 151)


def _cell(batch=1, **changes):
    setup = {name: changes.pop(name) for name in ("backend", "precision", "threads", "device") if name in changes}
    source = changes.pop("source", "mlp")
    params = changes.pop("params", {"hidden": 8})
    rules = changes.pop("rules", Protocol())
    known = {"backend": "eager", "precision": Precision.FP32, "threads": 1, "device": "cpu"} | setup
    return Cell(Workload(source, params), Setup(batch=batch, **known), rules, **{"machine": "here"} | changes)


def _rounds(cell, medians, *, minutes=0.0, **fields):
    return [
        Measurement(
            cell,
            number,
            fields.get("status", Status.OK),
            samples={"latency": Samples(np.rint(ms * 1e6 + SPREAD * 10).astype(np.int64), "ns")},
            started_at=(BEGIN + timedelta(minutes=minutes + 0.2 * number)).isoformat(timespec="milliseconds"),
            **{name: value for name, value in fields.items() if name != "status"},
        )
        for number, ms in enumerate(medians)
    ]


@pytest.fixture(scope="session")
def cell():
    """`(batch, **changes)`: a cell of the mlp."""
    return _cell


@pytest.fixture(scope="session")
def rounds():
    """`(cell, medians in ms, minutes=after the beginning, **fields)`: one round per median, 301 trials each."""
    return _rounds


@pytest.fixture(scope="session")
def side():
    """`(measurements, word, metric, run)`: a side of one run."""

    def make(measurements, word="A", metric="latency", run="r1"):
        return observe(word, f"{word}.db", [(run, one) for one in measurements], metric)

    return make


@pytest.fixture(scope="session")
def store_in():
    """`(folder, {tag: measurements}, name, requests)`: a results database with a run for each tag; its path."""

    def make(folder, runs, name="stopwatt.db", requests=None):
        path = folder / name
        with open_store(path) as store:
            for tag, measurements in runs.items():
                asked = (requests or {}).get(tag)
                run = store.begin_run(f"stopwatt bench mlp --tag {tag}", "plan", tag, "0.1.0", asked)
                for one in measurements:
                    store.save(run, one)
                store.finish_run(run, RunStatus.COMPLETE)
        return path

    return make


@pytest.fixture
def stored(store_in, tmp_path, monkeypatch):
    """The same in the test's own folder, which becomes the current one."""
    monkeypatch.chdir(tmp_path)
    return partial(store_in, tmp_path)
