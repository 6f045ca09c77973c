"""Bytes that operators move: each byte once, only what is reached, and of tables only what is looked up."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional
from traced import only

from stopwatt.operators.formulas import work_of
from stopwatt.operators.formulas.touched import element_bytes, run_length, touched_bytes
from stopwatt.operators.operator import Operator, Role, Tensor


def work(function, *inputs, weights=()):
    return work_of(only(function, *inputs, weights=weights))


def dense(*shape, storage=0, dtype="float32", role=Role.ACTIVATION):
    strides = tuple(math.prod(shape[place + 1 :]) for place in range(len(shape)))
    return Tensor(shape, dtype, strides, storage=storage, role=role)


@pytest.mark.parametrize("name", ["float64", "float32", "bfloat16", "int64", "uint8", "bool", "complex64", "qint8"])
def test_the_bytes_of_an_element_are_those_of_torch(name):
    assert element_bytes(name) == getattr(torch, name).itemsize


@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu"])
def test_numbers_of_eight_bits_are_bytes(name):
    assert element_bytes(name) == 1


def test_what_is_expanded_is_read_as_often_as_it_is_stored():
    assert touched_bytes([Tensor((2, 50, 8), strides=(8, 0, 1))]) == 4 * 16


def test_of_a_slice_only_its_elements_are_read():
    assert touched_bytes([Tensor((3, 4), strides=(100, 1), offset=7)]) == 4 * 12


def test_windows_that_overlap_are_read_once():
    assert touched_bytes([Tensor((6, 3), strides=(1, 1))]) == 4 * 8


def test_a_tensor_that_is_given_twice_is_read_once():
    assert work(torch.mul, *[torch.randn(5)] * 2).read_bytes == 20
    assert work(torch.mul, torch.randn(5), torch.randn(5)).read_bytes == 40


def test_views_side_by_side_are_all_read():
    parts = torch.randn(2, 12).split(4, 1)
    assert work(torch.addcmul, *parts).read_bytes == 2 * 12 * 4


def test_views_that_overlap_are_never_more_than_the_memory_under_them():
    one = torch.randn(10)
    assert work(torch.mul, one[:8], one[2:]).read_bytes == 40


def test_weights_are_the_part_of_what_is_read_that_belongs_to_the_model():
    weight, bias = torch.randn(3, 4), torch.randn(3)
    found = work(functional.linear, torch.randn(5, 4), weight, bias, weights=[weight, bias])

    assert (found.read_bytes, found.weight_bytes, found.write_bytes) == (4 * (20 + 12 + 3), 4 * 15, 4 * 15)
    assert found.bytes == 4 * 50


def test_of_a_table_the_rows_that_are_looked_up_are_read_and_none_twice():
    table = torch.randn(100, 8)
    few = work(functional.embedding, torch.tensor([[1, 2, 1]]), table, weights=[table])
    many = work(functional.embedding, torch.zeros(500, dtype=torch.int64), table, weights=[table])

    assert (few.read_bytes, few.weight_bytes) == (3 * 32 + 3 * 8, 3 * 32)
    assert many.read_bytes == 100 * 32 + 500 * 8


def test_of_what_is_gathered_only_those_elements_are_read():
    assert work(lambda one, places: one[places], torch.randn(9, 5), torch.tensor([3])).read_bytes == 5 * 4 + 8
    places = torch.zeros(2, 1, dtype=torch.int64)
    assert work(torch.gather, torch.randn(9, 5), 1, places).read_bytes == 2 * 4 + 2 * 8


def test_windows_further_apart_than_they_are_wide_leave_out_what_lies_between():
    def read(stride):
        found = work(functional.conv2d, torch.randn(1, 2, 8, 8), torch.randn(3, 2, 1, 1), None, stride)
        return found.read_bytes - 4 * 6

    assert (read(1), read(2)) == (4 * 2 * 64, 4 * 2 * 16)


def test_an_operator_in_place_reads_and_writes_the_same_memory():
    found = work(torch.Tensor.add_, torch.randn(6), torch.randn(6))
    assert (found.read_bytes, found.write_bytes) == (48, 24)


def test_what_a_copy_overwrites_is_not_read():
    found = work(torch.Tensor.copy_, torch.randn(6), torch.randn(1))
    assert (found.read_bytes, found.write_bytes) == (4, 24)


def test_of_what_is_written_at_places_the_rest_is_left_alone():
    places = torch.tensor([0, 2])
    plain = work(lambda one, two: one.index_put_((places,), two), torch.randn(50, 4), torch.randn(2, 4))
    added = work(lambda one, two: one.index_add_(0, places, two), torch.randn(50, 4), torch.randn(2, 4))

    assert (plain.read_bytes, plain.write_bytes) == (32 + 16, 32)
    assert (added.read_bytes, added.write_bytes) == (32 + 16 + 32, 32)


def test_memory_that_is_left_as_it_was_found_is_not_written():
    assert work(torch.empty, 10).write_bytes == 0
    assert work(torch.zeros, 10).write_bytes == 40


def test_an_output_argument_is_written_and_not_read():
    found = work(lambda one, out: torch.add(one, one, out=out), torch.randn(6), torch.randn(6))
    assert (found.read_bytes, found.write_bytes) == (24, 24)


def test_views_move_nothing():
    found = work(torch.t, torch.randn(3, 4))
    assert (found.read_bytes, found.write_bytes, found.flops) == (0, 0, 0)


def test_the_type_is_that_of_the_largest_floating_input():
    half, places = torch.randn(40, 2, dtype=torch.float16), torch.zeros(9, dtype=torch.int64)

    assert work(functional.embedding, places, half).dtype == "float16"
    assert work(torch.add, places, places).dtype == "int64"
    assert work(torch.where, torch.ones(9, dtype=torch.bool), torch.ones(()), 0.0).dtype == "float32"


def test_what_is_read_in_the_order_in_which_it_lies_has_no_breaks():
    last = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    whole = work(torch.clone, last)
    turned = work(lambda one: one.contiguous(), last)

    assert (whole.dims["run"], turned.dims["run"]) == (120, 1)


def test_heads_side_by_side_are_read_in_runs_of_one_heads_width():
    heads = Tensor((2, 4, 32, 64), strides=(8192, 64, 256, 1))
    assert run_length(heads, dense(2, 32, 256)) == 64


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
def test_twice_the_rows_have_twice_the_operations_and_no_more_weights(rows, k, n, more):
    def linear(m):
        tensors = dense(m, k), dense(n, k, storage=1, role=Role.WEIGHT)
        return work_of(
            Operator("aten.linear.default", tensors, ({"tensor": 0}, {"tensor": 1}), {}, (dense(m, n, storage=2),))
        )

    one, several = linear(rows), linear(rows * more)
    assert several.flops == more * one.flops
    assert several.weight_bytes == one.weight_bytes
    assert several.write_bytes == more * one.write_bytes


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.sampled_from(["add.Tensor", "maximum.default"]))
def test_bytes_are_never_less_than_what_is_given_nor_more_than_all_tensors(shape, name):
    tensors = dense(*shape), dense(*shape, storage=1)
    output = dense(*shape, storage=2)
    found = work_of(Operator(f"aten.{name}", tensors, ({"tensor": 0}, {"tensor": 1}), {}, (output,)))

    assert found.write_bytes == 4 * math.prod(shape)
    assert found.write_bytes <= found.bytes <= 3 * 4 * math.prod(shape)


@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(0, 12)), min_size=1, max_size=4),
    st.integers(0, 9),
)
def test_a_tensor_reaches_no_more_than_its_elements_and_no_more_than_its_span(sizes, offset):
    shape, strides = (tuple(column) for column in zip(*sizes, strict=True))
    memory = torch.arange(500)
    reached = torch.as_strided(memory, shape, strides, offset).unique().numel()
    found = touched_bytes([Tensor(shape, "int8", strides, offset)])

    assert reached <= found <= math.prod(shape)
