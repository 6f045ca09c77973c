"""What runtimes say of the operators of an ONNX graph before it is given to them."""

import onnx
import pytest
from onnx import TensorProto, helper

from stopwatt.backends.runtimes import lacking_in, nodes_of

FLOAT = TensorProto.FLOAT


def value(name, shape=(1, 4, 4), kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def saved(path, nodes, outputs, functions=()):
    graph = helper.make_graph(nodes, "graph", [value("x"), value("c", (), TensorProto.BOOL)], outputs)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.mine", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=10), str(path))
    return path


def determinant(name, output):
    return helper.make_node("Det", ["x"], [output], name=name)


@pytest.fixture
def usual(tmp_path):
    """Operators that every runtime has, one of them defined by others (HardSwish)."""
    nodes = [helper.make_node("HardSwish", ["x"], ["h"]), helper.make_node("Relu", ["h"], ["y"])]
    return saved(tmp_path / "usual.onnx", nodes, [value("y")])


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_nothing_is_lacking_where_all_operators_are_usual(usual, runtime):
    assert lacking_in(runtime, usual, "cpu") == ()


def test_openvino_names_every_operator_that_it_has_no_rule_for(tmp_path):
    branch = [helper.make_graph([determinant(name, name)], name, [], [value(name, [1])]) for name in ("one", "other")]
    nodes = [
        helper.make_node("Mine", ["x"], ["y"], name="mine", domain="com.mine"),
        helper.make_node("If", ["c"], ["z"], name="if", then_branch=branch[0], else_branch=branch[1]),
    ]
    lacks = lacking_in("openvino", saved(tmp_path / "m.onnx", nodes, [value("y"), value("z", [1])]), "cpu")
    assert {(one.node, one.operator) for one in lacks} == {("mine", "com.mine::Mine"), ("one", "Det"), ("other", "Det")}


def test_onnxruntime_names_operators_that_no_kernel_is_registered_for(tmp_path):
    nodes = [helper.make_node("Mine", ["x"], ["y"], name="mine", domain="com.mine"), determinant("det", "z")]
    path = saved(tmp_path / "m.onnx", nodes, [value("y"), value("z", [1])])
    (lack,) = lacking_in("onnxruntime", path, "cpu")  # Det has one
    assert (lack.node, lack.operator) == ("mine", "com.mine::Mine")
    assert "CPUExecutionProvider" in lack.why


def test_a_function_that_the_model_brings_along_needs_no_kernel_but_what_it_is_made_of_does(tmp_path):
    inner = [helper.make_node("Relu", ["a"], ["m"]), helper.make_node("Strange", ["m"], ["b"], name="within")]
    function = helper.make_function("com.mine", "Mine", ["a"], ["b"], inner, [helper.make_opsetid("", 18)])
    nodes = [helper.make_node("Mine", ["x"], ["y"], name="mine", domain="com.mine")]
    path = saved(tmp_path / "m.onnx", nodes, [value("y")], [function])
    assert [one.operator for one in lacking_in("onnxruntime", path, "cpu")] == ["Strange"]
    assert [node.op_type for node in nodes_of(path)] == ["Mine", "Relu", "Strange"]


def test_a_provider_whose_kernels_are_not_listed_cannot_be_asked(usual):
    from onnxruntime.capi.onnxruntime_pybind11_state import get_all_opkernel_def

    listed = any(kernel.provider == "CUDAExecutionProvider" for kernel in get_all_opkernel_def())
    assert (lacking_in("onnxruntime", usual, "cuda") is None) is not listed


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_what_cannot_be_read_cannot_be_asked_about(tmp_path, runtime):
    (tmp_path / "m.onnx").write_bytes(b"no model")
    assert lacking_in(runtime, tmp_path / "m.onnx", "cpu") is None
