import subprocess
import sys
from collections import Counter

import numpy as np
import onnx
import pytest
from backend_models import TOLERANCE, build, deviation, input_sets, reference
from onnx import TensorProto, helper, numpy_helper

from stopwatt.backends import onnxruntime as ort_backend
from stopwatt.backends.catalogue import get
from stopwatt.backends.cpu_units import has_units
from stopwatt.backends.openvino import require_precision
from stopwatt.backends.openvino_runner import OpenVinoRunner
from stopwatt.errors import Unsupported
from stopwatt.records import Precision, Setup
from stopwatt.workloads.base import Built

needs_bf16 = pytest.mark.skipif(not has_units(Precision.BF16), reason="this CPU has no bfloat16 units")
needs_no_fp16 = pytest.mark.skipif(has_units(Precision.FP16), reason="this CPU has float16 units")

MODELS = ("mlp", "conv", "lstm", "attention")
RUNS = [(name, model, "fp32") for name in ("onnxruntime", "openvino") for model in MODELS]
RUNS += [(name, "conv", "int8") for name in ("onnxruntime", "openvino")]
RUNS += [pytest.param("openvino", "lstm", "bf16", marks=needs_bf16)]
RUNS += [
    pytest.param(name, model, "int8", marks=pytest.mark.long)
    for name in ("onnxruntime", "openvino")
    for model in ("mlp", "attention")
]
RUNS += [
    pytest.param("openvino", model, "bf16", marks=(needs_bf16, pytest.mark.long))
    for model in ("mlp", "conv", "attention")
]


def _setup(name, precision="fp32", **changes):
    return Setup(backend=name, precision=Precision(precision), batch=2, **changes)


def _answers(runner, sets):
    with runner.active():
        return [runner.fetch(runner.call(runner.stage(arrays))) for arrays in sets]


def _loaded(name, built, precision, folder, **changes):
    backend, setup, sets = get(name), _setup(name, precision, **changes), input_sets(built)
    backend.convert(built, setup, sets, folder)
    return backend.load(folder, setup), sets


@pytest.mark.parametrize(("name", "model", "precision"), RUNS)
def test_every_precision_answers_as_fp32_eager_within_its_tolerance(name, model, precision, tmp_path):
    built = build(model)
    wanted = [reference(built, arrays) for arrays in input_sets(built)]

    runner, sets = _loaded(name, built, precision, tmp_path)

    for got, right in zip(_answers(runner, sets), wanted, strict=True):
        assert deviation(got, right) <= TOLERANCE[precision]
    assert runner.computed()["precision"] == precision
    assert runner.computed()["device"] == "cpu"


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_results_of_one_input_set_survive_calls_with_another(name, tmp_path):
    built = build("attention")
    runner, sets = _loaded(name, built, "fp32", tmp_path)
    wanted = [reference(built, arrays) for arrays in sets]
    staged = [runner.stage(arrays) for arrays in sets]

    outputs = [runner.call(inputs) for inputs in staged]

    for got, right in zip([runner.fetch(output) for output in outputs], wanted, strict=True):
        assert deviation(got, right) <= TOLERANCE["fp32"]


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_every_call_computes_anew(name, tmp_path):
    built = build("mlp")
    runner, sets = _loaded(name, built, "fp32", tmp_path)
    array = sets[0][0].copy()
    staged = runner.stage((array,))
    before = runner.fetch(runner.call(staged))

    array *= 2

    after = runner.fetch(runner.call(staged))
    assert deviation(before, reference(built, sets[0])) <= TOLERANCE["fp32"]
    assert deviation(after, reference(built, (sets[0][0] * 2,))) <= TOLERANCE["fp32"]


@pytest.mark.parametrize(("name", "left"), [("onnxruntime", r"LSTM \(\d+%"), ("openvino", r"RNNSeq \(\d+%")])
def test_int8_of_a_recurrent_model_is_refused_because_it_would_stay_fp32(name, left, tmp_path):
    with pytest.raises(Unsupported, match=left) as caught:
        _loaded(name, build("lstm"), "int8", tmp_path)

    assert "eager, which quantises" in caught.value.now


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_an_operator_without_onnx_mapping_is_named_as_the_exporter_names_it(name, tmp_path):
    with pytest.raises(Unsupported, match=r"no mapping for operator aten\.linalg_eig\n") as caught:
        _loaded(name, build("eigenvalues"), "fp32", tmp_path)

    assert "use eager" in caught.value.now


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_onnxruntime_refuses_half_formats_on_a_cpu_because_it_would_cast(precision, tmp_path):
    with pytest.raises(Unsupported, match="would compute in fp32 through casts") as caught:
        _loaded("onnxruntime", build("mlp"), precision, tmp_path)

    assert caught.value.now == "use fp32 or int8, or another backend"


