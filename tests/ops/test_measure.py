"""Operators of captures, measured into a store: by planned jobs, and by real processes."""

import json
import os
import signal
import threading
import time
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from stopwatt.cli import main
from stopwatt.energy import EnergyRules
from stopwatt.errors import UsageError
from stopwatt.operators.capture import Capture, Module
from stopwatt.operators.measured import SENTINEL, Ending
from stopwatt.operators.operator import Operator, Role, Tensor
from stopwatt.operators.replay import Mode, Place, Replay, ReplayRules
from stopwatt.ops import measuring
from stopwatt.ops.jobs import Heard
from stopwatt.ops.measuring import Nobody, measure
from stopwatt.ops.places import place_of
from stopwatt.ops.queue import Order
from stopwatt.ops.selection import select
from stopwatt.ops.summary import read_summary, write_summary
from stopwatt.records import Measured, Precision, Samples, Setup, Status, Suspect, Trouble, Workload
from stopwatt.store import open_store
from stopwatt.sweeping.execute import Interrupted

HERE = Place("cpu", "a processor", "machine", 1, software={"torch": "2"})
RULES = ReplayRules(modes=(Mode.REUSE, Mode.STREAM))
QUICK = ReplayRules(modes=(Mode.REUSE, Mode.CHAINED), samples=5, seconds=0.01, least=3, settle_s=0.0)


def t(number):
    return {"tensor": number}


def operator(number):
    return Operator("aten.relu.default", (Tensor((number + 1,)),), (t(0),), {}, (Tensor((number + 1,), storage=1),))


MANY = [operator(number) for number in range(12)]
LINEAR = Operator(
    "aten.linear.default",
    (Tensor((4, 64)), Tensor((64, 64), storage=1, role=Role.WEIGHT)),
    (t(0), t(1)),
    {},
    (Tensor((4, 64), storage=2),),
)


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "results.db") as opened:
        yield opened


def replay(one, mode, status=Status.OK, nanoseconds=1000.0):
    samples = {"call": Samples(np.full(3, nanoseconds), "ns")} if status is Status.OK else {}
    return Replay(one.key, mode, status, None if status is Status.OK else Trouble("no"), samples)


class Planned:
    """Jobs of which each series takes so long by the test's own clock; the user stops in the job that is named."""

    clock = 0.0

    def __init__(self, monkeypatch, *, series_s=1.0, sentinels=(), stop_at=None):
        self.jobs = []
        self.closed = False
        self._series_s = series_s
        self._sentinels = dict(enumerate(sentinels))
        self._stop_at = stop_at
        self._number = count()
        self._stopping = False
        monkeypatch.setattr(measuring, "Jobs", self._made)
        monkeypatch.setattr(measuring.time, "monotonic", lambda: self.clock)

    def _made(self, place, rules, energy, tell):
        self.tell = tell
        return self

    def run(self, tasks):
        number = next(self._number)
        self.jobs.append(tasks)
        took = self._series_s * sum(task.series for task in tasks)
        self.clock += took
        if number == self._stop_at:
            os.kill(os.getpid(), signal.SIGINT)
            return Heard((), tasks, (), took)
        found = tuple(replay(task.operator, mode) for task in tasks for mode in task.modes)
        milliseconds = self._sentinels.get(number, 1.0)
        sentinels = (replay(operator(99), Mode.REUSE, nanoseconds=1e6 * milliseconds),) * 2
        return Heard(found, (), sentinels, took)

    def interrupt(self):
        self._stopping = True

    def close(self):
        self.closed = True


class Heart(Nobody):
    """Writes down what is said."""

    def __init__(self):
        self.said = []

    def announce(self, text):
        self.said.append(text)

    def done(self, count, left_s):
        self.said.append((count, left_s))


