"""Operands made again: storages, views, values; and what an operator cannot be given again."""

import math
import sys

import pytest
import torch

from stopwatt.errors import Unsupported
from stopwatt.measuring.operators.materials import Materials, function_of, written
from stopwatt.operators.operator import Layout, Operator, Role, Tensor


def t(number):
    return {"tensor": number}


def made(*tensors, arguments=(), **keywords):
    operator = Operator("aten.add.Tensor", tensors, arguments or tuple(t(n) for n in range(len(tensors))), keywords)
    return Materials(operator, "cpu").make()


def values(**known):
    (tensor,) = made(Tensor((40, 50), **known)).arguments
    return tensor


def test_shape_type_strides_and_offset_are_those_that_were_captured():
    (tensor,) = made(Tensor((3, 4), "float64", (1, 3), offset=5)).arguments
    assert tuple(tensor.shape) == (3, 4)
    assert tensor.dtype is torch.float64
    assert tensor.stride() == (1, 3)
    assert tensor.storage_offset() == 5


def test_tensors_with_one_storage_share_memory_and_others_do_not():
    left, right, other = made(
        Tensor((4,), storage=7), Tensor((2,), offset=2, storage=7), Tensor((4,), storage=1)
    ).arguments
    left[2] = 77.0
    assert right[0] == 77.0
    assert left.untyped_storage().data_ptr() == right.untyped_storage().data_ptr()
    assert other.untyped_storage().data_ptr() != left.untyped_storage().data_ptr()


def test_expanded_and_overlapping_tensors_take_only_the_memory_that_they_had():
    operator = Operator(
        "aten.add.Tensor", (Tensor((100, 4), strides=(0, 1)), Tensor((50, 8), strides=(1, 1), storage=1)), (t(0), t(1))
    )
    materials = Materials(operator, "cpu")
    assert materials.bytes == 64 + 256  # 4 and 57 numbers, in whole lines
    expanded, overlapping = materials.make().arguments
    assert expanded.stride() == (0, 1)
    assert torch.equal(expanded[0], expanded[99])
    assert torch.equal(overlapping[0, 1:], overlapping[1, :-1])


def test_a_tensor_without_elements_takes_no_memory():
    materials = Materials(Operator("aten.add.Tensor", (Tensor((0, 3)),), (t(0),)), "cpu")
    assert materials.bytes == 0
    assert tuple(materials.make().arguments[0].shape) == (0, 3)


def test_every_set_has_storages_of_its_own_with_equal_values():
    materials = Materials(Operator("aten.add.Tensor", (Tensor((30,)), Tensor((30,), storage=1)), (t(0), t(1))), "cpu")
    sets = [materials.make() for _ in range(5)]
    addresses = {tensor.data_ptr() for one in sets for tensor in one.arguments}
    assert len(addresses) == 10
    assert all(torch.equal(one.arguments[0], sets[0].arguments[0]) for one in sets)


def test_a_storage_that_is_common_is_the_same_in_all_sets():
    materials = Materials(Operator("aten.add.Tensor", (Tensor((30,)), Tensor((30,), storage=1)), (t(0), t(1))), "cpu")
    one, other = materials.make(common=[1]), materials.make(common=[1])
    assert one.arguments[1].data_ptr() == other.arguments[1].data_ptr()
    assert one.arguments[0].data_ptr() != other.arguments[0].data_ptr()


def test_what_a_call_wrote_gets_its_values_back():
    materials = Materials(Operator("aten.add_.Tensor", (Tensor((30,)),), (t(0),)), "cpu")
    one = materials.make()
    before = one.arguments[0].clone()
    one.arguments[0].add_(1)
    materials.restore(one, [0])
    assert torch.equal(one.arguments[0], before)


