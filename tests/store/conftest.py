import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from stopwatt.store import open_store

sys.path.insert(0, str(Path(__file__).parent))  # for store_examples, whichever way pytest imports

_SERVER_ACCOUNTS = ("postgres", "nobody")


@pytest.fixture(scope="session")
def postgres_server():
    """URL of a PostgreSQL server of our own on a Unix socket; gone after the session."""
    initdb, pg_ctl = shutil.which("initdb"), shutil.which("pg_ctl")
    if not initdb or not pg_ctl:
        pytest.skip("no PostgreSQL server here: initdb and pg_ctl are not on the PATH")
    folder = Path(tempfile.mkdtemp(prefix="stopwatt-pg-"))
    account = _server_account(folder)
    data = folder / "data"

    def run(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, timeout=120, cwd=folder, **account)

    try:
        run(initdb, "-D", str(data), "-U", "stopwatt", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        run(pg_ctl, "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql://stopwatt@/{{database}}?host={folder}"
        finally:
            run(pg_ctl, "-D", str(data), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _server_account(folder: Path) -> dict:
    """The server refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in _SERVER_ACCOUNTS:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, user.pw_uid, user.pw_gid)
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    pytest.skip("running as root, and there is no account postgres or nobody for the server")


@pytest.fixture
def postgres_url(postgres_server):
    """A database that holds nothing. (Dropping tables is ten times faster than a database for each test.)"""
    import psycopg

    url = postgres_server.format(database="postgres")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS stopwatt, public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def where(request, tmp_path):
    """Place of an empty store, on each kind of database."""
    if request.param == "sqlite":
        return str(tmp_path / "results.db")
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def store(where):
    with open_store(where) as opened:
        yield opened