def test_each_distinct_operator_is_measured_once_in_each_mode_and_saved(store, monkeypatch):
    Planned(monkeypatch)
    found = measure(store, [*MANY, *MANY], HERE, RULES)
    assert store.operators.measured(HERE) == {(one.key, mode): 1 for one in MANY for mode in RULES.modes}
    assert len(found.replays) == 24
    assert (found.known, found.left, found.ending) == (0, 0, Ending.DONE)


def test_a_second_start_measures_nothing_and_again_measures_all(store, monkeypatch):
    Planned(monkeypatch)
    measure(store, MANY, HERE, RULES)
    planned = Planned(monkeypatch)
    assert measure(store, MANY, HERE, RULES).known == 24
    assert not planned.jobs
    measure(store, MANY, HERE, RULES, again=True)
    assert set(store.operators.measured(HERE).values()) == {2}


def test_series_without_energy_are_measured_again_where_energy_is_asked_for(store, monkeypatch):
    Planned(monkeypatch)
    measure(store, MANY, HERE, RULES)
    planned = Planned(monkeypatch)
    assert measure(store, MANY, HERE, RULES, energy=EnergyRules()).known == 0
    assert {len(tasks) for tasks in planned.jobs} == {1}


def test_another_place_is_measured_by_itself(store, monkeypatch):
    Planned(monkeypatch)
    measure(store, MANY, HERE, RULES)
    assert measure(store, MANY, replace(HERE, threads=2), RULES).known == 0


def test_only_the_modes_that_are_missing_are_measured(store, monkeypatch):
    Planned(monkeypatch)
    measure(store, MANY, HERE, replace(RULES, modes=(Mode.STREAM,)))
    planned = Planned(monkeypatch)
    measure(store, MANY, HERE, RULES)
    assert {task.modes for tasks in planned.jobs for task in tasks} == {(Mode.REUSE,)}


def test_the_given_order_is_kept_and_the_usual_one_is_another(store, monkeypatch):
    planned = Planned(monkeypatch)
    measure(store, MANY, HERE, RULES, order=Order.GIVEN)
    assert [task.operator for tasks in planned.jobs for task in tasks] == MANY
    planned = Planned(monkeypatch)
    measure(store, MANY, HERE, RULES, again=True)
    assert [task.operator for tasks in planned.jobs for task in tasks] != MANY


def test_a_budget_ends_before_the_job_that_it_does_not_hold_and_says_what_is_left(store, monkeypatch):
    planned = Planned(monkeypatch)
    found = measure(store, MANY, HERE, RULES, 20.0)
    assert found.ending is Ending.BUDGET
    assert found.seconds <= 20.0
    assert found.left == 24 - sum(task.series for tasks in planned.jobs for task in tasks)
    assert found.left_s > 0
    assert planned.closed
    assert len(store.operators.measured(HERE)) == 24 - found.left


def test_a_budget_that_holds_no_job_has_one_all_the_same(store, monkeypatch):
    Planned(monkeypatch)
    assert measure(store, MANY, HERE, RULES, 1e-3).jobs == 1


def test_the_same_command_goes_on_where_the_budget_ended(store, monkeypatch):
    Planned(monkeypatch)
    first = measure(store, MANY, HERE, RULES, 10.0)
    second = measure(store, MANY, HERE, RULES)
    assert second.known == len(first.replays)
    assert second.known + len(second.replays) == 24


def test_an_interrupt_keeps_what_was_saved_and_says_how_much_that_is(store, monkeypatch):
    planned = Planned(monkeypatch, stop_at=1)
    with pytest.raises(Interrupted, match="stopped on request") as raised:
        measure(store, MANY, HERE, RULES)
    assert raised.value.exit_code == 130
    assert raised.value.when == "8 of 24 series are measured and saved"
    assert len(store.operators.measured(HERE)) == 8
    assert planned.closed
    assert len(planned.jobs) == 2


