"""What all tests share: nothing is written outside temporary folders, nothing is fetched."""

import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from importlib.metadata import version

import pytest
from hypothesis import settings

from stopwatt.records import Protocol, Warmup

for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:  # of tests that run in the background; what they start inherits it
        signal.signal(number, usual)

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")

SHORT = Protocol(
    rounds=1,
    trials=40,
    trial_seconds=None,
    warmup=Warmup(min_calls=3, min_seconds=0.0, window_calls=10, window_seconds=0.0, cap_seconds=0.5, tolerance=0.2),
    input_sets=4,
    throughput_windows=2,
    throughput_seconds=0.005,
    timeout_s=60.0,
)
"""A protocol for tests of the machinery: it measures, but not well."""


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STOPWATT_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("STOPWATT_STORE", raising=False)
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


@pytest.fixture
def short():
    """A protocol of fractions of a second, to be changed with `replace`."""
    return lambda **changes: replace(SHORT, **changes)


@pytest.fixture
def undisturbed():
    """`(attempt, tries=4)`: makes an attempt again while its assertions fail; what it returns when they hold.

    For what only a real clock can show. Whatever else runs on the machine makes some attempts take longer, and with
    luck leaves one alone; a defect is there in each of them, and the last one's assertion is the test's.
    """

    def succeed(attempt, tries=4):
        for _ in range(tries - 1):
            try:
                return attempt()
            except AssertionError:
                continue
        return attempt()

    return succeed


@pytest.fixture
def eventually():
    """`(holds, patience_s=120.0)`: waits until something holds, as another process needs time; whether it ever did."""

    def wait(holds, patience_s=120.0):
        until = time.monotonic() + patience_s
        while not (found := holds()) and time.monotonic() < until:
            time.sleep(0.01)
        return found

    return wait


@pytest.fixture(autouse=True)
def _gpu_or_skip(request):
    if request.node.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device")


@pytest.fixture
def small_disk(monkeypatch):
    """Sets how many pages a database may have; 0 for no limit."""
    pages = [0]
    connect = sqlite3.connect

    def limited(*args, **options):
        connection = connect(*args, **options)
        if pages[0]:
            connection.execute(f"PRAGMA max_page_count={pages[0]}")
        return connection

    monkeypatch.setattr("stopwatt.store.engine.sqlite3.connect", limited)
    return pages


BARE = """
import ctypes
import sys
import torch

model = torch.nn.Linear(8, 8).cuda()
inputs = (torch.randn(1, 8, device="cuda"),)
path = torch._inductor.aoti_compile_and_package(torch.export.export(model, inputs), package_path=sys.argv[1])
ctypes.CDLL("libstdc++.so.6", ctypes.RTLD_GLOBAL)  # as the backend does
torch._inductor.aoti_load_package(path)(*inputs)
"""


@pytest.fixture(scope="session")
def packages_load(tmp_path_factory):
    """Skips where torch alone cannot load what it has compiled ahead of time."""
    path = tmp_path_factory.mktemp("aoti") / "model.pt2"
    bare = subprocess.run([sys.executable, "-c", BARE, str(path)], capture_output=True, text=True, check=False)
    if bare.returncode < 0:
        pytest.skip(f"torch {version('torch')} by itself dies of signal {-bare.returncode} while it loads a package")
