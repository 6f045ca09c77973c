"""What could be measured next: operators of models, their neighbours, and points between them."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopwatt.operators.formulas import work_of
from stopwatt.operators.operator import Operator, Tensor
from stopwatt.operators.synthesis import operator_of
from stopwatt.operators.work import Family
from stopwatt.predicting.basis import Basic
from stopwatt.predicting.candidates import FACTORS, POINTS, Called, Poor, Why, candidates_of, identity_of
from stopwatt.predicting.scaling import FREEDOM, moved, placed

LARGE = 1e12


def gemm(m, n, k, kind="linear"):
    return operator_of(Family.GEMM, kind, {"m": m, "n": n, "k": k, "batch": 1}, "float32")


def called(operator, share=0.5, *, is_open=True):
    return Called(operator, work_of(operator), share, is_open)


def of(found, why):
    return [one for one in found if one.why is why]


def test_operators_of_models_without_a_time_come_first_and_others_not_at_all():
    waiting, timed = gemm(8, 16, 32), gemm(64, 16, 32)
    found = candidates_of([called(waiting), called(timed, is_open=False)], most_bytes=LARGE)
    assert [one.operator for one in of(found, Why.CAPTURED)] == [waiting]
    assert found[0].operator == waiting
    assert timed.key not in {one.operator.key for one in found}


def test_neighbours_of_a_product_have_one_size_an_octave_away_or_between_and_say_whose_they_are():
    base = gemm(128, 256, 64)
    found = of(candidates_of([called(base)], most_bytes=LARGE), Why.NEIGHBOUR)
    moves = {(one.work.dims["m"], one.work.dims["n"], one.work.dims["k"]) for one in found}
    assert {(64, 256, 64), (256, 256, 64), (128, 128, 64), (128, 512, 128), (128, 256, 32)} <= moves
    assert {one.of for one in found} == {base.label}
    between = {m for m, n, k in moves if (n, k) == (256, 64)} - {64, 256}
    assert between == {91, 181}  # odd, half an octave away


def test_nothing_is_proposed_twice_or_measured_already_or_too_large():
    one, other = gemm(128, 256, 64), gemm(64, 256, 64)
    known = identity_of(work_of(gemm(256, 256, 64)))
    found = candidates_of([called(one), called(other)], {known}, most_bytes=300_000)
    identities = [identity_of(candidate.work) for candidate in found]
    assert len(identities) == len(set(identities))
    assert known not in identities
    assert all(candidate.work.bytes <= 300_000 for candidate in found)
    assert any(
        candidate.work.bytes > 300_000 for candidate in candidates_of([called(one), called(other)], most_bytes=LARGE)
    )


def test_points_between_fill_the_box_of_captured_sizes_of_one_kind():
    corners = [gemm(8, 64, 1024), gemm(2048, 64, 16), gemm(64, 64, 64, "mm")]
    found = of(candidates_of([called(one, is_open=False) for one in corners], most_bytes=LARGE), Why.SPACE)
    assert {one.work.kind for one in found} == {"linear"}  # of mm there is one size: nothing lies between
    assert POINTS / 2 < len(found) <= POINTS
    for one in found:
        assert 8 <= one.work.dims["m"] <= 2048
        assert 16 <= one.work.dims["k"] <= 1024
        assert one.work.dims["n"] == 64
    lower = sum(one.work.dims["m"] < 128 for one in found)
    assert len(found) / 3 < lower < 2 * len(found) / 3


def test_equal_seeds_propose_equal_points_and_other_seeds_others():
    corners = [called(gemm(8, 64, 1024)), called(gemm(2048, 64, 16))]

    def keys(seed):
        return [one.operator.key for one in candidates_of(corners, most_bytes=LARGE, seed=seed)]

    assert keys(0) == keys(0)
    assert keys(0) != keys(1)


def test_around_what_is_predicted_badly_are_neighbours_that_say_how_badly():
    bad = gemm(100, 100, 100)
    found = candidates_of([], poor=[Poor(bad.label, work_of(bad), 0.7)], most_bytes=LARGE)
    assert found
    assert {(one.why, one.error, one.of) for one in found} == {(Why.POOR, 0.7, bad.label)}


def test_an_operator_that_nobody_can_make_is_proposed_itself_and_has_no_neighbours():
    odd = Operator("aten.odd.default", (Tensor((4,)),), ({"tensor": 0},), outputs=(Tensor((4,), storage=1),))
    assert [one.operator for one in candidates_of([called(odd)], most_bytes=LARGE)] == [odd]


def test_operators_that_belong_to_no_model_are_proposed_unless_they_are_called_or_measured():
    generic = [Basic(one, work_of(one), worth) for one, worth in ((gemm(8, 8, 8), 2.0), (gemm(9, 8, 8), 1.0))]
    other = Basic(gemm(10, 8, 8), work_of(gemm(10, 8, 8)), 0.5)
    known = {identity_of(other.work)}
    found = candidates_of([called(gemm(9, 8, 8))], known, basis=[*generic, other], most_bytes=0)
    assert [(one.why, one.worth) for one in found] == [(Why.CAPTURED, 0.0), (Why.BASIS, 2.0)]


def test_operators_on_indices_have_no_neighbours():
    integers = operator_of(Family.ELEMENTWISE, "add", {"elements": 64, "operands": 2, "run": 64}, "int64")
    assert [one.why for one in candidates_of([called(integers)], most_bytes=LARGE)] == [Why.CAPTURED]


SIZES = {
    Family.GEMM: {"m": 128, "n": 64, "k": 32, "batch": 1},
    Family.ATTENTION: {"batch": 2, "heads": 12, "kv_heads": 4, "head_dim": 64, "q_len": 128, "kv_len": 128}
    | {"causal": 0, "window": 0},
    Family.CONVOLUTION: {"batch": 1, "in_channels": 64, "out_channels": 128, "groups": 1, "in_size": 3136}
    | {"out_size": 784, "kernel": 9, "stride": 4, "dilation": 1, "dims": 2},
    Family.POOLING: {"batch": 1, "channels": 64, "in_size": 12544, "out_size": 3136, "kernel": 9},
    Family.RECURRENT: {"steps": 50, "batch": 2, "inputs": 16, "hidden": 64, "layers": 2, "directions": 1, "gates": 4},
    Family.NORM: {"rows": 128, "columns": 768},
    Family.SOFTMAX: {"rows": 128, "columns": 768},
    Family.REDUCTION: {"elements": 4096, "outputs": 64},
    Family.EMBEDDING: {"lookups": 128, "width": 64, "rows": 1000},
    Family.ELEMENTWISE: {"elements": 4096, "operands": 2, "run": 64},
    Family.MOVEMENT: {"elements": 4096, "run": 64},
}


@pytest.mark.parametrize("family", FREEDOM)
def test_free_sizes_give_back_the_sizes_they_were_taken_from(family):
    dims = {name: float(size) for name, size in SIZES[family].items()}
    assert placed(family, dims, FREEDOM[family].free(dims)) == dims


@pytest.mark.parametrize("family", FREEDOM)
def test_every_move_changes_sizes_and_most_of_them_can_be_made(family):
    kinds = {Family.GEMM: "linear", Family.ATTENTION: "context", Family.CONVOLUTION: "conv2d"}
    kinds |= {Family.POOLING: "max_pool2d", Family.NORM: "layer_norm", Family.SOFTMAX: "softmax"}
    kinds |= {Family.REDUCTION: "sum", Family.EMBEDDING: "embedding", Family.ELEMENTWISE: "add", Family.MOVEMENT: "cat"}
    kinds[Family.RECURRENT] = "lstm"
    base = work_of(operator_of(family, kinds[family], SIZES[family], "float32"))
    assert all(moved(family, base.dims, f, names) != base.dims for f in FACTORS for names in FREEDOM[family].moves)
    found = of(candidates_of([Called(Operator("aten.x"), base, 1.0, open=False)], most_bytes=LARGE), Why.NEIGHBOUR)
    assert len(found) > len(FACTORS)


def test_heads_that_share_keys_still_do_and_channels_that_are_groups_still_are():
    dims = SIZES[Family.ATTENTION]
    found = moved(Family.ATTENTION, dims, 2.0, ("kv_heads",))
    assert (found["heads"], found["kv_heads"]) == (24, 8)
    depthwise = SIZES[Family.CONVOLUTION] | {"in_channels": 96, "out_channels": 96, "groups": 96}
    found = moved(Family.CONVOLUTION, depthwise, 2.0, ("groups",))
    assert (found["in_channels"], found["out_channels"], found["groups"]) == (192, 192, 192)
    assert moved(Family.CONVOLUTION, depthwise, 2.0, ("inner",)) is None


def test_a_picture_that_is_no_square_keeps_its_size():
    assert moved(Family.CONVOLUTION, SIZES[Family.CONVOLUTION] | {"in_size": 60.0}, 2.0, ("side",)) is None


@given(size=st.integers(1, 10**6), factor=st.sampled_from(FACTORS))
@settings(max_examples=60)
def test_a_moved_size_is_a_whole_number_about_that_factor_away(size, factor):
    found = moved(Family.NORM, {"rows": size, "columns": 1}, factor, ("rows",))
    if found is None:
        assert size <= 3  # of 3, the odd number nearest to 0.7 times as many is 3 again
        return
    assert found["rows"] == int(found["rows"]) >= 1
    assert found["columns"] == 1
    assert math.isclose(found["rows"], size * factor, abs_tol=1)