def test_jobs_whose_sentinel_moved_are_repeated_once_at_the_end(store, monkeypatch):
    planned = Planned(monkeypatch, sentinels=[1.0, 1.0, 1.2, 1.0])
    watcher = Heart()
    found = measure(store, MANY, HERE, RULES, watcher=watcher, order=Order.GIVEN)
    moved = {task.operator.key for task in planned.jobs[2]}
    counts = store.operators.measured(HERE)
    assert {key for (key, _), times in counts.items() if times == 2} == moved
    assert found.repeated >= 1
    assert any("sentinel moved in 1 of" in text for text in watcher.said if isinstance(text, str))
    newest = {(one.replay.operator, one.replay.mode): one.replay for one in store.operators.replays(place=HERE)}
    assert all(isinstance(one.readings[SENTINEL], Measured) for one in newest.values())


def test_a_sentinel_that_moves_again_is_marked_and_not_repeated_once_more(store, monkeypatch):
    planned = Planned(monkeypatch, sentinels=[1.0, 1.0, 1.0, 1.3, 1.0, 1.3])
    found = measure(store, MANY, HERE, RULES, order=Order.GIVEN)
    repeated = {task.operator.key for task in planned.jobs[3]}
    marked = {one.operator for one in found.replays if isinstance(one.readings[SENTINEL], Suspect)}
    assert marked == repeated
    assert max(store.operators.measured(HERE).values()) == 2


def test_what_is_done_and_left_is_told_after_each_job(store, monkeypatch):
    planned = Planned(monkeypatch)
    watcher = Heart()
    measure(store, MANY, HERE, RULES, watcher=watcher)
    assert watcher.said[0] == (8, 16.0)
    assert watcher.said[-1] == (24, 0.0)
    assert len(watcher.said) == len(planned.jobs)


def test_nothing_to_measure_starts_nothing(store, monkeypatch):
    planned = Planned(monkeypatch)
    found = measure(store, [], HERE, RULES)
    assert not planned.jobs
    assert (found.replays, found.ending) == ((), Ending.DONE)


def capture(*operators, source="lstm", **setup):
    calls = len(operators)
    empty = np.zeros(0)
    whole = Setup(**{"threads": 1, **setup})
    modules = (Module("", "Model", leaf=False),)
    return Capture(Workload(source), whole, operators, np.arange(calls), np.zeros(calls, int), empty, modules)


def test_operators_are_those_of_the_captures_of_the_workloads_that_are_named(store):
    store.operators.save_capture(capture(*MANY[:2]))
    store.operators.save_capture(capture(MANY[5], source="mlp"))
    assert select(store, ["mlp"], HERE).operators == (MANY[5],)
    assert {one.key for one in select(store, [], HERE).operators} == {MANY[0].key, MANY[1].key, MANY[5].key}


def test_captures_of_another_device_or_other_products_are_left_out(store):
    store.operators.save_capture(capture(MANY[0], device="cuda"))
    store.operators.save_capture(capture(MANY[1], device="cuda", precision=Precision.TF32))
    with pytest.raises(UsageError, match="lstm was not captured"):
        select(store, ["lstm"], HERE)
    assert select(store, [], replace(HERE, device="cuda:0")).operators == (MANY[0],)
    assert select(store, [], replace(HERE, device="cuda", precision=Precision.TF32)).operators == (MANY[1],)


def test_a_summary_file_means_the_operators_that_a_person_left_in_it(store, tmp_path):
    taken = capture(*MANY[:3])
    path = write_summary(taken, tmp_path)
    store.operators.save_capture(replace(taken, workload=read_summary(path).workload))  # with all its parameters
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line for line in lines if MANY[1].key not in line))
    assert select(store, [str(path)], HERE).operators == (MANY[0], MANY[2])


