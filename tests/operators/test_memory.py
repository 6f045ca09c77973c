"""Where a model's operators find what they read."""

from dataclasses import replace

import numpy as np
import pytest

from stopwatt.operators.capture import Capture, Module
from stopwatt.operators.memory import Caches, Rule, blends, footprint, mixed
from stopwatt.operators.operator import Operator, Role, Tensor
from stopwatt.operators.replay import Mode
from stopwatt.operators.work import Family, Work
from stopwatt.records import Setup, Workload

KB = 1024
LINEAR = Operator(
    "aten.linear.default",
    (Tensor((1, 256), storage=0), Tensor((256, 256), storage=1, role=Role.WEIGHT)),
    outputs=(Tensor((1, 256), storage=2),),
)
LINEAR_WORK = Work(
    Family.GEMM, "linear", "float32", {}, 131072, read_bytes=257 * KB, write_bytes=KB, weight_bytes=256 * KB
)
ADD = Operator(
    "aten.add.Tensor",
    (Tensor((1, 256), storage=0), Tensor((1, 256), storage=1)),
    outputs=(Tensor((1, 256), storage=2),),
)
ADD_WORK = Work(Family.ELEMENTWISE, "add", "float32", {}, 256, read_bytes=2 * KB, write_bytes=KB)
VIEW = Operator("aten.view.default", (Tensor((1, 256), storage=0),), outputs=(Tensor((256,), storage=0),))
VIEW_WORK = Work(Family.VIEW, "view", "float32")
FLAT = Operator("aten.relu.default", (Tensor((256,), storage=0),), outputs=(Tensor((256,), storage=1),))
FLAT_WORK = Work(Family.ELEMENTWISE, "relu", "float32", {}, 256, read_bytes=KB, write_bytes=KB)


def capture(operators, sequence, weights=0):
    calls = len(sequence)
    return Capture(
        Workload("made"),
        Setup(),
        tuple(operators),
        np.array(sequence),
        np.zeros(calls, dtype=np.int64),
        np.zeros(calls + 1),
        (Module("", "Made", leaf=False),),
        weight_bytes=weights,
    )


def chosen(found, near, last, works=(LINEAR_WORK, ADD_WORK, VIEW_WORK, FLAT_WORK)):
    return blends(found, works, Rule.AUTO, Caches(near * KB, last * KB))


@pytest.mark.parametrize("rule", [Rule.REUSE, Rule.RESIDENT, Rule.STREAM, Rule.CHAINED])
def test_one_mode_can_be_asked_for(rule):
    found = blends(capture([LINEAR, ADD], [0, 1, 0]), [LINEAR_WORK, ADD_WORK], rule, Caches(0, 0))
    assert found == (((Mode(rule.value), 1.0),),) * 3


def test_a_model_that_a_cores_caches_hold_reuses_everything():
    assert chosen(capture([LINEAR, ADD], [0, 1], 256 * KB), 1000, 8000) == (((Mode.REUSE, 1.0),),) * 2


def test_weights_that_only_the_last_cache_holds_are_resident_and_activations_between_them_near():
    first, second = chosen(capture([LINEAR], [0, 0], 512 * KB), 300, 8000)
    near, beyond = pytest.approx(1 / 258), pytest.approx(257 / 258)
    assert dict(first) == {Mode.REUSE: near, Mode.RESIDENT: beyond}  # nobody wrote its input; its output was used last
    assert dict(second) == {Mode.REUSE: near, Mode.RESIDENT: beyond}  # the other way round


def test_an_output_lies_where_an_activation_of_its_size_was_that_is_not_needed_any_more():
    wide = Operator("aten.neg.default", (Tensor((9,), storage=0),), outputs=(Tensor((9,), storage=1),))
    heavy = Work(Family.ELEMENTWISE, "neg", "float32", {}, 9, read_bytes=500 * KB, write_bytes=500 * KB)
    operators, works = [LINEAR, VIEW, FLAT, wide], (LINEAR_WORK, VIEW_WORK, FLAT_WORK, heavy)
    apart = chosen(capture(operators, [0, 1, 2, 3], 256 * KB), 400, 8000, works)[2]
    close = chosen(capture(operators, [0, 1, 2, 0, 1, 2, 3], 256 * KB), 400, 8000, works)[5]
    assert dict(apart) == {Mode.REUSE: pytest.approx(0.5), Mode.RESIDENT: pytest.approx(0.5)}
    assert close == ((Mode.REUSE, 1.0),)


