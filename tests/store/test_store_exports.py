"""Exported files hold everything, harm nobody, and come back exactly."""

import csv
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from store_examples import HOSTILE_NAMES, measurement

from stopwatt.errors import ExitCode, StoreError, UsageError
from stopwatt.records import Measured, Measurement, Samples, Status
from stopwatt.store import Selection, open_store
from stopwatt.store.export import export
from stopwatt.store.importing import IMPORTED_FROM, import_file
from stopwatt.store.longform import COLUMNS

EVERYTHING = Selection()


@pytest.fixture
def full(store):
    """A store with a good round, a failed one and one that measured nothing."""
    run = store.begin_run("stopwatt bench lstm", "plan", "night", "0.1.0", {"grid": {"hidden": [64, 128]}})
    store.save(run, measurement(trials=4))
    store.save(run, measurement(number=1, status=Status.TIMEOUT))
    store.save(run, Measurement(measurement().cell, 2, Status.CRASHED, id="f" * 32))
    return store


@pytest.fixture
def empty(tmp_path):
    with open_store(tmp_path / "another.db") as another:
        yield another


def without_source(found):
    return replace(found, facts={name: value for name, value in found.facts.items() if name != IMPORTED_FROM})


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_json_comes_back_exactly_with_its_source_as_a_fact(full, empty, tmp_path):
    file = tmp_path / "results.json"
    export(full, file, EVERYTHING)
    brought = import_file(empty, file)
    assert (brought.new, brought.known) == (3, 0)
    assert [without_source(found) for found in empty.measurements()] == list(full.measurements())
    assert {found.facts[IMPORTED_FROM] for found in empty.measurements()} == {str(file)}
    assert empty.runs() == full.runs()


def test_importing_again_brings_nothing_new(full, empty, tmp_path):
    export(full, tmp_path / "results.json", EVERYTHING)
    import_file(empty, tmp_path / "results.json")
    before = list(empty.measurements())
    again = import_file(empty, tmp_path / "results.json")
    assert (again.new, again.known) == (0, 3)
    assert list(empty.measurements()) == before


def test_importing_into_the_store_it_came_from_changes_nothing(full, tmp_path):
    before = list(full.measurements())
    export(full, tmp_path / "results.json", EVERYTHING)
    assert import_file(full, tmp_path / "results.json").known == 3
    assert list(full.measurements()) == before


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_survives_every_format(tmp_path, empty, name):
    parquet = pytest.importorskip("pyarrow.parquet")
    with open_store(tmp_path / "results.db") as store:
        store.save(store.begin_run("bench", "plan", "", "0.1.0"), measurement(name))
        for ending in ("json", "csv", "parquet"):
            export(store, tmp_path / f"out.{ending}", EVERYTHING)
    import_file(empty, tmp_path / "out.json")
    assert [found.cell.workload.source for found in empty.measurements()] == [name]
    assert set(parquet.read_table(tmp_path / "out.parquet").column("workload").to_pylist()) == {name}
    (written,) = {row["workload"] for row in read_csv(tmp_path / "out.csv")}
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert written.removeprefix("'") == name


def test_bytes_of_a_file_name_that_are_no_utf_8_do_not_stop_an_export(tmp_path, empty):
    name = b"model-\xff.onnx".decode(errors="surrogateescape")
    with open_store(tmp_path / "results.db") as store:
        store.save(store.begin_run("bench", "plan", "", "0.1.0"), measurement(name))
        for ending in ("json", "csv", "parquet"):
            export(store, tmp_path / f"out.{ending}", EVERYTHING)
    import_file(empty, tmp_path / "out.json")
    assert [found.cell.workload.source for found in empty.measurements()] == [name]
    assert {row["workload"] for row in read_csv(tmp_path / "out.csv")} == {r"model-\udcff.onnx"}


def test_csv_has_a_row_a_trial_a_row_a_reading_and_a_row_for_a_round_that_measured_nothing(full, tmp_path):
    written = export(full, tmp_path / "out.csv", EVERYTHING)
    rows = read_csv(tmp_path / "out.csv")
    assert (written.measurements, written.rows) == (3, len(rows))
    assert list(rows[0]) == list(COLUMNS)
    first = measurement(trials=4)
    trials = [row for row in rows if row["measurement"] == first.id and row["metric"] == "latency"]
    assert [int(row["value"]) for row in trials] == first.samples["latency"].values.tolist()
    assert [row["trial"] for row in trials] == ["0", "1", "2", "3"]
    assert {row["unit"] for row in trials} == {"ns"}
    missing = [row for row in rows if row["kind"] == "unavailable"]
    assert {(row["metric"], row["value"], row["why"]) for row in missing} == {
        ("device_memory", "", "a CPU has no memory of its own")
    }
    nothing = [row for row in rows if row["kind"] == "nothing"]
    assert [(row["measurement"], row["status"], row["value"]) for row in nothing] == [("f" * 32, "crashed", "")]


