"""The library: what users import, what it returns, how it fails."""

import subprocess
import sys
import time

import numpy as np
import pytest

import stopwatt
from stopwatt.analyse.summary import summarise
from stopwatt.errors import ExitCode, StopwattError, UsageError
from stopwatt.records import Cell, Measurement, Protocol, Samples, Setup, Status, Warmup, Workload

FAST = Protocol(
    trials=200, warmup=Warmup(min_calls=3, min_seconds=0.0, window_calls=20, window_seconds=0.0, cap_seconds=0.5)
)


def spin(seconds=1e-4):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def test_importing_the_package_imports_no_runtime_and_little_else():
    code = "import sys, stopwatt; print(sorted({'torch', 'numpy', 'sqlalchemy', 'rich'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there_and_unknown_ones_are_not():
    for name in stopwatt.__all__:
        assert getattr(stopwatt, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'benhc'"):
        _ = stopwatt.benhc


def test_public_functions_stay_functions_whatever_is_imported_in_whatever_order():
    code = (
        "import importlib, pkgutil, stopwatt\n"
        "for found in pkgutil.iter_modules(stopwatt.__path__): importlib.import_module(f'stopwatt.{found.name}')\n"
        "stopwatt.bench\n"
        "print(callable(stopwatt.measure), callable(stopwatt.bench))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]


def test_any_function_can_be_measured():
    result = stopwatt.measure(spin, inputs=(2e-4,), protocol=FAST)
    latency = result.row.estimates["latency"]
    assert latency.value == pytest.approx(np.median(result.latency_s))
    assert 2e-4 <= min(result.latency_s) < 2.2e-4, "one of 200 calls at least was left alone"
    assert "one process" in latency.method
    assert len(result.latency_s) == 200
    assert "spin" in str(result)
    assert "us" in str(result)


def test_a_function_shorter_than_the_clocks_tick_prints_as_not_measured_with_the_reason():
    cell = Cell(Workload("f"), Setup(backend="function"), FAST)
    zeros = {"latency": Samples(np.zeros(3, np.int64), "ns")}
    (row,) = summarise([Measurement(cell, 0, Status.OK, samples=zeros)])
    assert str(stopwatt.CallResult(row, np.zeros(3))).startswith("f: - (rejected")


def test_input_sets_take_turns():
    seen = []
    stopwatt.measure(seen.append, input_sets=[("a",), ("b",)], protocol=FAST)
    assert set(seen) == {"a", "b"}


def test_a_generator_is_drained_inside_the_timing_and_flagged():
    def work():
        for _ in range(3):
            spin(2e-4)
            yield

    result = stopwatt.measure(work, protocol=FAST)
    assert 6e-4 <= min(result.latency_s) < 7e-4, "one of 200 calls at least was left alone"
    assert "lazy-results" in [counted.note.kind for counted in result.row.notes]


def test_a_lazy_array_is_forced():
    class Lazy:
        def __array__(self, dtype=None, copy=None):
            spin(3e-4)
            return np.ones(2)

    result = stopwatt.measure(Lazy, protocol=FAST)
    assert result.row.estimates["latency"].value >= 3e-4


def test_a_coroutine_function_is_refused_because_nothing_would_run():
    async def work():
        spin()

    with pytest.raises(UsageError, match="coroutine") as caught:
        stopwatt.measure(work)
    assert "asyncio.run" in caught.value.now


def test_what_the_function_raises_passes_through():
    with pytest.raises(ZeroDivisionError):
        stopwatt.measure(lambda: 1 // 0)


def test_no_input_sets_are_a_usage_error():
    with pytest.raises(UsageError, match="input_sets"):
        stopwatt.measure(spin, input_sets=[])


@pytest.mark.slow
def test_bench_returns_rows_a_table_json_and_a_data_frame(tmp_path, short, capsys):
    result = stopwatt.bench(
        "synthetic",
        params={"duration": "200us"},
        backends=["eager"],
        batch=[1, 2],
        threads=1,
        protocol=short(rounds=3),
        store=str(tmp_path / "results.db"),
        allow=True,
    )
    assert [row.cell.setup.batch for row in result.rows] == [1, 2]
    assert result.rows[0].estimates["latency"].rounds == 3
    result.raise_for_status()
    result.table()
    assert "latency us" in capsys.readouterr().out
    frame = result.to_pandas()
    latency = frame[frame.metric == "latency"]
    assert list(latency.batch) == [1, 2]
    assert list(latency.value) == [row.estimates["latency"].value for row in result.rows]
    assert min(latency.value) >= 2e-4
    assert set(latency["param.duration"]) == {"200us"}


@pytest.mark.slow
def test_a_round_that_fails_among_good_ones_is_not_silent(tmp_path, short):
    flag = tmp_path / "second"
    model = tmp_path / "model.py"
    model.write_text(
        "import pathlib\n"
        f"flag = pathlib.Path({str(flag)!r})\n"
        "def make():\n"
        "    calls = 0\n"
        "    def call(x):\n"
        "        nonlocal calls\n"
        "        calls += 1\n"
        "        if calls == 30:\n"
        "            rounds = int(flag.read_text()) if flag.exists() else 0\n"
        "            flag.write_text(str(rounds + 1))\n"
        "            if rounds == 1: raise RuntimeError('only this time')\n"
        "        return x * 2\n"
        "    import torch\n"
        "    return call, (torch.ones(1, 8),)\n"
    )
    result = stopwatt.bench(
        f"{model}:make", backends=["eager"], protocol=short(rounds=3), store=str(tmp_path / "r.db"), allow=True
    )
    (row,) = result.rows
    assert (row.rounds_ok, row.rounds_failed) == (2, 1)
    with pytest.raises(StopwattError, match="some or all") as caught:
        result.raise_for_status()
    assert caught.value.exit_code == ExitCode.PARTLY_FAILED
    assert "only this time" in caught.value.when