def test_what_a_person_changed_in_a_summary_is_said(store, tmp_path, capsys, monkeypatch):
    taken = capture(*MANY[:3])
    path = write_summary(taken, tmp_path)
    store.operators.save_capture(replace(taken, workload=read_summary(path).workload))
    lines = path.read_text().replace("count: 1", "count: 4", 1).splitlines()
    path.write_text("\n".join(line for line in lines if MANY[1].key not in line))
    Planned(monkeypatch)
    assert run(str(path), "--store", str(tmp_path / "results.db"), "--threads", "1", "--modes", "reuse") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "counted 4 times, captured 1 times" in said
    assert "Changed: 1 of 3 operators (1 calls) are left out" in said
    assert run(str(path), "--store", str(tmp_path / "results.db"), "--threads", "1", "--modes", "reuse", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["changes"]) == 2


def test_a_summary_of_a_capture_that_the_store_has_not_is_refused(store, tmp_path):
    path = write_summary(capture(*MANY[:3]), tmp_path)
    with pytest.raises(UsageError, match=r"lstm.* was not captured into this store"):
        select(store, [str(path)], HERE)


def test_a_store_without_captures_is_told_how_to_get_one(store):
    with pytest.raises(UsageError, match="no model was captured") as raised:
        select(store, [], HERE)
    assert raised.value.now == "stopwatt ops capture WORKLOAD --device cpu"


def test_a_place_is_this_machine_with_its_threads_and_versions():
    place = place_of(threads=1)
    assert place.hardware
    assert place.threads == 1
    assert "torch" in place.software
    assert place_of().threads >= 1


@pytest.mark.parametrize("precision", [Precision.TF32, Precision.BF16])
def test_a_precision_that_is_the_operators_own_is_refused(precision):
    with pytest.raises(UsageError, match="own element types"):
        place_of(precision=precision)


CRASHING = """
import os, signal, time, torch
@torch.library.custom_op("stopwatt_crashing::now", mutates_args=())
def now(x: torch.Tensor) -> torch.Tensor:
    os.kill(os.getpid(), signal.SIGSEGV)
    return x.clone()
@torch.library.custom_op("stopwatt_crashing::slow", mutates_args=())
def slow(x: torch.Tensor) -> torch.Tensor:
    open(os.environ["STOPWATT_TEST_MARK"], "w").close()
    time.sleep(0.02)
    return x.clone()
"""


def own(name):
    return Operator(f"stopwatt_crashing.{name}.default", (Tensor((4,)),), (t(0),), {}, (Tensor((4,), storage=1),))


