import gc

import numpy as np
import pytest
import torch
from backend_models import TOLERANCE, build, deviation, input_sets, reference
from torch import nn

from stopwatt.backends.catalogue import get
from stopwatt.errors import Unsupported
from stopwatt.measuring.round import explained
from stopwatt.records import Precision, Setup
from stopwatt.workloads.base import Built

HALVES = ("fp32", "fp16", "bf16")
RUNS = [(model, precision) for model in ("mlp", "conv", "lstm", "attention") for precision in HALVES]
RUNS += [(model, "int8") for model in ("mlp", "lstm", "attention")]


def _setup(backend, precision="fp32", **changes):
    return Setup(backend=backend, precision=Precision(precision), batch=2, **changes)


def _answers(runner, sets):
    with runner.active():
        return [runner.fetch(runner.call(runner.stage(arrays))) for arrays in sets]


def _prepared(name, model, precision, tmp_path):
    built, backend, setup = build(model), get(name), _setup(name, precision)
    sets = input_sets(built)
    wanted = [reference(built, arrays) for arrays in sets]
    if name == "eager":
        return backend.prepare(built, setup, sets), sets, wanted
    backend.convert(built, setup, sets, tmp_path)
    return backend.load(tmp_path, setup), sets, wanted


@pytest.mark.parametrize("name", ["eager", "torchscript"])
@pytest.mark.parametrize(("model", "precision"), RUNS)
def test_every_precision_answers_as_fp32_eager_within_its_tolerance(name, model, precision, tmp_path):
    runner, sets, wanted = _prepared(name, model, precision, tmp_path)

    answers = _answers(runner, sets)

    for got, right in zip(answers, wanted, strict=True):
        assert deviation(got, right) <= TOLERANCE[precision]
    assert runner.computed()["precision"] == precision


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_a_half_precision_really_rounds(precision, tmp_path):
    runner, sets, wanted = _prepared("eager", "mlp", precision, tmp_path)
    staged = runner.stage(sets[0])

    with runner.active():
        outputs = runner.call(staged)

    assert staged[0].dtype is outputs.dtype is {"fp16": torch.float16, "bf16": torch.bfloat16}[precision]
    assert deviation(runner.fetch(outputs), wanted[0]) > 0


@pytest.mark.parametrize("name", ["eager", "torchscript"])
def test_int8_of_a_convolutional_model_is_refused_because_it_would_stay_fp32(name, tmp_path):
    with pytest.raises(Unsupported, match=r"most of this model in fp32: aten.convolution \(100%") as caught:
        _prepared(name, "conv", "int8", tmp_path)

    assert "onnxruntime or openvino" in caught.value.now


def test_int8_says_how_much_of_the_work_it_covers(tmp_path):
    class Half(nn.Module):
        """As much work in a plain matrix product, which stays fp32, as in a Linear layer."""

        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(64, 64, bias=False)
            self.weight = nn.Parameter(torch.eye(64), requires_grad=False)

        def forward(self, x):
            return self.linear(x) @ self.weight

    module = Half().eval()
    built = Built(call=module, make_inputs=build("mlp").make_inputs, input_names=("x",), module=module)

    runner = get("eager").prepare(built, _setup("eager", "int8"), input_sets(built))

    assert runner.computed()["int8_share"] == 0.5


def test_integer_inputs_keep_their_type(tmp_path):
    runner, sets, _ = _prepared("eager", "attention", "bf16", tmp_path)

    assert [tensor.dtype for tensor in runner.stage(sets[0])] == [torch.int64, torch.int64]


def test_fp32_is_fp32_even_if_other_code_allowed_bf16_products(tmp_path):
    torch.set_float32_matmul_precision("medium")
    torch.backends.mkldnn.conv.fp32_precision = "bf16"

    _prepared("eager", "mlp", "fp32", tmp_path)

    assert torch.get_float32_matmul_precision() == "highest"
    assert torch.backends.mkldnn.matmul.fp32_precision == "ieee"
    assert torch.backends.mkldnn.conv.fp32_precision == "ieee"
    assert torch.backends.cudnn.allow_tf32 is False