def test_the_seed_decides_the_values():
    operator = Operator("aten.add.Tensor", (Tensor((30,)),), (t(0),))
    first, same, other = (Materials(operator, "cpu", seed).make().arguments[0] for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float8_e4m3fn"])
def test_values_stay_within_what_was_seen_whatever_the_float(dtype):
    found = values(dtype=dtype, low=-0.5, high=2.0).float()
    assert found.min() >= -0.5
    assert found.max() <= 2.0
    assert found.std() > 0.1


def test_values_are_positive_where_only_positive_ones_were_seen():
    assert values(low=0.25, high=1.0).min() >= 0.25


def test_no_value_is_subnormal():
    found = values(low=-1e-3, high=1e-3).abs()
    assert found[found > 0].min() >= torch.finfo(torch.float32).tiny


def test_indices_are_those_of_the_range_that_was_seen():
    found = values(dtype="int64", low=3, high=9)
    assert set(found.flatten().tolist()) == set(range(3, 10))


def test_indices_that_nobody_looked_at_are_0_which_every_table_has():
    assert values(dtype="int64").eq(0).all()


def test_truths_are_both_or_the_one_that_was_seen():
    assert set(values(dtype="bool").flatten().tolist()) == {False, True}
    assert set(values(dtype="bool", low=1, high=1).flatten().tolist()) == {True}


@pytest.mark.parametrize("low", [-math.inf, float(torch.finfo(torch.float32).min)])
def test_a_mask_has_both_of_its_values_and_none_that_gives_nan(low):
    found = values(low=low, high=0.0)
    assert found.isfinite().all()
    assert set((found == 0).flatten().tolist()) == {False, True}


def test_a_vector_of_weights_may_be_a_variance_and_is_positive():
    (tensor,) = made(Tensor((5000,), role=Role.WEIGHT)).arguments
    assert tensor.min() > 0


def test_a_matrix_of_weights_keeps_the_size_of_what_it_is_multiplied_with():
    (weight,) = made(Tensor((400, 900), role=Role.WEIGHT)).arguments
    product = torch.randn(100, 900) @ weight.T
    assert 0.5 < product.std() < 2


def test_large_tensors_are_full_to_the_end():
    (tensor,) = made(Tensor((3 * 2**20 + 17,))).arguments
    assert tensor[-17:].abs().sum() > 0


def test_lists_types_devices_layouts_and_odd_numbers_are_what_torch_takes():
    one = made(
        Tensor((2,)),
        Tensor((2,), storage=1),
        arguments=([t(0), None, t(1)], {"number": "-inf"}, 3),
        dtype={"dtype": "float16"},
        device={"device": "cpu"},
        layout={"layout": "strided"},
        memory_format={"memory_format": "channels_last"},
    )
    assert [value is None for value in one.arguments[0]] == [False, True, False]
    assert one.arguments[1:] == (-math.inf, 3)
    assert one.keywords == {
        "dtype": torch.float16,
        "device": torch.device("cpu"),
        "layout": torch.strided,
        "memory_format": torch.channels_last,
    }


def test_an_argument_that_nobody_knows_is_refused():
    with pytest.raises(Unsupported, match="'generator' is not known"):
        made(Tensor((2,)), arguments=({"generator": "cpu"},))


@pytest.mark.parametrize("layout", [Layout.SPARSE, Layout.QUANTISED, Layout.OPAQUE])
def test_a_tensor_that_is_not_strided_is_refused(layout):
    with pytest.raises(Unsupported, match=str(layout)):
        made(Tensor((2,), layout=layout))


def test_an_element_type_that_torch_does_not_have_is_refused():
    with pytest.raises(Unsupported, match="no element type float1"):
        made(Tensor((2,), "float1"))


def test_an_operator_is_found_with_its_overload():
    assert function_of("aten.add.Tensor") is torch.ops.aten.add.Tensor


@pytest.mark.parametrize("name", ["aten.nothing.default", "aten.add.Nothing", "nobody.add.default", "add"])
def test_an_operator_that_torch_does_not_have_is_refused_by_its_name(name):
    with pytest.raises(Unsupported, match=name):
        function_of(name)


def test_an_operator_of_an_installed_package_is_found_by_importing_it(tmp_path, monkeypatch):
    (tmp_path / "stopwatt_ours.py").write_text(
        "import torch\n"
        "@torch.library.custom_op('stopwatt_ours::twice', mutates_args=())\n"
        "def twice(x: torch.Tensor) -> torch.Tensor:\n"
        "    return x * 2\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    function = function_of("stopwatt_ours.twice.default")
    assert function(torch.ones(2)).tolist() == [2, 2]
    del sys.modules["stopwatt_ours"]


def test_what_is_written_in_place_or_to_an_output_is_known_from_the_schema():
    pair = (Tensor((2,)), Tensor((2,), storage=1))
    plain = Operator("aten.add.Tensor", pair, (t(0), t(1)))
    in_place = Operator("aten.add_.Tensor", pair, (t(0), t(1)))
    out = Operator("aten.add.out", (*pair, Tensor((2,), storage=2)), (t(0), t(1)), {"out": t(2)})
    assert written(plain, function_of(plain.name)) == frozenset()
    assert written(in_place, function_of(in_place.name)) == {0}
    assert written(out, function_of(out.name)) == {2}
