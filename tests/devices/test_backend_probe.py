import importlib
import json
import subprocess
import sys
from pathlib import Path

import fake_backends
import numpy as np
import pytest

from stopwatt import extensions
from stopwatt.errors import UsageError
from stopwatt.sweeping.probe import describe_backends, probe_backends


@pytest.fixture(autouse=True)
def plugin(tmp_path, monkeypatch):
    fake_backends.install(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    extensions.registered.cache_clear()
    yield
    extensions.registered.cache_clear()


def describe(name, **options):
    return describe_backends([name], "cpu", **options)[name]


def is_running(pid):
    try:
        return ") Z " not in (Path("/proc") / pid / "stat").read_text()  # Z: ended, its parent has not taken note
    except OSError:
        return False


def test_a_good_backend_says_what_it_is():
    found = describe("good")
    assert found.support.usable
    assert found.support.version == "1.0 on cpu"
    assert found.about.variants == ("plain", "fancy")
    assert found.about.precisions == ("fp32", "bf16")


def test_the_short_answer_is_the_support_alone():
    assert probe_backends(["good", "missing"], "cpu")["missing"].usable is False


def test_answers_come_in_the_order_asked_for():
    assert list(describe_backends(["good", "raises", "unverified"], "cpu")) == ["good", "raises", "unverified"]


def test_an_unknown_device_is_refused_before_anything_starts():
    with pytest.raises(UsageError, match="unknown device"):
        describe_backends(["good"], "gpu")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("raises", "its check failed: RuntimeError: libcudart.so.13: cannot open shared object file"),
        ("exits", "its check failed: SystemExit: the licence has expired"),
        ("dies", "its check ended the process with exit code 3 and without an answer"),
        ("segfaults", "its check crashed with SIGSEGV"),
        ("returns-nothing", "its check returned NoneType instead of Support"),
        ("writes-everywhere", "its check answered something that cannot be read"),
        ("broken_import", "backend 'broken_import' cannot be loaded: ModuleNotFoundError"),
        ("exit_import", "SystemExit: 0"),
        ("crash_import", "its check crashed with SIGSEGV"),
    ],
)
def test_a_broken_backend_says_why_and_how_to_mend_it(name, why):
    support = describe(name).support
    assert not support.usable
    assert why in support.why
    assert support.remedy


def test_a_crash_is_mended_by_installing_the_runtime_again_at_its_version():
    remedy = describe("segfaults").support.remedy
    assert f"pip install --force-reinstall numpy=={np.__version__}" in remedy
    assert "python -m stopwatt.sweeping.probe segfaults cpu" in remedy


def test_a_module_that_cannot_be_loaded_is_mended_by_installing_its_package_again():
    assert describe("broken_import").support.remedy == "pip install --force-reinstall fake-plugin"


def test_a_backend_that_fails_still_says_what_it_is():
    assert describe("segfaults").about.precisions == ("fp32", "bf16")


def test_a_backend_that_hangs_is_ended_after_its_time_limit():
    support = describe("hangs", timeout_s=3.0).support  # it would answer after ten minutes
    assert support.why == "its check did not answer within 3 s"


def test_what_a_backend_prints_does_not_disturb_its_answer(capfd):
    assert describe("prints").support.version == "2.0"
    assert capfd.readouterr() == ("", "")


def test_a_process_that_a_backend_leaves_behind_is_ended(tmp_path, eventually):
    assert describe("leaves-a-child").support.version == "3.0"
    # The signal has been sent; the kernel delivers it in its own time.
    assert eventually(lambda: not is_running((tmp_path / "child").read_text()))


def test_a_backend_that_fails_costs_its_own_row_only():
    found = describe_backends(["segfaults", "good", "broken_import", "unverified"], "cpu")
    assert [one.support.usable for one in found.values()] == [False, True, False, True]
    assert found["unverified"].support.verified is False


def test_looking_by_hand_answers_on_standard_output():
    done = subprocess.run(
        [sys.executable, "-m", "stopwatt.sweeping.probe", "good", "cuda:1"], capture_output=True, text=True, check=True
    )
    _, support = map(json.loads, done.stdout.splitlines())
    assert support["version"] == "1.0 on cuda:1"


def test_no_pipe_is_left_open():
    before = len(list(Path("/proc/self/fd").iterdir()))
    describe_backends(["good", "segfaults"], "cpu")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
