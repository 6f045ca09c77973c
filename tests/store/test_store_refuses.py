"""A file that cannot be the store is named, with the remedy, and left exactly as it was."""

import os
import shutil
import sqlite3
from pathlib import Path

import pytest
from store_examples import measurement

from stopwatt.errors import ExitCode, StoreError, UsageError
from stopwatt.store import Access, open_store

_NOBODY = 65534


@pytest.fixture
def path(tmp_path):
    """A store that holds some rounds."""
    path = tmp_path / "results.db"
    with open_store(path) as store:
        run = store.begin_run("bench", "plan", "", "0.1.0")
        for number in range(20):
            store.save(run, measurement(number=number, trials=300))
    return path


@pytest.fixture
def ordinary_user():
    """Rights do not bind root: be somebody else for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(_NOBODY)
    yield
    os.seteuid(0)


def refuse(path, access=Access.WRITE):
    before = path.read_bytes()
    with pytest.raises(StoreError) as refused:
        open_store(path, access=access)
    assert path.read_bytes() == before
    assert refused.value.when == str(path)
    assert refused.value.now
    assert refused.value.exit_code is ExitCode.ENVIRONMENT
    return refused.value.what


ACCESS = pytest.mark.parametrize("access", list(Access))


@ACCESS
@pytest.mark.parametrize(
    "content", [b"not a database, but a long text\n" * 300, b"x", b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_file_that_is_no_database_is_refused(tmp_path, content, access):
    path = tmp_path / "results.db"
    path.write_bytes(content)
    assert "not a results database" in refuse(path, access)


@ACCESS
@pytest.mark.parametrize("length", [50, 1000, 4096, 20_000])
def test_a_truncated_database_is_refused(path, length, access):
    os.truncate(path, length)
    assert "damaged" in (what := refuse(path, access)) or "not a results database" in what


@ACCESS
def test_a_database_with_a_damaged_schema_is_refused(path, access):
    content = bytearray(path.read_bytes())
    content[100:4000] = b"\xa5" * 3900
    path.write_bytes(content)
    assert "damaged" in refuse(path, access)


def test_damage_inside_is_reported_when_it_is_met_and_changes_nothing(path):
    content = bytearray(path.read_bytes())
    content[4 * 4096 :] = b"\xa5" * (len(content) - 4 * 4096)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"), open_store(path, access=Access.READ) as store:
        list(store.measurements())
    assert path.read_bytes() == content


@ACCESS
def test_an_emptied_database_whose_log_is_still_there_is_refused(path, access):
    path.with_name("results.db-wal").write_bytes(b"rounds that are not in the file yet")
    os.truncate(path, 0)
    assert "truncated" in refuse(path, access)
    assert path.with_name("results.db-wal").stat().st_size


@ACCESS
def test_a_database_of_another_program_is_refused(tmp_path, access):
    path = tmp_path / "places.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE bookmarks (url TEXT)")
    other.close()
    assert "another program" in refuse(path, access)


@ACCESS
def test_a_database_of_a_newer_stopwatt_is_refused(path, access):
    with sqlite3.connect(path) as newer:
        newer.execute("INSERT INTO stopwatt_schema VALUES (99, '2099-01-01')")
    newer.close()
    assert "schema 99" in refuse(path, access)


@ACCESS
def test_a_folder_is_refused(tmp_path, access):
    with pytest.raises(StoreError, match="a folder"):
        open_store(tmp_path, access=access)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StoreError, match="not a regular file"):
        open_store(tmp_path / "pipe")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match="folder of the results database is not there"):
        open_store(tmp_path / "nowhere" / "results.db")


def test_reading_makes_no_database(tmp_path):
    with pytest.raises(UsageError, match="there is no results database"):
        open_store(tmp_path / "results.db", access=Access.READ)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["mysql://user:secret@host/db", "postgresql://user:secret@host:port/db", "x://"])
def test_a_url_that_cannot_be_used_is_refused_without_its_password(url):
    with pytest.raises(UsageError) as refused:
        open_store(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("where", ["", "a\0b"])
def test_a_name_that_is_none_is_refused(where):
    with pytest.raises(UsageError):
        open_store(where)


def public_copy(path):
    """The store in a folder that every user can reach."""
    folder = Path("/tmp") / f"stopwatt-test-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    shutil.copy(path, folder)
    return folder / path.name


@pytest.fixture
def locked_up(path):
    """The store in a folder where nothing can be written; opened once before, so that everything is imported."""
    public = public_copy(path)
    open_store(public).close()
    public.chmod(0o444)
    public.parent.chmod(0o555)
    yield public
    public.parent.chmod(0o755)
    shutil.rmtree(public.parent)


def test_a_read_only_database_is_refused_for_writing(locked_up, ordinary_user):
    assert "read-only" in refuse(locked_up)


def test_a_read_only_database_can_be_read(locked_up, ordinary_user):
    before = locked_up.read_bytes()
    with open_store(locked_up, access=Access.READ) as store:
        assert len(list(store.measurements())) == 20
    assert locked_up.read_bytes() == before


def test_a_store_opened_for_reading_cannot_be_written(path):
    with open_store(path, access=Access.READ) as store, pytest.raises(StoreError, match="read-only"):
        store.begin_run("bench", "plan", "", "0.1.0")


def test_a_locked_database_is_named_after_the_time_limit(path):
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked by another process"):
        open_store(path, lock_timeout_s=0.1)
    with open_store(path, access=Access.READ, lock_timeout_s=0.1) as store:
        assert len(store.entries()) == 20
    holder.execute("ROLLBACK")
    holder.close()


def test_a_lock_in_mid_run_costs_the_round_that_was_to_be_saved_only(path):
    with open_store(path, lock_timeout_s=0.1) as store:
        run = store.begin_run("bench", "plan", "", "0.1.0")
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked by another process"):
            store.save(run, measurement(seed=5))
        holder.execute("ROLLBACK")
        holder.close()
        store.save(run, measurement(seed=6))
        assert store.run(run.id).rounds == 1


def test_a_network_file_system_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("stopwatt.store.engine.network_file_system_of", lambda path: "nfs4 at /home")
    with pytest.raises(StoreError, match="nfs4 at /home") as refused:
        open_store(tmp_path / "results.db")
    assert "PostgreSQL" in refused.value.now
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["with space.db", "percent%20.db", "quest?mode=memory.db", "hash#.db", ":memory:", "\N{FIRE}.db"]
)
def test_any_file_name_is_taken_literally(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with open_store(name) as store:
        store.begin_run("bench", "plan", "", "0.1.0")
    assert [found.name for found in tmp_path.iterdir()] == [name]


def test_the_place_comes_from_the_environment_and_else_is_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STOPWATT_STORE", str(tmp_path / "elsewhere.db"))
    open_store().close()
    monkeypatch.delenv("STOPWATT_STORE")
    open_store().close()
    assert sorted(found.name for found in tmp_path.iterdir()) == ["elsewhere.db", "stopwatt.db"]


def test_an_sqlite_url_is_a_path(tmp_path):
    open_store(f"sqlite:///{tmp_path}/results.db").close()
    assert (tmp_path / "results.db").exists()


def test_every_connection_keeps_its_promises(path):
    with open_store(path) as store, store._engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_a_server_that_is_not_there_is_named_without_the_password():
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError, match="no connection to the PostgreSQL server") as refused:
        open_store("postgresql://user:secret@127.0.0.1:1/results")
    assert "secret" not in str(refused.value)


@pytest.mark.postgres
def test_a_database_that_is_not_on_the_server_is_named(postgres_server):
    with pytest.raises(StoreError, match="nowhere"):
        open_store(postgres_server.format(database="nowhere"))


@pytest.mark.postgres
def test_reading_an_empty_postgres_database_changes_nothing(postgres_url):
    for _ in range(2):
        with pytest.raises(UsageError, match="no results"):
            open_store(postgres_url, access=Access.READ)


@pytest.mark.postgres
def test_a_newer_postgres_schema_is_refused(postgres_url):
    with open_store(postgres_url) as store, store._engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO stopwatt_schema VALUES (99, '2099-01-01')")
    for access in Access:
        with pytest.raises(StoreError, match="schema 99"):
            open_store(postgres_url, access=access)


@pytest.mark.postgres
def test_tables_of_other_programs_in_the_same_database_are_left_alone(postgres_url):
    import psycopg

    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("CREATE TABLE public.runs (mine INT)")
        with open_store(postgres_url) as store:
            store.begin_run("bench", "plan", "", "0.1.0")
        assert other.execute("SELECT count(*) FROM public.runs").fetchone() == (0,)
