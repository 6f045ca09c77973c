"""A job of operators in this process: a time for each, or the reason why there is none, and the job goes on."""

from dataclasses import replace

import numpy as np
import pytest

from stopwatt.energy import ACTIVE_IDLE, SETTLING, WINDOW, EnergyRules
from stopwatt.measuring.energy import METRICS_OF
from stopwatt.measuring.job import Answer, Job, JobKind
from stopwatt.measuring.operators import replay as replaying
from stopwatt.measuring.operators.caches import Caches
from stopwatt.measuring.operators.player import DRIFT
from stopwatt.measuring.operators.sentinel import sentinel
from stopwatt.measuring.phases import Phases
from stopwatt.measuring.worker import perform
from stopwatt.operators.operator import Operator, Role, Tensor
from stopwatt.operators.replay import Mode, ReplayRules
from stopwatt.records import Cell, Protocol, Setup, Status, Unavailable, Workload
from stopwatt.wire import from_json, to_json

MIB = 2**20
QUICK = ReplayRules(modes=(Mode.REUSE,), samples=5, seconds=0.01, least=3, settle_s=0.0)
ENERGY = EnergyRules(settle_s=0.02, window_s=0.05, ticks=1, windows=2, idle_s=0.01, sentinel_s=0.0)


def t(number):
    return {"tensor": number}


LINEAR = Operator(
    "aten.linear.default",
    (Tensor((4, 64)), Tensor((64, 64), storage=1, role=Role.WEIGHT)),
    (t(0), t(1)),
    {},
    (Tensor((4, 64), storage=2),),
)
ADD_IN_PLACE = Operator(
    "aten.add_.Tensor", (Tensor((64,)), Tensor((64,), storage=1)), (t(0), t(1)), {}, (Tensor((64,)),)
)
EMBEDDING = Operator(
    "aten.embedding.default",
    (Tensor((50, 8), role=Role.WEIGHT), Tensor((1, 16), "int64", storage=1, low=0, high=49)),
    (t(0), t(1)),
    {},
    (Tensor((1, 16, 8), storage=2),),
)
MISMATCH = Operator("aten.linear.default", (Tensor((1, 5)), Tensor((7, 6), storage=1)), (t(0), t(1)))
OBSTACLE = Operator("aten.add.Tensor", (), (), obstacle="takes a sparse tensor")
GONE = Operator("aten.nothing.default")


@pytest.fixture(autouse=True)
def small_caches(monkeypatch):
    """A machine whose caches are small, so that buffers are, too."""
    monkeypatch.setattr(replaying, "caches_of", lambda device: Caches(2**14, 2**18, 64 * MIB))


def job(*operators, rules=QUICK, tick_s=0.0, energy=None):
    cell = Cell(Workload("operators"), Setup(threads=1), Protocol(energy=energy))
    return Job(JobKind.REPLAY, cell, bundle="", operators=operators, rules=rules, tick_s=tick_s)


def answer(*operators, **how):
    return perform(job(*operators, **how))


def test_each_operator_has_a_time_in_each_mode_in_the_order_of_the_job():
    rules = replace(QUICK, modes=tuple(Mode))
    found = answer(LINEAR, rules=rules)
    assert found.status is Status.OK
    assert [one.mode for one in found.replays] == list(Mode)
    for one in found.replays:
        assert one.status is Status.OK
        assert one.operator == LINEAR.key
        assert one.samples["call"].unit == "ns"
        assert one.samples["call"].values.dtype == np.float64
        assert (one.samples["call"].values > 0).all()
        assert one.samples["call"].values.size >= QUICK.least


def test_a_replay_says_how_many_buffers_took_turns_and_how_large_they_are_together():
    reuse, resident, stream, chained = answer(LINEAR, rules=replace(QUICK, modes=tuple(Mode))).replays
    size = (4 * 64 + 64 * 64) * 4
    assert (reuse.sets, reuse.footprint) == (1, size)
    assert 2**16 < resident.footprint <= 2**17
    assert stream.footprint >= 2**20
    assert chained.footprint >= 2**20
    assert chained.footprint == chained.sets * 64 * 64 * 4


def test_what_is_written_in_place_is_measured_as_it_is():
    (one,) = answer(ADD_IN_PLACE).replays
    assert one.status is Status.OK
    assert one.calls <= DRIFT


def test_indices_are_valid():
    (one,) = answer(EMBEDDING).replays
    assert one.status is Status.OK


def test_an_operator_that_fails_costs_itself_only():
    found = answer(LINEAR, MISMATCH, EMBEDDING)
    assert found.status is Status.OK
    assert [one.status for one in found.replays] == [Status.OK, Status.FAILED, Status.OK]
    trouble = found.replays[1].trouble
    assert "cannot be multiplied" in trouble.what
    assert MISMATCH.label in trouble.when


def test_an_operator_with_an_obstacle_is_never_called(monkeypatch):
    monkeypatch.setattr(replaying, "function_of", lambda name: pytest.fail("called"))
    (one,) = answer(OBSTACLE).replays
    assert one.status is Status.UNSUPPORTED
    assert one.trouble.what == "it takes a sparse tensor"


