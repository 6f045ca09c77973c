"""What lies between two graphs of one model."""

from dataclasses import replace

import numpy as np
import pytest

from stopwatt.operators.capture import Capture, Kernel, Module
from stopwatt.operators.changes import Change, changes
from stopwatt.operators.operator import Operator, Tensor
from stopwatt.records import Setup, Workload


def operator(name, dtype="float32"):
    """Of one square matrix; a product of it with another one."""
    tensor = Tensor((3, 3), dtype, strides=(3, 1))
    count = 2 if name == "mm" else 1
    arguments = tuple({"tensor": place} for place in range(count))
    made = replace(tensor, storage=1)
    return Operator(f"aten.{name}.default", (tensor,) * count, arguments, outputs=(made,))


def capture(*calls, kernels=(), **about):
    """A capture that calls operators, given as `name` or `name dtype`, in this order."""
    distinct = list(dict.fromkeys(calls))
    return Capture(
        Workload("planted"),
        Setup(),
        tuple(operator(*one.split()) for one in distinct),
        np.array([distinct.index(one) for one in calls], dtype=np.int64),
        np.zeros(len(calls), dtype=np.int64),
        np.zeros(0),
        (Module("", "Model", leaf=False),),
        kernels=kernels,
        **about,
    )


def test_what_is_gone_new_fewer_and_more_is_told_apart():
    found = changes(capture("relu", "relu", "tanh", "exp", "neg"), capture("relu", "exp", "exp", "sin", "neg"))

    assert found.gone == (Change("tanh", "float32", 1, 0),)
    assert found.new == (Change("sin", "float32", 0, 1),)
    assert found.fewer == (Change("relu", "float32", 2, 1),)
    assert found.more == (Change("exp", "float32", 1, 2),)
    assert (found.calls_before, found.calls_after) == (5, 5)


def test_the_same_graph_has_no_changes():
    assert not changes(capture("relu", "tanh"), capture("tanh", "relu")).any


def test_another_element_type_is_another_call():
    found = changes(capture("relu", "tanh"), capture("relu bfloat16", "tanh"))

    assert [(one.name, one.dtype) for one in found.gone] == [("relu", "float32")]
    assert [(one.name, one.dtype) for one in found.new] == [("relu", "bfloat16")]
    assert found.types_before == {"float32": 2}
    assert found.types_after == {"bfloat16": 1, "float32": 1}


def test_a_runtime_is_counted_by_its_kernels_and_its_fused_ones_are_named():
    kernels = (
        Kernel("graph_0_cpp_fused_add_relu_0", "fused add relu", 2.0, 1e-6),
        Kernel("Conv_1", "FusedConv", 3.0, 1e-6, dtype="float32"),
        Kernel("Add_2", "Add", 1.0, 1e-6, dtype="float32"),
    )
    found = changes(capture("relu", "add", "tanh", "tanh"), capture("relu", "add", kernels=kernels))

    assert not found.comparable
    assert found.calls_after == 6
    assert found.fused == {"FusedConv": 3.0, "fused add relu": 2.0}
    assert found.unnamed == {"tanh": 2.0}
    assert found.types_after == {"float32": 4.0}


def test_operations_are_compared_where_both_sides_have_formulas():
    found = changes(capture("mm", "mm"), capture("mm"))

    assert (found.flops_before, found.flops_after) == (2 * 54, 54)  # 3 x 3 x 3 multiply-adds each
    kernels = (Kernel("Relu_0", "Relu", 1.0, 1e-6),)
    assert changes(capture("relu"), capture("relu", kernels=kernels)).flops_after is None


@pytest.mark.parametrize("side", ["before", "after"])
def test_weights_are_told_of_both_sides(side):
    found = changes(capture("relu", parameters=7, weight_bytes=28), capture("relu", parameters=5, weight_bytes=10))

    expected = {"before": (7, 28), "after": (5, 10)}[side]
    assert (getattr(found, f"parameters_{side}"), getattr(found, f"weight_bytes_{side}")) == expected