def test_csv_says_everything_about_the_cell_in_every_row(full, tmp_path):
    export(full, tmp_path / "out.csv", EVERYTHING)
    cell = measurement().cell
    for row in read_csv(tmp_path / "out.csv"):
        assert row["cell"] == cell.key
        assert json.loads(row["params"]) == cell.workload.params
        assert (row["backend"], row["variant"], row["precision"], row["batch"]) == (
            "eager",
            "max-autotune",
            "bf16",
            "1",
        )
        assert (row["device"], row["threads"], row["boundary"]) == ("cpu", "2", "host")
        assert json.loads(row["protocol"])["warmup"]["min_calls"] == cell.protocol.warmup.min_calls
        assert (row["code"], json.loads(row["software"]), row["machine"]) == ("c0de", {"torch": "2.13.0"}, "ma5c1ne")


def test_parquet_has_the_rows_and_types_of_the_table(full, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    export(full, tmp_path / "out.parquet", EVERYTHING)
    table = parquet.read_table(tmp_path / "out.parquet")
    rows = read_csv_of(full, tmp_path)
    assert table.column_names == list(COLUMNS)
    assert {str(table.schema.field(name).type) for name in ("batch", "threads", "round", "trial")} == {"int64"}
    assert str(table.schema.field("value").type) == "double"
    assert table.schema.metadata[b"stopwatt_schema"] == b"1"
    values = [None if row["value"] == "" else float(row["value"]) for row in rows]
    assert table.column("value").to_pylist() == values
    assert table.column("trial").to_pylist() == [int(row["trial"]) if row["trial"] else None for row in rows]


def read_csv_of(store, folder):
    export(store, folder / "beside.csv", EVERYTHING)
    return read_csv(folder / "beside.csv")


def test_the_exact_numbers_survive(tmp_path, empty):
    exact = [5e-324, -0.0, 1.7976931348623157e308, math.inf, -math.inf, math.nan, 0.1 + 0.2]
    values = {"odd": Samples(np.array(exact), "1"), "large": Samples(np.array([2**63 - 1, -(2**63)]), "ns")}
    with open_store(tmp_path / "results.db") as store:
        odd = replace(measurement(), samples=values, readings={"nan": Measured(math.nan, "1")})
        store.save(store.begin_run("bench", "plan", "", "0.1.0"), odd)
        export(store, tmp_path / "out.json", EVERYTHING)
    import_file(empty, tmp_path / "out.json")
    (found,) = empty.measurements()
    assert found.samples["odd"].values.tobytes() == np.array(exact).tobytes()
    assert found.samples["large"].values.tolist() == [2**63 - 1, -(2**63)]
    assert math.isnan(found.readings["nan"].value)


def test_a_selection_is_what_is_exported(full, tmp_path):
    written = export(full, tmp_path / "out.json", Selection(status=Status.TIMEOUT))
    document = json.loads((tmp_path / "out.json").read_text())
    assert written.measurements == 1
    assert [found["status"] for found in document["measurements"]] == ["timeout"]
    assert len(document["runs"]) == 1


def test_an_export_of_nothing_is_an_error_and_no_file(full, tmp_path):
    with pytest.raises(UsageError, match="no measurement has --workload gpt2"):
        export(full, tmp_path / "out.json", Selection(workload="gpt2"))
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize("name", ["out", "out.xlsx", "out.json.gz"])
def test_an_unknown_ending_is_refused_with_the_known_ones(full, tmp_path, name):
    with pytest.raises(UsageError, match="unknown format") as refused:
        export(full, tmp_path / name, EVERYTHING)
    assert ".parquet" in refused.value.now


def test_parquet_without_pyarrow_names_the_remedy(full, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(UsageError) as refused:
        export(full, tmp_path / "out.parquet", EVERYTHING)
    assert "pip install 'stopwatt[export]'" in refused.value.now
    assert list(tmp_path.glob("*out*")) == []


def damage_truncated(text):
    return text[: len(text) // 2]


def damage(change):
    def damaged(text):
        document = json.loads(text)
        change(document)
        return json.dumps(document).encode()

    return damaged


def first(document):
    return document["measurements"][0]


def latency(document):
    return first(document)["samples"]["latency"]["values"]


GARBAGE = {
    "empty": lambda text: b"",
    "truncated": damage_truncated,
    "binary": lambda text: b"\x00\xff\xfe" * 100,
    "a list": lambda text: b"[]",
    "deep": lambda text: b"[" * 100_000,
    "a long number": lambda text: b"9" * 10_000,
    "of another program": lambda text: b'{"schema": 1, "runs": [], "measurements": []}',
    "no measurements": damage(lambda d: d.pop("measurements")),
    "runs no list": damage(lambda d: d.update(runs={})),
    "schema 0": damage(lambda d: d.update(schema=0)),
    "schema true": damage(lambda d: d.update(schema="1")),
    "a number for a measurement": damage(lambda d: d["measurements"].append(3)),
    "a null for a run": damage(lambda d: d["runs"].append(None)),
    "id": damage(lambda d: first(d).update(id="../../x")),
    "run id": damage(lambda d: d["runs"][0].update(id="x")),
    "run not in the file": damage(lambda d: first(d).update(run="0" * 32)),
    "run of a wrong type": damage(lambda d: first(d).update(run=["x"])),
    "time": damage(lambda d: first(d).update(started_at="yesterday")),
    "run time": damage(lambda d: d["runs"][0].update(started_at="")),
    "status": damage(lambda d: first(d).update(status="splendid")),
    "precision": damage(lambda d: first(d)["cell"]["setup"].update(precision="fp1")),
    "batch": damage(lambda d: first(d)["cell"]["setup"].update(batch=10**30)),
    "round": damage(lambda d: first(d).update(round=-1)),
    "no cell": damage(lambda d: first(d).pop("cell")),
    "metric name": damage(lambda d: first(d)["samples"].update({"a\0b": first(d)["samples"]["latency"]})),
    "long metric name": damage(lambda d: first(d)["samples"].update({"a" * 5000: first(d)["samples"]["latency"]})),
    "nested fact": damage(lambda d: first(d)["facts"].update(cpu={"a": 1})),
    "array checksum": damage(lambda d: latency(d).update(crc32=1)),
    "array length": damage(lambda d: latency(d).update(n=10**12)),
    "array type": damage(lambda d: latency(d).update(dtype="object")),
    "array base64": damage(lambda d: latency(d).update(zlib="***")),
    "array zlib": damage(lambda d: latency(d).update(zlib="AAAA")),
    "array no text": damage(lambda d: latency(d).update(zlib=3)),
    "array missing": damage(lambda d: first(d)["samples"]["latency"].update(values=None)),
    "last one bad": damage(lambda d: d["measurements"][-1].update(status="")),
}


@pytest.mark.parametrize("change", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_refused_and_nothing_is_half_imported(full_json, empty, change):
    full_json.write_bytes(change(full_json.read_bytes()))
    with pytest.raises(UsageError) as refused:
        import_file(empty, full_json)
    assert (refused.value.when, refused.value.exit_code) == (str(full_json), ExitCode.USAGE)
    assert refused.value.now
    assert empty.runs() == []
    assert empty.entries() == []


@pytest.fixture
def full_json(tmp_path):
    with open_store(tmp_path / "full.db") as store:
        run = store.begin_run("bench", "plan", "", "0.1.0")
        for number in range(3):
            store.save(run, measurement(number=number))
        export(store, tmp_path / "results.json", EVERYTHING)
    return tmp_path / "results.json"


def test_a_file_of_a_newer_stopwatt_is_refused_with_the_remedy(full_json, empty):
    full_json.write_bytes(damage(lambda d: d.update(schema=2))(full_json.read_bytes()))
    with pytest.raises(UsageError, match="schema 2") as refused:
        import_file(empty, full_json)
    assert "pip install --upgrade stopwatt" in refused.value.now


def test_what_a_newer_file_says_besides_is_passed_over(full_json, empty):
    full_json.write_bytes(damage(lambda d: d.update(comment="x"))(full_json.read_bytes()))
    assert import_file(empty, full_json).new == 3


def test_a_measurement_whose_key_was_forged_gets_its_own(full_json, empty):
    full_json.write_bytes(damage(lambda d: first(d)["cell"].update(key="0" * 20))(full_json.read_bytes()))
    import_file(empty, full_json)
    assert empty.entries()[0].cell == measurement().cell.key


def test_a_file_that_is_not_there_or_a_folder_is_refused(empty, tmp_path):
    for path in (tmp_path / "nowhere.json", tmp_path):
        with pytest.raises(UsageError):
            import_file(empty, path)


def test_a_folder_is_not_imported_and_called_what_it_is(empty, tmp_path):
    with pytest.raises(UsageError) as caught:
        import_file(empty, tmp_path)
    assert caught.value.what == "this is not a regular file"
    assert caught.value.when == str(tmp_path)


def test_an_import_that_the_disk_stops_leaves_nothing(full_json, empty, monkeypatch):
    import sqlite3

    from stopwatt.store import database

    put_round, calls = database.put_round, []

    def full_at_the_third(connection, run, found):
        calls.append(run)
        if len(calls) == 3:
            raise sqlite3.OperationalError("database or disk is full")
        return put_round(connection, run, found)

    monkeypatch.setattr(database, "put_round", full_at_the_third)
    with pytest.raises(StoreError):
        import_file(empty, full_json)
    assert empty.entries() == []
    assert empty.runs() == []
