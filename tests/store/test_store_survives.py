"""Full disks, killed writers, several writers: what was saved stays, and what was not is said."""

import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from store_examples import cell, measurement

from stopwatt.errors import ExitCode, StoreError
from stopwatt.store import Access, open_store
from stopwatt.store.database import put_round

_FORK = multiprocessing.get_context("fork")  # so that a child has everything imported and lives for milliseconds


def begin(store):
    return store.begin_run("bench", "plan", "", "0.1.0")


def intact(path):
    """All measurements of a database that says of itself that it is sound."""
    with open_store(path, access=Access.READ) as store:
        found = list(store.measurements())
    with sqlite3.connect(path) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert plain.execute("PRAGMA foreign_key_check").fetchall() == []
    plain.close()
    assert not [note for one in found for note in one.notes if note.kind == "damaged-samples"]
    return found


def test_a_disk_that_is_full_at_any_page_costs_the_round_being_saved_only(tmp_path, small_disk):
    saved_at = []
    for pages in [*range(1, 50), *range(50, 80, 3)]:
        path = tmp_path / f"{pages}.db"
        saved = []
        small_disk[0] = pages
        with suppress(StoreError), open_store(path) as store:
            run = begin(store)
            for number in range(6):
                one = measurement(number=number, trials=2000, seed=number)
                store.save(run, one)
                saved.append(one)
        small_disk[0] = 0
        with open_store(path) as store:  # with space again, it goes on
            assert list(store.measurements()) == saved
            store.save(begin(store), measurement(seed=99))
        assert intact(path)[:-1] == saved
        saved_at.append(len(saved))
    assert saved_at[0] == 0
    assert set(range(6)) <= set(saved_at)


def test_a_full_disk_is_named_with_what_to_do(tmp_path, small_disk):
    small_disk[0] = 60
    with open_store(tmp_path / "results.db") as store:
        run = begin(store)
        with pytest.raises(StoreError, match="the disk is full") as full:
            store.save(run, measurement(trials=100_000))
    assert full.value.exit_code is ExitCode.ENVIRONMENT
    assert "goes on after the last saved round" in full.value.now


_UNDER_A_FILE_SIZE_LIMIT = """
import resource, sys
from store_examples import measurement
from stopwatt.errors import StoreError
from stopwatt.store import open_store
with open_store(sys.argv[1]) as store:
    run = store.begin_run("bench", "plan", "", "0.1.0")
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))
    try:
        for number in range(1000):
            store.save(run, measurement(number=number, trials=500, seed=number))
            print(number, flush=True)
    except StoreError as error:
        print(error.what, error.exit_code, file=sys.stderr)
        sys.exit(int(error.exit_code))
"""


def test_a_file_that_may_not_grow_costs_the_round_being_saved_only(tmp_path):
    path = tmp_path / "results.db"
    command = [sys.executable, "-c", _UNDER_A_FILE_SIZE_LIMIT, str(path)]
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env=os.environ | {"PYTHONPATH": paths}
    )
    assert ended.returncode == ExitCode.ENVIRONMENT, ended.stderr
    said = [int(line) for line in ended.stdout.split()]
    assert len(said) >= 3
    assert [one.round for one in intact(path)] == said


def write_rounds(where, name, count, pause=0.0):
    with open_store(where) as store:
        run = begin(store)
        for number in range(count):
            store.save(run, measurement(of=cell(name), number=number, seed=hash(name) % 1000))
            time.sleep(pause)


def test_many_processes_write_to_one_new_database_and_no_row_is_lost_or_doubled(where):
    names = [f"writer{number}" for number in range(4)]
    writers = [_FORK.Process(target=write_rounds, args=(where, name, 25)) for name in names]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0] * 4
    with open_store(where, access=Access.READ) as store:
        found = [(one.cell.workload.source, one.round) for one in store.measurements()]
        assert sorted(found) == sorted((name, number) for name in names for number in range(25))
        assert [run.rounds for run in store.runs()] == [25] * 4


def write_and_tell(where, pipe):
    with open_store(where) as store:
        run = begin(store)
        for number in range(10_000):
            store.save(run, measurement(number=number, trials=2000, seed=os.getpid()))
            pipe.send(number)


def test_a_writer_killed_at_any_moment_loses_at_most_the_round_being_saved(where):
    dice = random.Random(7)
    told_rounds = []
    for _ in range(12):
        told, pipe = _FORK.Pipe(duplex=False)
        writer = _FORK.Process(target=write_and_tell, args=(where, pipe))
        writer.start()
        pipe.close()
        told.poll(30)
        time.sleep(dice.uniform(0, 0.05))
        os.kill(writer.pid, signal.SIGKILL)
        writer.join(30)
        count = 0
        with suppress(EOFError):
            while told.poll(1):
                told.recv()
                count += 1
        told_rounds.append(count)
    with open_store(where) as store:
        saved = [run.rounds for run in store.runs()]
        assert store.find_unfinished("plan") is not None
        assert len(list(store.measurements())) == sum(saved)
    assert all(told <= kept <= told + 1 for told, kept in zip(told_rounds, saved, strict=True))
    if "://" not in where:
        intact(where)


def test_reading_goes_on_while_another_process_writes(where):
    open_store(where).close()
    writer = _FORK.Process(target=write_rounds, args=(where, "writer", 30, 0.002))
    writer.start()
    counts = []
    with open_store(where, access=Access.READ) as store:
        while writer.is_alive():
            counts.append(len(store.entries()))
        counts.append(len(store.entries()))
    writer.join()
    assert counts == sorted(counts)
    assert counts[-1] == 30


@pytest.mark.postgres
def test_a_server_that_ends_the_session_costs_the_round_being_saved_only(postgres_url, monkeypatch):
    import psycopg

    def put_round_at_a_bad_moment(connection, run, measured):
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        return put_round(connection, run, measured)

    with open_store(postgres_url) as store:
        run = begin(store)
        store.save(run, measurement())
        with monkeypatch.context() as patch:
            patch.setattr("stopwatt.store.database.put_round", put_round_at_a_bad_moment)
            with pytest.raises(StoreError, match="ended the session"):
                store.save(run, measurement(number=1))
        store.save(run, measurement(number=2))
        assert [one.round for one in store.measurements()] == [0, 2]
