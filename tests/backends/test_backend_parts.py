import logging
import subprocess
import sys
import warnings

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from stopwatt.backends import bfloat16, cpu_units, onnx_graph
from stopwatt.backends.int8_share import Products, Tally, require_int8
from stopwatt.backends.quiet import quiet
from stopwatt.backends.torch_runner import arrays_of
from stopwatt.errors import Unsupported
from stopwatt.records import Precision

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-(2.0**126), max_value=2.0**126)


@given(st.lists(FINITE, min_size=1, max_size=20))
def test_bfloat16_rounds_as_torch_does(values):
    import torch

    array = np.array(values, dtype=np.float32)

    got = bfloat16.from_bits(bfloat16.to_bits(array))

    np.testing.assert_array_equal(got, torch.from_numpy(array).bfloat16().float().numpy())


def test_bfloat16_keeps_infinities_and_nan():
    array = np.array([np.inf, -np.inf, np.nan], dtype=np.float32)

    np.testing.assert_array_equal(bfloat16.from_bits(bfloat16.to_bits(array)), array)


def test_the_int8_share_is_that_of_the_multiply_adds():
    tally = Tally()
    tally.add("linear", 300.0, int8=True)
    tally.add("bmm", 60.0, int8=False)
    tally.add("bmm", 40.0, int8=False)

    products = tally.products()

    assert products == Products(300.0, {"bmm": 100.0})
    assert products.share == 0.75


@pytest.mark.parametrize(("int8", "passes"), [(50.0, True), (49.0, False), (0.0, False)])
def test_a_model_is_int8_if_half_of_its_work_is(int8, passes):
    products = Products(int8, {"Conv": 100.0 - int8})

    if passes:
        require_int8(products, tool="tool", when="cell", now="do")
    else:
        with pytest.raises(Unsupported, match=rf"tool .*Conv \({100 - int8:.0f}%"):
            require_int8(products, tool="tool", when="cell", now="do")


def test_a_model_without_any_products_is_not_int8():
    with pytest.raises(Unsupported, match="no layer that can be quantised"):
        require_int8(Products(), tool="tool", when="", now="")


@pytest.mark.parametrize(
    ("line", "precision", "expected"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 avx512_vnni", Precision.BF16, True),
        ("flags\t\t: fpu avx512f avx512_bf16 avx512_vnni", Precision.FP16, False),
        ("flags\t\t: fpu amx_bf16 amx_int8 amx_tile", Precision.INT8, True),
        ("Features\t: fp asimd fphp asimdhp asimddp bf16", Precision.FP16, True),
        ("flags\t\t: fpu avx2", Precision.INT8, False),
        ("flags\t\t: fpu avx2", Precision.FP32, True),
    ],
)
def test_the_units_of_a_cpu_are_read_from_its_flags(line, precision, expected, tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\n{line}\n\nprocessor\t: 1\n")

    assert cpu_units.has_units(precision, cpu_units.flags(cpuinfo)) is expected


def test_a_machine_whose_flags_cannot_be_read_has_no_known_units(tmp_path):
    assert cpu_units.flags(tmp_path / "missing") == frozenset()


def _graph(*nodes, inputs=(), outputs=(), weights=()):
    return helper.make_model(
        helper.make_graph(
            list(nodes),
            "graph",
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs],
            [helper.make_tensor(name, TensorProto.FLOAT, shape, np.zeros(shape)) for name, shape in weights],
        )
    )


def test_multiply_adds_of_a_graph_are_those_of_its_shapes():
    model = _graph(
        helper.make_node("Conv", ["image", "kernel"], ["features"]),
        helper.make_node("Flatten", ["features"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w"], ["y"], transB=1),
        inputs=[("image", [1, 3, 5, 5])],
        outputs=[("y", [1, 7])],
        weights=[("kernel", [4, 3, 3, 3]), ("w", [7, 36])],
    )

    products = onnx_graph.products_of(model)

    assert products == Products(0.0, {"Conv": 4 * 9 * 27.0, "Gemm": 7 * 36.0})


def test_free_dimensions_are_filled_in_wherever_their_name_occurs():
    model = _graph(helper.make_node("Relu", ["x"], ["y"]), inputs=[("x", ["batch", 3])], outputs=[("y", ["batch", 3])])

    fixed = onnx_graph.fix_shapes(model, {"x": (8, 3)})

    onnx.checker.check_model(fixed)
    assert [dimension.dim_value for dimension in fixed.graph.output[0].type.tensor_type.shape.dim] == [8, 3]


def test_quiet_hides_what_is_printed_logged_and_warned_and_restores_everything(capsys, caplog):
    logger = logging.getLogger("vendor")

    with quiet():
        print("noise")  # noqa: T201  (that is the point)
        print("noise", file=sys.stderr)  # noqa: T201
        logger.error("noise")
        warnings.warn("noise", stacklevel=1)
    logger.error("signal")

    assert capsys.readouterr() == ("", "")
    assert [record.message for record in caplog.records] == ["signal"]


def test_quiet_lets_errors_pass():
    with pytest.raises(ValueError, match="signal"), quiet():
        raise ValueError("signal")


def test_outputs_of_any_structure_become_a_flat_tuple_of_host_arrays():
    import torch

    outputs = {"a": torch.ones(2, dtype=torch.bfloat16), "b": [torch.zeros(1, dtype=torch.int64), None]}

    arrays = arrays_of(outputs)

    assert [array.dtype for array in arrays] == [np.float32, np.int64]


def test_packages_compiled_ahead_of_time_use_the_c_plus_plus_library_of_the_process():
    code = """
import ctypes
from stopwatt.backends.aoti import share_cpp_library

def is_shared():
    return hasattr(ctypes.CDLL(None), "_ZNSt6locale7classicEv")

ctypes.CDLL("libstdc++.so.6")  # for its own use, as Python loads extensions
before = is_shared()
share_cpp_library()
print(before, is_shared())
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "False True\n"