def test_the_threads_of_the_setup_are_used():
    built = build("mlp")

    runner = get("eager").prepare(built, _setup("eager", threads=2), input_sets(built))

    assert torch.get_num_threads() == runner.computed()["threads"] == 2
    torch.set_num_threads(1)


@pytest.mark.parametrize("name", ["eager", "compile", "torchscript", "aoti"])
def test_tf32_on_a_cpu_is_refused_with_reason_and_remedy(name, tmp_path):
    backend, arguments = get(name), (build("mlp"), _setup(name, "tf32"), [])

    with pytest.raises(Unsupported, match="tf32 on cpu: tf32 is a format of the tensor cores") as caught:
        backend.prepare(*arguments) if name in {"eager", "compile"} else backend.convert(*arguments, tmp_path)

    assert "use fp32" in caught.value.now


def called(built, setup):
    """The first call of an eager runner, as a round makes it."""
    sets = input_sets(built)
    runner = get("eager").prepare(built, setup, sets)
    with explained(runner), runner.active():
        return runner.call(runner.stage(sets[0]))


def test_an_operator_without_a_kernel_for_the_format_is_unsupported():
    class Solve(nn.Module):
        def forward(self, x):
            return torch.linalg.inv(x @ x.transpose(1, 2) + torch.eye(4, dtype=x.dtype))

    module = Solve().eval()
    built = Built(module, build("eigenvalues").make_inputs, ("x",), module)

    with pytest.raises(Unsupported, match=r"no fp16 kernel on cpu: linalg.inv"):
        called(built, _setup("eager", "fp16"))


def test_an_error_of_the_model_itself_stays_what_it_is():
    class Wrong(nn.Module):
        def forward(self, x):
            return x @ x

    module = Wrong().eval()
    built = Built(module, build("mlp").make_inputs, ("x",), module)

    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        called(built, _setup("eager"))


def test_a_plain_callable_gets_the_host_arrays_and_runs_on_eager():
    built = Built(call=lambda x: x * 2, make_inputs=build("mlp").make_inputs, input_names=("x",))
    sets = input_sets(built)

    runner = get("eager").prepare(built, _setup("eager"), sets)

    assert runner.stage(sets[0])[0] is sets[0][0]
    np.testing.assert_array_equal(_answers(runner, sets)[0][0], sets[0][0] * 2)


@pytest.mark.parametrize(("name", "precision"), [("eager", "bf16"), ("compile", "fp32")])
def test_a_plain_callable_runs_on_fp32_eager_only(name, precision):
    built = Built(call=lambda x: x * 2, make_inputs=build("mlp").make_inputs, input_names=("x",))

    with pytest.raises(Unsupported, match="plain callable") as caught:
        get(name).prepare(built, _setup(name, precision), input_sets(built))

    assert "torch.nn.Module" in caught.value.now


@pytest.mark.parametrize("name", ["eager", "compile"])
def test_an_onnx_file_has_no_module_for_torch_to_run(name, tmp_path):
    built = Built(call=len, make_inputs=build("mlp").make_inputs, input_names=("x",), onnx=tmp_path / "model.onnx")

    with pytest.raises(Unsupported, match="an ONNX file has no PyTorch module") as caught:
        get(name).prepare(built, _setup(name), input_sets(built))

    assert "onnxruntime" in caught.value.now


def test_a_module_that_cannot_be_traced_is_unsupported_with_the_reason(tmp_path):
    class Named(nn.Module):
        def forward(self, x):
            return {"answer": x, "note": "text"}

    module = Named().eval()
    built = Built(module, build("mlp").make_inputs, ("x",), module)

    with pytest.raises(Unsupported, match="TorchScript cannot trace"):
        get("torchscript").convert(built, _setup("torchscript"), input_sets(built), tmp_path)


def test_a_closed_runner_refuses_calls(tmp_path):
    runner, sets, _ = _prepared("eager", "mlp", "fp32", tmp_path)
    runner.close()

    with pytest.raises(Exception, match="closed"):
        runner.call(runner.stage(sets[0]))


