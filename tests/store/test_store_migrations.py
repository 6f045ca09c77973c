"""Results of every past schema stay readable; the history of the schema is only ever added to."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from operator_examples import same_table, table
from sqlalchemy import inspect
from store_examples import measurement

from stopwatt.errors import StoreError
from stopwatt.records import Measured, Precision, Samples, Status, Unavailable
from stopwatt.store import Access, Selection, open_store
from stopwatt.store.migrations import MIGRATIONS
from stopwatt.store.tables import metadata

_GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def of_schema_1(tmp_path):
    """A store as stopwatt 0.1.0 wrote it."""
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as old:
        old.executescript((_GOLDEN / "schema_1.sql").read_text())
    old.close()
    return path


@pytest.mark.parametrize("access", list(Access))
def test_a_store_of_schema_1_is_read(of_schema_1, access):
    with open_store(of_schema_1, access=access) as store:
        good, crashed = store.measurements(Selection(workload="lstm", tag="night"))
        (run,) = store.runs()
    assert (run.id, run.command, run.status, run.rounds) == ("a" * 32, "stopwatt bench lstm", "partly_failed", 2)
    assert good.cell.workload.params == {"hidden": 200}
    assert (good.cell.setup.backend_label, good.cell.setup.precision) == ("onnxruntime:cpu", Precision.FP32)
    assert (good.cell.protocol.rounds, good.cell.protocol.timeout_s) == (5, 60.0)
    assert good.samples["latency"] == Samples(np.array([1_500_000, 1_400_000, 1_600_000]), "ns")
    assert good.readings == {
        "host_memory": Measured(1048576.0, "B"),
        "device_memory": Unavailable("a CPU has no memory of its own"),
    }
    assert (good.notes[0].kind, good.log) == ("no-steady-state", "last words")
    assert (crashed.status, crashed.trouble.what) == (Status.CRASHED, "died of SIGSEGV")


def test_a_run_of_schema_1_asked_for_nothing_beyond_its_command(of_schema_1):
    with open_store(of_schema_1) as store:
        (run,) = store.runs()
    assert run.request == {}


def test_a_store_of_schema_1_takes_new_rounds(of_schema_1):
    with open_store(of_schema_1) as store:
        run = store.begin_run("bench", "plan", "", "0.1.0")
        store.save(run, measurement())
        assert [found.id for found in store.measurements()][-1] == measurement().id


@pytest.mark.parametrize("schema", [1, 2, 3])
def test_a_store_of_before_there_were_operators_takes_them(where, monkeypatch, schema):
    with monkeypatch.context() as patch:
        patch.setattr("stopwatt.store.migrations.MIGRATIONS", MIGRATIONS[:schema])
        open_store(where).close()
    with open_store(where) as store:
        assert store.operators.captures() == store.operators.replays() == store.operators.sources() == []
        store.operators.save_table(table())
        assert same_table(store.operators.tables()[0], table())


def test_a_store_of_schema_1_opened_for_reading_has_no_operators(of_schema_1):
    with open_store(of_schema_1, access=Access.READ) as store:
        assert store.operators.tables() == []


def test_a_new_store_has_the_tables_that_the_queries_expect(store):
    with store._engine.connect() as connection:
        inspector = inspect(connection)
        there = {name: {column["name"] for column in inspector.get_columns(name)} for name in metadata.tables}
    assert there == {name: set(table.columns.keys()) for name, table in metadata.tables.items()}


def test_schema_1_is_still_what_it_was(tmp_path):
    with open_store(tmp_path / "new.db"):
        pass
    with sqlite3.connect(tmp_path / "new.db") as new:
        statements = {row[0] for row in new.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
    new.close()
    golden = (_GOLDEN / "schema_1.sql").read_text()
    missing = [text for text in statements - {"CREATE TABLE sqlite_sequence(name,seq)"} if f"{text};" not in golden]
    assert len(MIGRATIONS) > 1 or missing == []


def test_each_migration_is_recorded_and_applied_once(where):
    for _ in range(2):
        with open_store(where) as store, store._engine.connect() as connection:
            versions = (
                connection.exec_driver_sql("SELECT version FROM stopwatt_schema ORDER BY version").scalars().all()
            )
        assert versions == list(range(1, len(MIGRATIONS) + 1))


def test_a_migration_that_fails_half_way_leaves_the_schema_as_it_was(where, monkeypatch):
    def to_a_schema_that_fails(connection):
        connection.exec_driver_sql("CREATE TABLE half (a INT)")
        connection.exec_driver_sql("CREATE TABLE half (a INT)")

    with open_store(where) as store:
        store.save(store.begin_run("bench", "plan", "", "0.1.0"), measurement())
    with monkeypatch.context() as patch:
        patch.setattr("stopwatt.store.migrations.MIGRATIONS", [*MIGRATIONS, to_a_schema_that_fails])
        with pytest.raises(StoreError, match="half"):
            open_store(where)
    with open_store(where) as store, store._engine.connect() as connection:
        assert list(store.measurements()) == [measurement()]
        assert not inspect(connection).has_table("half")


def test_an_older_store_opened_for_reading_is_brought_to_the_newest_schema(where, monkeypatch):
    def to_schema_2(connection):
        connection.exec_driver_sql("CREATE TABLE second (a INT)")

    open_store(where).close()
    monkeypatch.setattr("stopwatt.store.migrations.MIGRATIONS", [*MIGRATIONS, to_schema_2])
    with open_store(where, access=Access.READ) as store, store._engine.connect() as connection:
        assert inspect(connection).has_table("second")