@needs_no_fp16
def test_openvino_refuses_fp16_on_a_cpu_without_such_units(tmp_path):
    with pytest.raises(Unsupported, match="this CPU has no float16 units"):
        _loaded("openvino", build("mlp"), "fp16", tmp_path)


@needs_bf16
@pytest.mark.parametrize(("precision", "hint"), [("fp32", "f32"), ("bf16", "bf16"), ("int8", "f32")])
def test_openvino_reports_the_precision_that_was_asked_for(precision, hint, tmp_path):
    runner, _ = _loaded("openvino", build("mlp"), precision, tmp_path)

    assert runner.computed()["inference_precision"] == hint


def test_openvino_raises_where_the_compiled_model_reports_another_precision():
    with pytest.raises(Unsupported, match="computes in bfloat16, float16 was asked for"):
        require_precision("f16", "bf16", _setup("openvino", "fp16"))


@pytest.mark.parametrize("variant", ["", "latency", "throughput"])
def test_openvino_compiles_for_the_hint_that_the_variant_names(variant, tmp_path):
    runner, _ = _loaded("openvino", build("mlp"), "fp32", tmp_path, variant=variant, threads=2)

    facts = runner.computed()
    assert facts["hint"] == (variant or "latency")
    assert facts["threads"] == 2


def test_a_gpu_provider_that_is_not_there_is_refused_by_both_names(tmp_path):
    built = build("mlp")
    get("onnxruntime").convert(built, _setup("onnxruntime"), input_sets(built), tmp_path)

    with pytest.raises(Unsupported, match=r"CUDAExecutionProvider was asked for, .* CPUExecutionProvider") as caught:
        get("onnxruntime").load(tmp_path, _setup("onnxruntime", device="cuda"))

    assert "onnxruntime-gpu" in caught.value.now


def test_a_session_that_fell_back_to_the_cpu_is_refused_by_both_names():
    with pytest.raises(Unsupported, match=r"CUDAExecutionProvider was asked for, .* CPUExecutionProvider"):
        ort_backend._require_provider(["CPUExecutionProvider"], {}, "CUDAExecutionProvider", _setup("onnxruntime"))


def test_products_on_another_provider_are_refused_but_shape_operators_are_not():
    used = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    shapes = {"CUDAExecutionProvider": Counter(MatMul=3), "CPUExecutionProvider": Counter(Gather=2, Shape=1)}
    products = {"CUDAExecutionProvider": Counter(MatMul=3), "CPUExecutionProvider": Counter(Conv=1)}

    ort_backend._require_provider(used, shapes, "CUDAExecutionProvider", _setup("onnxruntime", device="cuda"))
    with pytest.raises(Unsupported, match="placed Conv on CPUExecutionProvider"):
        ort_backend._require_provider(used, products, "CUDAExecutionProvider", _setup("onnxruntime", device="cuda"))


@pytest.mark.parametrize(("variant", "device"), [("cuda", "cpu"), ("tensorrt", "cpu"), ("cpu", "cuda")])
def test_a_variant_of_another_device_is_refused(variant, device, tmp_path):
    setup = _setup("onnxruntime", variant=variant, device=device)

    with pytest.raises(Unsupported, match=f"onnxruntime:{variant} does not run on {device}"):
        get("onnxruntime").convert(build("mlp"), setup, [], tmp_path)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_loading_and_running_an_artifact_does_not_import_torch(name, precision, tmp_path):
    built = build("mlp")
    sets = input_sets(built)
    get(name).convert(built, _setup(name, precision), sets, tmp_path)
    np.save(tmp_path / "x.npy", sets[0][0])
    code = f"""
import sys, pathlib, numpy as np
from stopwatt.backends.catalogue import get
from stopwatt.records import Precision, Setup
folder = pathlib.Path({str(tmp_path)!r})
runner = get({name!r}).load(folder, Setup({name!r}, precision=Precision({precision!r}), batch=2))
outputs = runner.fetch(runner.call(runner.stage((np.load(folder / "x.npy"),))))
runner.computed()
np.save(folder / "y.npy", outputs[0])
assert "torch" not in sys.modules, "torch was imported"
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert deviation((np.load(tmp_path / "y.npy"),), reference(built, sets[0])) <= TOLERANCE[precision]


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_conversion_prints_nothing_and_calls_nobody(name, tmp_path):
    code = f"""