def test_an_operator_that_torch_lacks_is_unsupported():
    (one,) = answer(GONE).replays
    assert one.status is Status.UNSUPPORTED
    assert "aten.nothing.default" in one.trouble.what


def test_an_operator_that_takes_more_memory_than_there_is_is_out_of_memory():
    huge = Operator("aten.zeros.default", (), ([2**50],))
    (one,) = answer(huge).replays
    assert one.status is Status.OUT_OF_MEMORY


def test_operands_that_do_not_fit_are_refused_before_they_are_made():
    large = Operator("aten.relu.default", (Tensor((2**40,)),), (t(0),))
    (one,) = answer(large).replays
    assert one.status is Status.UNSUPPORTED
    assert "one set of its operands takes" in one.trouble.what


def test_one_series_of_a_set_beyond_the_caches_of_a_core_is_both_reuse_and_resident():
    large = Operator(
        "aten.relu.default", (Tensor((2**13 + 2**12,)),), (t(0),), {}, (Tensor((2**13 + 2**12,), storage=1),)
    )
    reuse, resident = answer(large, rules=replace(QUICK, modes=(Mode.REUSE, Mode.RESIDENT))).replays
    assert reuse.samples == resident.samples
    assert resident.sets == 1
    assert resident.mode is Mode.RESIDENT


def test_the_sentinel_is_measured_in_one_mode_whatever_the_job_asks():
    found = answer(sentinel("cpu"), LINEAR, sentinel("cpu"), rules=replace(QUICK, modes=(Mode.REUSE, Mode.STREAM)))
    assert [one.mode for one in found.replays] == [Mode.REUSE, Mode.REUSE, Mode.STREAM, Mode.REUSE]
    assert all(one.status is Status.OK for one in found.replays)


def test_each_operator_is_a_phase_so_that_it_is_known_which_one_a_process_died_in():
    heard = []
    replaying.measure_operators(job(LINEAR, GONE), Phases(heard.append))
    assert heard == ["import", "operator 0", "operator 1"]


def test_an_interrupt_leaves_what_was_measured_before_it(monkeypatch):
    plain, calls = replaying.measure, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return plain(*arguments)

    monkeypatch.setattr(replaying, "measure", interrupted)
    found = answer(LINEAR, EMBEDDING)
    assert found.status is Status.INTERRUPTED
    assert [one.operator for one in found.replays] == [LINEAR.key]


def test_an_answer_comes_back_from_json_as_it_was():
    found = answer(LINEAR, GONE)
    assert from_json(Answer, to_json(found)) == found


def test_energy_has_windows_whose_calls_are_counted():
    found = answer(LINEAR, rules=replace(QUICK, energy=True), tick_s=0.01, energy=ENERGY)
    assert [span.name for span in found.spans] == [SETTLING, WINDOW, WINDOW, ACTIVE_IDLE]
    windows = [span for span in found.spans if span.name == WINDOW]
    assert all(span.calls > 0 and span.calls % DRIFT == 0 for span in windows)
    (one,) = found.replays
    per_call = sum(span.seconds for span in windows) / sum(span.calls for span in windows)
    assert per_call > 0.1 * float(one.samples["call"].values.min()) * 1e-9  # a window has the calls that fit into it


def test_energy_of_what_drifts_is_unavailable_with_the_reason_and_its_time_stays():
    found = answer(ADD_IN_PLACE, rules=replace(QUICK, energy=True), tick_s=0.01, energy=ENERGY)
    assert not found.spans
    assert found.replays[0].status is Status.OK
    names = {name for of_scope in METRICS_OF.values() for name in of_scope}
    assert set(found.readings) == names
    assert all(isinstance(one, Unavailable) and "its own operands" in one.why for one in found.readings.values())


def test_without_an_instrument_there_are_no_windows():
    assert not answer(LINEAR, rules=replace(QUICK, energy=True), tick_s=0.0, energy=ENERGY).spans


@pytest.mark.gpu
def test_on_a_gpu_device_time_is_below_the_time_with_the_wait(monkeypatch):
    monkeypatch.undo()
    rules = replace(QUICK, modes=tuple(Mode), samples=30, seconds=0.2)
    asked = job(LINEAR, ADD_IN_PLACE, rules=rules)
    cell = replace(asked.cell, setup=Setup(device="cuda", threads=1))
    found = perform(replace(asked, cell=cell))
    assert found.status is Status.OK
    timed = {(one.operator, one.mode): one for one in found.replays if one.status is Status.OK}
    assert (LINEAR.key, Mode.RESIDENT) not in timed
    for mode in (Mode.REUSE, Mode.STREAM, Mode.CHAINED):
        one = timed[LINEAR.key, mode]
        assert set(one.samples) == {"call", "device", "submit"}
        assert 0 < np.median(one.samples["device"].values) < np.median(one.samples["call"].values)
    assert timed[ADD_IN_PLACE.key, Mode.REUSE].samples["device"].values.size