def test_a_cuda_graph_on_a_cpu_says_why_not():
    backend = get("cudagraph")

    support = backend.check("cpu")
    with pytest.raises(Unsupported, match="cudagraph does not run on cpu"):
        backend.prepare(build("mlp"), _setup("cudagraph"), [])

    assert not support.usable
    assert "CUDA device" in support.why
    assert support.remedy == "use --device cuda"


ON_A_GPU = [(name, model) for name in ("eager", "cudagraph", "torchscript") for model in ("conv", "lstm", "attention")]
ON_A_GPU += [("compile", "attention"), ("compile:reduce-overhead", "attention")]


def _ready(name, built, precision, sets, folder):
    name, _, variant = name.partition(":")
    backend, setup = get(name), _setup(name, precision, device="cuda", variant=variant)
    if hasattr(backend, "prepare"):
        return backend.prepare(built, setup, sets)
    backend.convert(built, setup, sets, folder)
    return backend.load(folder, setup)


@pytest.mark.gpu
@pytest.mark.parametrize(("name", "model"), ON_A_GPU)
@pytest.mark.parametrize("precision", ["fp32", "tf32", "fp16", "bf16"])
def test_every_precision_answers_as_fp32_eager_on_a_gpu(name, model, precision, tmp_path):
    built = build(model)
    sets = input_sets(built)
    wanted = [reference(built, arrays) for arrays in sets]

    runner = _ready(name, built, precision, sets, tmp_path)

    tolerance = {"fp32": 1e-4, "tf32": 5e-3}.get(precision, TOLERANCE.get(precision))
    for got, right in zip(_answers(runner, sets), wanted, strict=True):
        assert deviation(got, right) <= tolerance
    assert runner.computed()["precision"] == precision


def _wide():
    """Sums long enough that tf32 shows: a linear layer and a convolution over 1024 inputs."""
    torch.manual_seed(0)
    layers = (nn.Linear(1024, 1024), nn.Unflatten(1, (1024, 1, 1)), nn.Conv2d(1024, 64, 1), nn.Flatten())
    module = nn.Sequential(*layers).eval().requires_grad_(False)
    return Built(
        module, lambda batch, rng: (rng.standard_normal((batch, 1024)).astype(np.float32),), ("x",), module=module
    )


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["eager", "cudagraph", "torchscript", "compile"])
def test_fp32_on_a_gpu_is_not_tf32_and_tf32_is(name, tmp_path):
    sets = input_sets(_wide(), batch=64)
    (wanted,) = reference(_wide(), sets[0])
    found = {}

    for precision in ("fp32", "tf32"):
        (tmp_path / precision).mkdir()
        runner = _ready(name, _wide(), precision, sets, tmp_path / precision)
        found[precision] = deviation(_answers(runner, sets[:1])[0], (wanted,))

    assert found["fp32"] < 1e-5
    assert 1e-4 < found["tf32"] < 5e-3


@pytest.mark.gpu
def test_a_captured_graph_answers_the_inputs_of_each_call_and_not_those_it_was_captured_with():
    built = build("mlp")
    sets = input_sets(built)
    runner = get("cudagraph").prepare(built, _setup("cudagraph", device="cuda"), sets)
    staged = [runner.stage(arrays) for arrays in sets]

    with runner.active():
        answers = [runner.fetch(runner.call(one)) for one in (*staged, staged[0])]

    assert deviation(answers[3], answers[0]) == 0
    assert deviation(answers[1], answers[0]) > 1e-3


@pytest.mark.gpu
def test_a_captured_graph_keeps_the_weights_that_it_reads():
    sets = input_sets(build("mlp"))
    wanted = reference(build("mlp"), sets[0])
    runner = get("cudagraph").prepare(build("mlp"), _setup("cudagraph", device="cuda"), sets)

    gc.collect()
    elsewhere = [torch.full((2**15,), float("nan"), device="cuda") for _ in range(64)]

    assert deviation(_answers(runner, sets[:1])[0], wanted) < 1e-4
    assert len(elsewhere) == 64