import pathlib, sys
sys.path.insert(0, "tests/backends")
from backend_models import build, input_sets
from stopwatt.backends.catalogue import get
from stopwatt.records import Precision, Setup
built = build("attention")
setup = Setup({name!r}, precision=Precision.INT8, batch=2)
folder = pathlib.Path({str(tmp_path)!r}) / "artifact"
folder.mkdir()
get({name!r}).convert(built, setup, input_sets(built), folder)
get({name!r}).load(folder, setup)
"""

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / "intel").exists()


def _onnx_file(path, kind=TensorProto.FLOAT, batch="batch"):
    """y = x @ w with a free batch dimension, as a user's file may come."""
    weight = np.random.default_rng(2).standard_normal((32, 16)).astype(helper.tensor_dtype_to_np_dtype(kind))
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "graph",
        [helper.make_tensor_value_info("x", kind, [batch, 32])],
        [helper.make_tensor_value_info("y", kind, [batch, 16])],
        [numpy_helper.from_array(weight, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)

    def make(count, generator):
        return (generator.standard_normal((count, 32)).astype(np.float32),)

    return Built(call=len, make_inputs=make, input_names=("x",), onnx=path), weight.astype(np.float32)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_an_onnx_file_runs_as_it_is_or_quantised(name, precision, tmp_path):
    built, weight = _onnx_file(tmp_path / "model.onnx")
    folder = tmp_path / "artifact"
    folder.mkdir()

    runner, sets = _loaded(name, built, precision, folder)

    for got, arrays in zip(_answers(runner, sets), sets, strict=True):
        assert deviation(got, (arrays[0] @ weight,)) <= TOLERANCE[precision]


def test_a_half_precision_onnx_file_is_not_run_as_fp32(tmp_path):
    built, _ = _onnx_file(tmp_path / "model.onnx", TensorProto.FLOAT16)
    folder = tmp_path / "artifact"
    folder.mkdir()

    with pytest.raises(Unsupported, match=r"model.onnx computes in fp16, fp32 was asked for") as caught:
        _loaded("onnxruntime", built, "fp32", folder)

    assert caught.value.now == "use fp16"


def test_the_reference_of_an_onnx_file_is_the_file_without_graph_optimisations(tmp_path):
    built, weight = _onnx_file(tmp_path / "model.onnx")
    sets = input_sets(built)

    runner = ort_backend.reference_runner(built.onnx, _setup("onnxruntime"))

    assert deviation(_answers(runner, sets)[0], (sets[0][0] @ weight,)) <= TOLERANCE["fp32"]


def test_bfloat16_tensors_go_in_and_out_of_a_session(tmp_path):
    shape = [2, 32]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.BFLOAT16, shape)],
        [helper.make_tensor_value_info("y", TensorProto.BFLOAT16, shape)],
    )
    path = tmp_path / "identity.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    values = np.random.default_rng(0).standard_normal(shape).astype(np.float32)

    runner = ort_backend.reference_runner(path, _setup("onnxruntime"))
    answer = _answers(runner, [(values,)])[0]

    assert answer[0].dtype == np.float32
    assert 0 < deviation(answer, (values,)) <= 2**-8


def test_bfloat16_tensors_go_in_and_out_of_openvino():
    ov = pytest.importorskip("openvino")
    x = ov.opset13.parameter([2, 32], ov.Type.bf16)
    compiled = ov.compile_model(ov.Model([ov.opset13.relu(x)], [x], "identity"), "CPU")
    values = np.random.default_rng(0).standard_normal((2, 32)).astype(np.float32)

    (answer,) = _answers(OpenVinoRunner(compiled, {}), [(values,)])

    assert answer[0].dtype == np.float32
    assert 0 < deviation(answer, (values.clip(min=0),)) <= 2**-8


def _has_cuda():
    return "CUDAExecutionProvider" in pytest.importorskip("onnxruntime").get_available_providers()


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["fp32", "tf32", "fp16", "bf16", "int8"])
def test_every_precision_answers_as_fp32_eager_on_a_gpu(precision, tmp_path):
    if not _has_cuda():
        pytest.skip("this onnxruntime has no CUDAExecutionProvider")
    built = build("attention")
    wanted = [reference(built, arrays) for arrays in input_sets(built)]

    runner, sets = _loaded("onnxruntime", built, precision, tmp_path, device="cuda")

    tolerance = {"fp32": 1e-4, "tf32": 5e-3}.get(precision, TOLERANCE.get(precision))
    for got, right in zip(_answers(runner, sets), wanted, strict=True):
        assert deviation(got, right) <= tolerance
    assert runner.computed()["provider"] == "CUDAExecutionProvider"
