"""Compilers; every compilation costs seconds, so one small module serves many tests."""

import pytest
import torch
from backend_models import TOLERANCE, build, deviation, input_sets, reference
from torch import nn

from stopwatt.backends.aoti import _require_int8_calls
from stopwatt.backends.catalogue import get
from stopwatt.errors import Unsupported
from stopwatt.measuring.faults import translate
from stopwatt.records import Precision, Setup, Status
from stopwatt.workloads.base import Built

pytestmark = pytest.mark.compiles


def _answers(runner, sets):
    with runner.active():
        return [runner.fetch(runner.call(runner.stage(arrays))) for arrays in sets]


def _compiled(model, precision, variant=""):
    built = build(model)
    sets = input_sets(built)
    wanted = [reference(built, arrays) for arrays in sets]
    setup = Setup(backend="compile", variant=variant, precision=Precision(precision), batch=2)
    return get("compile").prepare(built, setup, sets), sets, wanted


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16", "int8"])
def test_compiled_modules_answer_as_fp32_eager(precision):
    runner, sets, wanted = _compiled("mlp", precision)

    for got, right in zip(_answers(runner, sets), wanted, strict=True):
        assert deviation(got, right) <= TOLERANCE[precision]
    facts = runner.computed()
    assert (facts["graphs"], facts["graph_breaks"], facts["recompilations"]) == (1, 0, 0)


def test_int8_compilation_calls_one_int8_kernel_for_each_quantised_layer():
    runner, sets, wanted = _compiled("conv", "int8")

    facts = runner.computed()

    assert facts["int8_kernels"] == 3
    assert facts["int8_share"] == 1.0
    assert deviation(_answers(runner, sets)[0], wanted[0]) <= TOLERANCE["int8"]


def test_recurrent_layers_are_compiled_although_dynamo_skips_them_by_default():
    runner, sets, wanted = _compiled("lstm", "fp32")

    assert runner.computed()["graphs"] == 1
    assert deviation(_answers(runner, sets)[0], wanted[0]) <= TOLERANCE["fp32"]


def test_int8_of_a_recurrent_model_is_refused_because_it_would_stay_fp32():
    with pytest.raises(Unsupported, match=r"most of this model in fp32: lstm \(\d+%") as caught:
        _compiled("lstm", "int8")

    assert "eager, which quantises" in caught.value.now


def test_a_module_that_dynamo_gives_up_is_not_called_compiled():
    class Skipped(nn.Module):
        @torch.compiler.disable
        def forward(self, x):
            return x + 1

    module = Skipped().eval()
    built = Built(module, build("mlp").make_inputs, ("x",), module)

    with pytest.raises(Unsupported, match="eager by another name"):
        get("compile").prepare(built, Setup(backend="compile", batch=2), input_sets(built))


def test_recompilations_and_graph_breaks_are_counted():
    class Broken(nn.Module):
        def forward(self, x):
            x = x * 2
            torch._dynamo.graph_break()
            return x + 1

    module = Broken().eval()
    built = Built(module, build("mlp").make_inputs, ("x",), module)
    runner = get("compile").prepare(built, Setup(backend="compile", batch=2), input_sets(built))
    before = runner.computed()

    _answers(runner, input_sets(built, batch=3))

    assert before["graph_breaks"] == 1
    assert before["recompilations"] == 0
    assert runner.computed()["recompilations"] > 0


def test_a_module_that_dynamo_compiles_again_until_its_limit_does_not_go_on_eagerly():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.calls = 0

        def forward(self, x):
            self.calls += 1
            return x * (self.calls // 2)

    module = Counting().eval()
    built = Built(module, build("mlp").make_inputs, ("x",), module)
    runner = get("compile").prepare(built, Setup(backend="compile", batch=2), input_sets(built))

    with pytest.raises(Exception, match="recompile") as caught:
        _answers(runner, 10 * input_sets(built))

    status, trouble = translate(caught.value, "warm-up")
    assert status is Status.UNSUPPORTED
    assert "gave up" in trouble.what


def test_autotuning_compiles_and_says_so():
    runner, sets, wanted = _compiled("mlp", "fp32", "max-autotune-no-cudagraphs")

    assert runner.computed()["mode"] == "max-autotune-no-cudagraphs"
    assert deviation(_answers(runner, sets)[0], wanted[0]) <= TOLERANCE["fp32"]


@pytest.fixture(scope="module", params=["fp32", pytest.param("int8", marks=pytest.mark.long)])
def package(request, tmp_path_factory):
    built = build("mlp")
    sets = input_sets(built)
    wanted = [reference(built, arrays) for arrays in sets]
    setup = Setup(backend="aoti", precision=Precision(request.param), batch=2)
    folder = tmp_path_factory.mktemp(request.param)
    get("aoti").convert(built, setup, sets, folder)
    return folder, setup, sets, wanted


def test_a_package_compiled_ahead_answers_as_fp32_eager(package):
    folder, setup, sets, wanted = package

    runner = get("aoti").load(folder, setup)

    for got, right in zip(_answers(runner, sets), wanted, strict=True):
        assert deviation(got, right) <= TOLERANCE[setup.precision]


def test_an_int8_package_has_int8_calls_in_its_code_and_an_fp32_package_none(package):
    folder, setup, *_ = package

    if setup.precision is Precision.INT8:
        assert get("aoti").load(folder, setup).computed()["int8_kernels"] == 2
    else:
        with pytest.raises(Unsupported, match="would multiply in fp32"):
            _require_int8_calls(folder / "model.pt2", setup)


def test_a_module_that_cannot_be_exported_is_unsupported_with_the_reason(tmp_path):
    class Branching(nn.Module):
        def forward(self, x):
            return x + 1 if x.sum() > 0 else x - 1

    module = Branching().eval()
    built = Built(module, build("mlp").make_inputs, ("x",), module)

    with pytest.raises(Unsupported, match=r"torch\.export cannot export") as caught:
        get("aoti").convert(built, Setup(backend="aoti", batch=2), input_sets(built), tmp_path)

    assert "use compile" in caught.value.now
