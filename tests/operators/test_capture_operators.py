"""What a capture says of each operator: arguments, memory, roles, values, and why one cannot be called by itself."""

import json
import math

import pytest
import torch
from taken import Does, by_name, names, short, taken, values
from torch import nn

from stopwatt import wire
from stopwatt.operators.operator import Layout, Operator, Role


def test_composite_operators_are_captured_whole_and_equal_calls_are_one_operator():
    model = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))
    interior = taken(model, values(3, 8))
    assert names(interior) == ["linear", "relu", "linear", "relu", "linear"]
    assert interior.sequence.tolist() == [0, 1, 2, 1, 3]  # the first input is not an activation: another operator
    assert len({one.key for one in interior.operators}) == 4


def test_roles_tell_weights_inputs_and_activations_apart():
    linear = by_name(taken(nn.Linear(8, 4), values(3, 8)), "linear")
    assert [one.role for one in linear.tensors] == [Role.INPUT, Role.WEIGHT, Role.WEIGHT]
    assert [one.role for one in linear.outputs] == [Role.ACTIVATION]
    chained = taken(nn.Sequential(nn.ReLU(), nn.Tanh()), values(3))
    assert by_name(chained, "tanh").tensors[0].role is Role.ACTIVATION


def test_a_constant_that_is_no_parameter_counts_as_a_weight():
    constant = values(4)
    interior = taken(Does(lambda _, x: x * constant), values(4))
    assert [one.role for one in by_name(interior, "mul.Tensor").tensors] == [Role.INPUT, Role.WEIGHT]


def test_a_tensor_made_of_numbers_in_the_forward_is_no_weight():
    interior = taken(Does(lambda _, x: x + torch.tensor([1.0, 2.0])), values(2))
    assert [one.role for one in by_name(interior, "add.Tensor").tensors] == [Role.INPUT, Role.ACTIVATION]


def test_views_and_writes_in_place_share_the_number_of_their_storage():
    view = by_name(taken(Does(lambda _, x: x.t()), values(2, 3)), "t")
    assert view.tensors[0].storage == view.outputs[0].storage
    assert view.outputs[0].strides == (1, 3)
    in_place = by_name(taken(Does(lambda _, x: x.add_(1)), values(3)), "add_.Tensor")
    assert in_place.tensors[0].storage == in_place.outputs[0].storage
    fresh = by_name(taken(nn.ReLU(), values(3)), "relu")
    assert fresh.tensors[0].storage != fresh.outputs[0].storage


def test_offsets_and_strides_of_slices_are_kept():
    interior = taken(Does(lambda _, x: torch.relu(x[1:, ::2])), values(3, 8))
    given = by_name(interior, "relu").tensors[0]
    assert (given.shape, given.strides, given.offset) == ((2, 4), (8, 2), 8)


def test_the_same_tensor_given_twice_is_met_twice_with_one_storage():
    add = by_name(taken(Does(lambda _, x: x + x), values(3)), "add.Tensor")
    assert [one.storage for one in add.tensors] == [0, 0]


def test_numbers_of_different_kinds_are_different_operators():
    interior = taken(Does(lambda _, x: (x + 1) + (x + 1.0) + (x + True)), values(3))
    added = [one.arguments[1] for one in interior.operators if not isinstance(one.arguments[1], dict)]
    assert [(type(one), one) for one in added] == [(int, 1), (float, 1.0), (bool, True)]


def test_arguments_are_plain_json_in_the_documented_form():
    def forward(_, x):
        y = torch.full((2,), math.inf, dtype=torch.float64, device="cpu").clamp(min=-math.inf)
        return x.to(memory_format=torch.channels_last), torch.cat([x, x], 1), y

    interior = taken(Does(forward), values(1, 2, 2, 2))
    full = by_name(interior, "full")
    assert full.arguments == ([2], {"number": "inf"})
    assert full.keywords["dtype"] == {"dtype": "float64"}
    assert full.keywords["device"] == {"device": "cpu"}
    assert by_name(interior, "cat").arguments == ([{"tensor": 0}, {"tensor": 1}], 1)
    layouts = [
        one
        for one in interior.operators
        if {"memory_format": "channels_last"} in (*one.arguments, *one.keywords.values())
    ]
    assert layouts
    for one in interior.operators:
        json.dumps([list(one.arguments), dict(one.keywords)], allow_nan=False)