@pytest.fixture
def crashing(tmp_path, monkeypatch):
    (tmp_path / "stopwatt_crashing.py").write_text(CRASHING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    mark = tmp_path / "began"
    monkeypatch.setenv("STOPWATT_TEST_MARK", str(mark))
    return mark


@pytest.mark.slow
def test_a_crash_in_a_real_process_costs_one_operator(store, crashing):
    operators = [MANY[0], own("now"), LINEAR]
    watcher = Heart()
    found = measure(store, operators, place_of(threads=1), QUICK, watcher=watcher, order=Order.GIVEN)
    ends = {(one.operator, one.mode): one.status for one in found.replays}
    assert {ends[own("now").key, mode] for mode in QUICK.modes} == {Status.CRASHED}
    assert {ends[one.key, mode] for one in (MANY[0], LINEAR) for mode in QUICK.modes} == {Status.OK}
    assert any("crashed with SIGSEGV" in text for text in watcher.said if isinstance(text, str))
    assert measure(store, operators, place_of(threads=1), QUICK).known == 6


@pytest.mark.slow
def test_an_interrupt_of_a_real_process_saves_what_it_had_measured(store, crashing, eventually):
    rules = replace(QUICK, modes=(Mode.REUSE,), samples=10**6, least=3, seconds=3600.0)
    quick = [replace(LINEAR, obstacle="takes nothing that could be measured")]

    def interrupt():
        eventually(crashing.exists)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(Interrupted):
        measure(store, [*quick, own("slow")], place_of(threads=1), rules, order=Order.GIVEN)
    assert store.operators.measured(place_of(threads=1)) == {(LINEAR.key, Mode.REUSE): 1}


@pytest.mark.slow
def test_energy_is_read_beside_real_windows(store, tmp_path, monkeypatch):
    watts = 40.0
    lines = [f"{place * 0.02:.6f},{watts * place * 0.02:.9f},{watts}" for place in range(6000)]
    path = tmp_path / "recorded.csv"
    path.write_text("\n".join(["time,energy,power", *lines]) + "\n")
    monkeypatch.setenv("STOPWATT_METERS", f"replay:{path}")
    energy = EnergyRules(settle_s=0.1, window_s=0.5, ticks=20, windows=2, idle_s=0.2, sentinel_s=0.0)
    rules = replace(QUICK, modes=(Mode.REUSE,))
    found = measure(store, [LINEAR], place_of(threads=1), rules, energy=energy)
    (kept,) = store.operators.replays(place=place_of(threads=1))
    assert kept.replay.status is Status.OK
    energies = [one for name, one in kept.replay.readings.items() if name.startswith("energy_")]
    taken = [one for one in energies if isinstance(one, Measured | Suspect)]
    assert taken, energies
    call_s = float(np.median(kept.replay.samples["call"].values)) * 1e-9
    assert taken[0].value > watts * 0.1 * call_s
    assert found.left == 0
    assert measure(store, [LINEAR], place_of(threads=1), rules, energy=energy).known == 1


def run(*words):
    with pytest.raises(SystemExit) as caught:
        main(["ops", "measure", *words])
    return caught.value.code


def test_the_verb_measures_what_was_captured_shows_it_and_says_what_comes_next(tmp_path, capsys, monkeypatch):
    where = str(tmp_path / "results.db")
    with open_store(where) as opened:
        opened.operators.save_capture(capture(*MANY))
    Planned(monkeypatch)
    assert run("lstm", "--store", where, "--threads", "1", "--modes", "reuse,stream") == 0
    out = capsys.readouterr().out
    assert "Operators by memory mode" in out
    assert "24 series" in out
    assert "1.00" in out
    assert "Next: stopwatt ops explain lstm" in out
    assert run("lstm", "--store", where, "--threads", "1", "--modes", "reuse,stream") == 0
    assert "all 24 series are in" in capsys.readouterr().out


def test_the_verb_says_what_a_budget_left(tmp_path, capsys, monkeypatch):
    where = str(tmp_path / "results.db")
    with open_store(where) as opened:
        opened.operators.save_capture(capture(*MANY))
    Planned(monkeypatch)
    assert run("--store", where, "--threads", "1", "--budget", "1s", "--modes", "reuse") == 0
    assert "Left: 8 series" in capsys.readouterr().out


def test_the_document_has_every_series_with_its_time_or_its_reason(tmp_path, capsys, monkeypatch):
    where = str(tmp_path / "results.db")
    with open_store(where) as opened:
        opened.operators.save_capture(capture(*MANY))
    Planned(monkeypatch)
    assert run("lstm", "--store", where, "--threads", "1", "--modes", "reuse", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["ending"] == "done"
    assert document["place"]["threads"] == 1
    assert len(document["series"]) == document["operators"] == 12
    assert [one["time_s"] for one in document["series"]] == pytest.approx([1e-6] * 12)
    assert {one["readings"][SENTINEL]["kind"] for one in document["series"]} == {"measured"}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--modes", "warm"), "unknown memory mode 'warm'"),
        (("--modes", ","), "no memory mode was given"),
        (("--budget", "0s"), "--budget 0s is not above 0"),
        (("--budget", "soon"), "cannot read 'soon'"),
        (("--precision", "bf16"), "own element types"),
        (("--device", "tpu"), "unknown device 'tpu'"),
        (("nothing.yaml",), "cannot read nothing.yaml"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(words, reason, tmp_path, capsys):
    assert run(*words, "--store", str(tmp_path / "results.db")) == 2
    assert reason in " ".join(capsys.readouterr().err.split())