def test_what_is_written_in_place_is_where_it_was_read():
    in_place = replace(FLAT, outputs=(Tensor((256,), storage=0),))
    assert chosen(
        capture([LINEAR, VIEW, in_place], [0, 1, 2], 256 * KB), 10, 8000, (LINEAR_WORK, VIEW_WORK, FLAT_WORK)
    )[-1] == ((Mode.REUSE, 1.0),)


def test_weights_from_memory_with_a_fresh_activation_are_what_chained_measures():
    assert chosen(capture([LINEAR], [0, 0], 512 * KB), 300, 400)[1] == ((Mode.CHAINED, 1.0),)


def test_an_activation_is_as_far_as_what_was_touched_since_it_was_written():
    operators, works = [LINEAR, ADD], (LINEAR_WORK, ADD_WORK)
    wide = Operator("aten.neg.default", (Tensor((1, 9), storage=0),), outputs=(Tensor((1, 9), storage=1),))
    heavy = Work(Family.ELEMENTWISE, "neg", "float32", {}, 9, read_bytes=500 * KB, write_bytes=500 * KB)
    close = chosen(capture(operators, [0, 1], 256 * KB), 400, 800, works)
    apart = chosen(capture([*operators, wide], [0, 2, 1], 256 * KB), 400, 1100, (*works, heavy))
    assert close[-1] == ((Mode.REUSE, 1.0),)
    assert Mode.REUSE not in dict(apart[-1])


def test_a_view_hands_on_when_its_bytes_were_touched_and_moves_none():
    wide = Operator("aten.neg.default", (Tensor((1, 9), storage=0),), outputs=(Tensor((1, 9), storage=1),))
    heavy = Work(Family.ELEMENTWISE, "neg", "float32", {}, 9, read_bytes=500 * KB, write_bytes=500 * KB)
    operators, works = [LINEAR, VIEW, FLAT, wide], (LINEAR_WORK, VIEW_WORK, FLAT_WORK, heavy)
    close = chosen(capture(operators, [0, 1, 2], 256 * KB), 10, 2000, works)
    apart = chosen(capture(operators, [0, 3, 1, 2], 256 * KB), 10, 2000, works)
    assert close[1] == ((Mode.REUSE, 1.0),)
    assert dict(close[2])[Mode.REUSE] == pytest.approx(0.5)  # what it read
    assert apart[-1] == ((Mode.RESIDENT, 1.0),)


def test_caches_that_others_use_too_lose_what_was_touched_long_ago():
    caches = Caches(600 * KB, 8000 * KB, kept=((0.0, 1.0), (0.01, 0.5), (0.02, 0.0)))
    slow = replace(capture([LINEAR], [0], 256 * KB), seconds={"forward": 0.01})
    slower = replace(slow, seconds={"forward": 1.0})
    half, none = (blends(one, [LINEAR_WORK], Rule.AUTO, caches)[0] for one in (slow, slower))
    assert dict(half) == {Mode.REUSE: pytest.approx(0.5), Mode.STREAM: pytest.approx(0.5)}
    assert none == ((Mode.STREAM, 1.0),)


def test_a_table_counts_with_the_rows_that_are_looked_up():
    lookup = Work(Family.EMBEDDING, "embedding", "float32", {}, 0, read_bytes=2 * KB, write_bytes=KB, weight_bytes=KB)
    assert footprint(capture([ADD], [0], weights=10**9), [lookup]) == 3 * KB


def test_a_weight_that_is_read_often_counts_once():
    assert footprint(capture([LINEAR], [0] * 50, weights=256 * KB), [LINEAR_WORK]) == 258 * KB


def test_a_blend_takes_a_time_between_those_of_its_modes():
    blend = ((Mode.REUSE, 0.25), (Mode.STREAM, 0.75))
    assert mixed(blend, {Mode.REUSE: 4.0, Mode.STREAM: 8.0, Mode.RESIDENT: 100.0}) == 7.0


def test_a_mode_without_a_time_borrows_that_of_the_nearest():
    times = {Mode.REUSE: 1.0, Mode.STREAM: 9.0}
    assert mixed(((Mode.CHAINED, 1.0),), times) == 9.0
    assert mixed(((Mode.RESIDENT, 1.0),), {Mode.STREAM: 9.0}) == 9.0
    assert mixed(((Mode.STREAM, 1.0),), {Mode.CHAINED: 3.0}) == 3.0
    assert mixed(((Mode.STREAM, 1.0),), {}) is None