def test_an_operator_comes_back_from_json_as_it_was():
    def forward(_, x):
        return torch.where(x > 0.5, x, torch.full_like(x, -math.inf)).softmax(0)

    for one in taken(Does(forward), values(5)).operators:
        assert wire.from_json(Operator, wire.to_json(one)) == one


def test_ranges_of_indices_are_those_before_the_call():
    indices = torch.tensor([3, 7, 5])
    embedding = by_name(taken(nn.Embedding(10, 4), indices), "embedding")
    assert (embedding.tensors[1].low, embedding.tensors[1].high) == (3.0, 7.0)
    in_place = by_name(taken(Does(lambda _, x: x.mul_(0)), indices), "mul_.Tensor")
    assert in_place.tensors[0].high == 7.0


def test_values_do_not_make_another_operator():
    model = nn.Embedding(10, 4)
    low, high = (by_name(taken(model, torch.tensor([value])), "embedding") for value in (1, 9))
    assert low.key == high.key


def test_the_range_of_a_large_tensor_is_read_from_a_part_of_it_and_nan_has_none():
    large = values(600, 700)
    found = by_name(taken(nn.ReLU(), large), "relu").tensors[0]
    assert 0 <= found.low < 0.01
    assert 0.99 < found.high <= 1
    assert by_name(taken(nn.ReLU(), torch.tensor([1.0, math.nan])), "relu").tensors[0].low is None


def test_custom_operators_are_captured_under_their_own_names_and_can_be_called_again():
    with torch.library._scoped_library("stopwatt_test", "DEF") as library:
        library.define("twist(Tensor x, int times) -> Tensor")
        library.impl("twist", lambda x, times: x.flip(0) * times, "CPU")
        interior = taken(Does(lambda _, x: torch.ops.stopwatt_test.twist(x, 2)), values(4))
    (twist,) = interior.operators
    assert twist.name == "stopwatt_test.twist.default"
    assert (twist.arguments, twist.obstacle) == (({"tensor": 0}, 2), "")


def test_sparse_and_quantised_tensors_objects_and_subclasses_are_obstacles_and_nothing_is_dropped():
    class Own(torch.Tensor):
        pass

    def sparse(_, x):
        return torch.mm(x.to_sparse(), x)

    def quantised(_, x):
        return torch.quantize_per_tensor(x, 0.1, 0, torch.quint8).dequantize()

    def random(_, x):
        return torch.rand(2, generator=torch.Generator().manual_seed(1)) + x

    def own(_, x):
        return torch.relu(x.as_subclass(Own))

    found = {}
    for function in (sparse, quantised, random, own):
        interior = taken(Does(function), values(2, 2))
        found |= {short(one): one for one in interior.operators}
        assert interior.sequence.size == interior.places.size > 0
    assert found["mm"].tensors[0].layout is Layout.SPARSE
    assert found["mm"].obstacle == "takes a sparse tensor"
    assert found["dequantize.self"].tensors[0].layout is Layout.QUANTISED
    assert found["dequantize.self"].obstacle == "takes a quantised tensor"
    assert "Generator" in found["rand.generator"].obstacle
    assert "of its own" in found["relu"].obstacle


def test_random_operators_are_captured():
    interior = taken(Does(lambda _, x: torch.nn.functional.dropout(x, training=True)), values(8))
    assert by_name(interior, "dropout").obstacle == ""
    assert interior.gaps_ns.size == 2


@pytest.mark.parametrize(
    "function",
    [
        lambda _, x: x if x.sum() > 0 else -x,
        lambda _, x: x * x.sum().item(),
        lambda _, x: x[x > 0.5],
        lambda _, x: x.nonzero(),
    ],
)
def test_control_flow_that_depends_on_values_is_said(function):
    (note,) = taken(Does(function), values(4)).notes
    assert "another input may take another path" in note


def test_plain_control_flow_needs_no_note():
    assert taken(Does(lambda _, x: x if x.shape[0] > 2 else -x + 1), values(2)).notes == ()
