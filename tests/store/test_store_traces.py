"""Spans, traces and verdicts of energy survive a store, an export and an import; damage costs the damaged part only."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from store_examples import measurement

from stopwatt.energy import IDLE, SCREENING, TRIALS, About, Scope, Span, Telemetry, Trace
from stopwatt.errors import UsageError
from stopwatt.records import Estimated, Measured, Suspect, Unavailable
from stopwatt.store import Selection, open_store
from stopwatt.store.export import export
from stopwatt.store.importing import import_file
from stopwatt.store.tables import rounds, traces

ABOUT = About("gpu-0", Scope.GPU, "NVML", "GPU-1234", 262143.5, 0.002, ("averages over a second",), "MIG is on")
BOARD = Trace(
    ABOUT,
    np.array([10, 20, 2**62], dtype=np.int64),
    {"energy": np.array([0.5, np.nan, 1e300]), "slowdown": np.array([np.nan, 4.0, 0.0])},
    gone="the instrument vanished",
)
SILENT = Trace(About("process", Scope.NONE, "Linux"), np.empty(0, dtype=np.int64), {"busy": np.empty(0)})
SPANS = (Span(IDLE, 5, 2 * 10**9), Span(TRIALS, 2 * 10**9, 3 * 10**9, 40))
READINGS = {
    "energy_gpu": Suspect(2.0, "J", "the counter differs from the power"),
    "energy_cpu_estimated": Estimated(1.0, "J", 0.6, 1.4, "CPU time x 10 W"),
    "power_gpu": Measured(300.0, "W"),
    "energy_package": Unavailable("no RAPL: virtual machine"),
}


def metered(**changes):
    one = measurement()
    rules = replace(one.cell.protocol, energy=SCREENING, telemetry=Telemetry.ON, cpu_watts=10.0)
    whole = {"spans": SPANS, "traces": (BOARD, SILENT), "readings": READINGS, "facts": {}}
    return replace(one, cell=replace(one.cell, protocol=rules), **(whole | changes))


def same(found, wanted):
    """Arrays are compared bit by bit: traces have no equality of their own."""
    assert replace(found, traces=()) == replace(wanted, traces=())
    for one, other in zip(found.traces, wanted.traces, strict=True):
        assert (one.about, one.gone, list(one.channels)) == (other.about, other.gone, list(other.channels))
        np.testing.assert_array_equal(one.time_ns, other.time_ns)
        for name in one.channels:
            np.testing.assert_array_equal(one.channels[name], other.channels[name])
    return True


def saved(store, *found):
    run = store.begin_run("stopwatt bench", "plan", "", "0.1.0")
    for one in found:
        store.save(run, one)


def test_what_instruments_said_comes_back_from_the_store_exactly(store):
    saved(store, metered(), measurement(number=1))
    first, second = store.measurements()
    assert same(first, metered())
    assert second == measurement(number=1)
    assert same(store.measurement(metered().id), metered())


def test_arrays_stand_beside_the_document_which_many_queries_read(store):
    long = replace(BOARD, time_ns=np.arange(50_000), channels={"energy": np.random.default_rng(0).random(50_000)})
    saved(store, metered(traces=(long,)))
    with store._engine.begin() as connection:
        (document,) = connection.execute(rounds.select().with_only_columns(rounds.c.document)).scalars()
    assert len(document) < 20_000
    assert same(next(store.measurements()), metered(traces=(long,)))


def test_an_exported_file_brings_it_back_exactly(store, tmp_path):
    saved(store, metered())
    export(store, tmp_path / "out.json", Selection())
    with open_store(tmp_path / "another.db") as another:
        import_file(another, tmp_path / "out.json")
        (found,) = another.measurements()
    assert same(replace(found, facts={}), metered())


@pytest.mark.parametrize("column", ["data", "crc32", "n"])
def test_a_damaged_channel_is_named_and_the_others_stay(store, column):
    saved(store, metered())
    which = (traces.c.place == 0) & (traces.c.channel == "energy")
    with store._engine.begin() as connection:
        connection.execute(traces.update().where(which).values({column: b"garbage" if column == "data" else 7}))
    (found,) = store.measurements()
    assert list(found.traces[0].channels) == ["slowdown"]
    assert (found.notes[-1].kind, "gpu-0 (energy)" in found.notes[-1].text) == ("damaged-samples", True)
    assert found.samples == metered().samples


def test_without_its_times_a_trace_is_empty_and_says_so(store):
    saved(store, metered())
    with store._engine.begin() as connection:
        connection.execute(traces.delete().where((traces.c.place == 0) & (traces.c.channel == "time")))
    (found,) = store.measurements()
    assert (found.traces[0].time_ns.size, found.traces[0].channels) == (0, {})
    assert "gpu-0 (everything)" in found.notes[-1].text


def read_rows(store, path):
    export(store, path, Selection())
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    parquet = pytest.importorskip("pyarrow.parquet")
    return parquet.read_table(path).to_pylist()


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_long_table_has_a_row_for_each_value_that_was_read_with_its_time(store, tmp_path, ending):
    saved(store, metered())
    rows = read_rows(store, tmp_path / f"out.{ending}")
    of_traces = [row for row in rows if row["kind"] == "trace"]
    found = [(row["metric"], float(row["value"]), row["unit"], int(row["time_ns"])) for row in of_traces]
    assert found == [
        ("gpu-0.energy", 0.5, "J", 10),
        ("gpu-0.energy", 1e300, "J", 2**62),
        ("gpu-0.slowdown", 4.0, "bits", 20),
        ("gpu-0.slowdown", 0.0, "bits", 2**62),
    ]
    spans = [row for row in rows if row["kind"] == "span"]
    assert [(row["metric"], float(row["value"]), int(row["time_ns"]), row["why"]) for row in spans] == [
        (IDLE, pytest.approx(2.0), 5, spans[0]["why"]),
        (TRIALS, pytest.approx(1.0), 2 * 10**9, "40 calls"),
    ]
    assert not any(row["time_ns"] for row in rows if row["kind"] not in ("trace", "span"))


def test_the_long_table_keeps_verdicts_apart(store, tmp_path):
    saved(store, metered())
    kinds = {row["metric"]: (row["kind"], row["value"], row["why"]) for row in read_rows(store, tmp_path / "out.csv")}
    assert kinds["power_gpu"] == ("reading", "300.0", "")
    assert kinds["energy_gpu"] == ("suspect", "2.0", "the counter differs from the power")
    assert kinds["energy_cpu_estimated"] == ("estimated", "1.0", "CPU time x 10 W: 0.6 to 1.4")
    assert kinds["energy_package"] == ("unavailable", "", "no RAPL: virtual machine")


@pytest.mark.parametrize(
    ("flaw", "words"),
    [
        (lambda trace: trace["channels"].update(energy=trace["time_ns"] | {"n": 3, "crc32": 1}), "checksum"),
        (lambda trace: trace.update(time_ns=SHORT), "more values than times"),
        (lambda trace: trace["channels"].update({"a\nb": trace["channels"]["energy"]}), "no usable name"),
        (lambda trace: trace["channels"].update({"time": trace["channels"]["energy"]}), "no usable name"),
        (lambda trace: trace["about"].update(name=""), "no usable name"),
        (lambda trace: trace["about"].update(scope="moon"), "scope"),
    ],
)
def test_a_file_with_a_trace_that_cannot_be_is_refused_whole(store, tmp_path, flaw, words):
    saved(store, metered())
    path = tmp_path / "out.json"
    export(store, path, Selection())
    document = json.loads(path.read_text())
    flaw(document["measurements"][0]["traces"][0])
    path.write_text(json.dumps(document))
    with open_store(tmp_path / "another.db") as another:
        with pytest.raises(UsageError, match=words):
            import_file(another, path)
        assert list(another.measurements()) == []


SHORT = {"dtype": "int64", "n": 0, "crc32": 0, "zlib": "eJwDAAAAAAE="}
