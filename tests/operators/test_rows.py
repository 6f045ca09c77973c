"""Operators as rows: by family, in order, with the group that keeps like shapes together."""

import numpy as np
import pytest

from stopwatt.operators.operator import Operator, Role, Tensor
from stopwatt.operators.replay import Mode
from stopwatt.operators.rows import Observed, queries_of, tables_of
from stopwatt.operators.table import joined
from stopwatt.operators.work import DIMENSIONS, Family


def linear(m, n, k, dtype="float32"):
    tensors = Tensor((m, k), dtype, (k, 1)), Tensor((n, k), dtype, (k, 1), storage=1, role=Role.WEIGHT)
    outputs = (Tensor((m, n), dtype, (n, 1), storage=2),)
    return Operator("aten.linear.default", tensors, ({"tensor": 0}, {"tensor": 1}), {}, outputs)


def relu(n):
    return Operator(
        "aten.relu.default", (Tensor((n,), strides=(1,)),), ({"tensor": 0},), {}, (Tensor((n,), storage=1),)
    )


ODD = Operator("mine.odd.default", (Tensor((3,)),), ({"tensor": 0},), {}, (Tensor((2,), storage=1),))


def test_rows_are_tables_by_family_with_their_sizes_and_times():
    measured = [
        Observed(linear(2, 3, 4), Mode.REUSE, 1e-6),
        Observed(relu(5), Mode.STREAM, 2e-6, power_w=300.0, limit_w=700.0),
        Observed(linear(5, 6, 7, "bfloat16"), Mode.STREAM, 3e-6),
    ]
    tables = tables_of(measured, "a chip", "measured")
    products = tables[Family.GEMM]

    assert set(tables) == {Family.GEMM, Family.ELEMENTWISE}
    assert {name: column.tolist() for name, column in products.dims.items()} == {
        "m": [2, 5], "n": [3, 6], "k": [4, 7], "batch": [1, 1],
    }  # fmt: skip
    assert products.time_s.tolist() == [1e-6, 3e-6]
    assert products.mode.tolist() == ["reuse", "stream"]
    assert products.dtype.tolist() == ["float32", "bfloat16"]
    assert products.flops.tolist() == [48, 420]
    assert products.weight_bytes.tolist() == [48, 84]
    assert (set(products.device), set(products.source)) == ({"a chip"}, {"measured"})
    assert np.isnan(products.power_w).all()
    assert (tables[Family.ELEMENTWISE].power_w[0], tables[Family.ELEMENTWISE].limit_w[0]) == (300, 700)


def test_shapes_that_differ_in_mode_or_type_only_are_one_group():
    measured = [
        Observed(linear(2, 3, 4), Mode.REUSE, 1e-6),
        Observed(linear(2, 3, 4, "bfloat16"), Mode.STREAM, 1e-6),
        Observed(linear(2, 3, 5), Mode.REUSE, 1e-6),
        Observed(linear(2, 3, 4), Mode.REUSE, 1e-6, group="a model"),
    ]
    groups = tables_of(measured, "a chip")[Family.GEMM].group.tolist()

    assert groups == ["linear m=2 n=3 k=4 batch=1"] * 2 + ["linear m=2 n=3 k=5 batch=1", "a model"]


def test_what_no_formula_knows_is_a_row_too_with_unknown_operations():
    table = tables_of([Observed(ODD, Mode.REUSE, 1e-6)], "a chip")[Family.OTHER]

    assert (len(table), dict(table.dims), table.kind[0]) == (1, {}, "mine.odd")
    assert np.isnan(table.flops[0])
    assert table.read_bytes[0] == 12


@pytest.mark.parametrize("time_s", [0.0, -1.0, float("nan"), float("inf")])
def test_what_has_no_time_is_no_row(time_s):
    with pytest.raises(ValueError, match="linear"):
        tables_of([Observed(linear(2, 3, 4), Mode.REUSE, time_s)], "a chip")


def test_queries_name_every_operator_once_and_have_no_times():
    operators = [relu(3), linear(2, 3, 4), ODD, relu(4)]
    queries = queries_of(operators, Mode.RESIDENT, "another chip")

    assert sorted(number for _, numbers in queries.values() for number in numbers) == [0, 1, 2, 3]
    table, numbers = queries[Family.ELEMENTWISE]
    assert (numbers.tolist(), table.dims["elements"].tolist()) == ([0, 3], [3, 4])
    assert np.isnan(table.time_s).all()
    assert (set(table.mode), set(table.device)) == ({"resident"}, {"another chip"})


def test_tables_of_several_places_can_be_joined():
    first = tables_of([Observed(relu(3), Mode.REUSE, 1e-6)], "a chip")[Family.ELEMENTWISE]
    second = tables_of([Observed(relu(400), Mode.REUSE, 1e-6)], "a chip with a longer name")[Family.ELEMENTWISE]

    assert joined([first, second]).device.tolist() == ["a chip", "a chip with a longer name"]


def test_nothing_gives_nothing():
    assert tables_of([], "a chip") == {}
    assert queries_of([], Mode.REUSE, "a chip") == {}


def test_every_family_says_which_sizes_it_has():
    assert set(DIMENSIONS) == set(Family)
