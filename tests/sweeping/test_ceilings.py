"""Ceilings are measured once, in fresh processes, and kept."""

from dataclasses import replace

import pytest

from stopwatt.analyse.ceilings import ceilings_of
from stopwatt.errors import EnvironmentUnfit, StopwattError, UsageError
from stopwatt.measuring import ceilings as measuring
from stopwatt.records import Measurement, Precision, Status, Trouble, Workload
from stopwatt.running import Silent
from stopwatt.store import RunStatus, open_store
from stopwatt.store.references import find_runs
from stopwatt.sweeping import ceilings
from stopwatt.sweeping.ceilings import ensure_ceilings, plan_ceilings, precisions_named


@pytest.fixture(autouse=True)
def short(monkeypatch):
    rules = replace(
        measuring.RULES,
        throughput_windows=2,
        throughput_seconds=0.001,
        warmup=replace(measuring.RULES.warmup, min_seconds=0.0),
    )
    monkeypatch.setattr(measuring, "RULES", rules)
    monkeypatch.setattr(ceilings, "LARGE", 2**22)
    monkeypatch.setattr(ceilings, "SIDES", {measuring.SMALLEST_SIDE: 16, measuring.LARGEST_SIDE: 64})


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "results.db") as opened:
        yield opened


def test_a_plan_has_a_cell_for_each_precision_of_the_device_and_the_machine_of_a_bench():
    from stopwatt.devices.facts import machine_identity, read_facts

    plan = plan_ceilings("cpu", threads=1)

    assert [cell.setup.precision for cell in plan.cells] == [Precision.FP32, Precision.FP16, Precision.BF16]
    assert {(cell.setup.device, cell.setup.threads) for cell in plan.cells} == {("cpu", 1)}
    assert {cell.machine for cell in plan.cells} == {machine_identity(read_facts("cpu").values)}
    assert all("torch" in cell.software for cell in plan.cells)


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(UsageError, match="tf32 on cpu"):
        plan_ceilings("cpu", precisions=[Precision.TF32])
    with pytest.raises(UsageError, match="fp12"):
        precisions_named(["fp12"])
    with pytest.raises(UsageError, match="device"):
        plan_ceilings("tpu")
    for threads in (-1, 10_000):
        with pytest.raises(UsageError, match=f"{threads} threads"):
            plan_ceilings("cpu", threads)


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr("stopwatt.devices.nvml.driver_is_present", lambda: False)
    with pytest.raises(EnvironmentUnfit, match="no NVIDIA driver"):
        plan_ceilings("cuda")


def test_the_last_run_is_never_one_of_ceilings(store, monkeypatch):
    monkeypatch.setattr(
        ceilings, "execute", lambda plan, store, run, *_: store.save(run, Measurement(plan.cells[0], 0, Status.OK))
    )
    plan = plan_ceilings("cpu", 1, [Precision.FP32])
    bench = store.begin_run("stopwatt bench mlp", "", "", "0")
    store.save(bench, Measurement(replace(plan.cells[0], workload=Workload("mlp")), 0, Status.OK))
    ensure_ceilings(plan, store, Silent(), "stopwatt ceilings")

    assert [run.command for run in store.runs()] == ["stopwatt bench mlp", "stopwatt ceilings"]
    assert [run.id for run in find_runs(store, "last")] == [bench.id]


@pytest.mark.slow
def test_ceilings_are_measured_once_and_kept(store):
    plan = plan_ceilings("cpu", 1, [Precision.FP32])
    (first,) = ensure_ceilings(plan, store, Silent(), "stopwatt ceilings")
    (again,) = ensure_ceilings(plan, store, Silent(), "stopwatt ceilings")

    assert first.id == again.id
    assert [(run.command, run.status, run.rounds) for run in store.runs()] == [
        ("stopwatt ceilings", RunStatus.COMPLETE, 1)
    ]
    (ceiling,) = ceilings_of([first])
    assert ceiling.matmul.value > 0
    assert ceiling.copy.windows == 2
    assert first.phases["round"] > 0
    assert first.facts["cpu.logical"]


def test_ceilings_are_measured_again_when_asked_for_and_the_latest_is_returned(store, monkeypatch):
    def pretend(plan, store, run, watcher, rounds):
        for cell in plan.cells:
            store.save(run, Measurement(cell, 0, Status.OK, log=run.command))

    monkeypatch.setattr(ceilings, "execute", pretend)
    plan = plan_ceilings("cpu", 1, [Precision.FP32, Precision.BF16])
    ensure_ceilings(plan_ceilings("cpu", 1, [Precision.FP32]), store, Silent(), "first")

    assert [one.log for one in ensure_ceilings(plan, store, Silent(), "second")] == ["first", "second"]
    assert [one.log for one in ensure_ceilings(plan, store, Silent(), "third", again=True)] == ["third", "third"]
    assert [run.rounds for run in store.runs()] == [1, 1, 2]


def test_a_ceiling_that_cannot_be_measured_is_an_error_and_its_run_says_so(store, monkeypatch):
    def fail(plan, store, run, watcher, rounds):
        for cell in plan.cells:
            store.save(run, Measurement(cell, 0, Status.CRASHED, Trouble("died of SIGILL", now="mend torch")))

    monkeypatch.setattr(ceilings, "execute", fail)
    with pytest.raises(StopwattError, match="SIGILL") as refused:
        ensure_ceilings(plan_ceilings("cpu", 1, [Precision.FP32]), store, Silent(), "")
    assert "fp32" in refused.value.when
    assert store.runs()[0].status is RunStatus.PARTLY_FAILED
