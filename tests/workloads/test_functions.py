"""A user's function becomes a workload; whatever is wrong with it becomes an error that says where."""

import sys

import numpy as np
import pytest
import torch

from stopwatt.errors import UsageError, WorkloadError
from stopwatt.workloads.params import check_params
from stopwatt.workloads.resolve import resolve


@pytest.fixture(autouse=True)
def _own_modules():
    modules, path = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith(("user_", "own_")):
            del sys.modules[name]


@pytest.fixture
def file(tmp_path):
    def write(text, name="models.py"):
        path = tmp_path / name
        path.write_text("import torch\nfrom torch import nn\n" + text)
        return path

    return write


def build(path, function="make", **given):
    family = resolve(f"{path}:{function}")
    return family.build(check_params(family, given), 0)


def sets(built, batch=4):
    generator = np.random.default_rng(0)
    return built.make_inputs(batch, generator), built.make_inputs(batch, generator)


def test_a_function_is_called_with_typed_parameters(file):
    built = build(
        file("def make(hidden=3, *, bias=True): return nn.Linear(hidden, 2, bias=bias)"), hidden="7", bias="no"
    )

    assert built.module.in_features == 7
    assert built.module.bias is None


def test_plain_defaults_become_parameters_without_running_the_file(file):
    family = resolve(f"{file('raise SystemExit' + chr(10) + 'def make(hidden=3, rate=0.5, *, fast=True): ...')}:make")

    assert {param.name: param.default for param in family.params} == {"hidden": 3, "rate": 0.5, "fast": True}
    assert not family.open_params
    assert family.runs_foreign_code


def test_a_function_with_keywords_takes_any_parameter(file):
    built = build(file("def make(**sizes): return nn.Linear(sizes['inside'], 2)"), inside="5")

    assert built.module.in_features == 5


def test_a_class_is_a_function_too(file):
    built = build(
        file("class Net(nn.Linear):\n    def __init__(self, width=4): super().__init__(width, 2)"), "Net", width=6
    )

    assert built.module.in_features == 6


def test_a_module_comes_out_in_evaluation_mode_without_gradients_and_seeded(file):
    path = file("def make(): return nn.Sequential(nn.Linear(4, 2), nn.Dropout())")

    first, second = build(path).module, build(path).module

    assert not first.training
    assert not first[0].weight.requires_grad
    assert torch.equal(first[0].weight, second[0].weight)


@pytest.mark.parametrize(
    ("code", "shape", "kind"),
    [
        ("nn.Linear(5, 2)", (4, 5), "f"),
        ("nn.Sequential(nn.Flatten(), nn.Linear(5, 2))", (4, 5), "f"),
        ("nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 30 * 30, 2))", (4, 3, 32, 32), "f"),
        ("nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1))", (4, 1, 224, 224), "f"),
        ("nn.Sequential(nn.Conv1d(2, 4, 3), nn.AdaptiveAvgPool1d(1))", (4, 2, 1024), "f"),
        ("nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 2))", (4, 128), "i"),
        ("nn.LSTM(3, 4, batch_first=True)", (4, 128, 3), "f"),
    ],
)
def test_inputs_are_inferred_from_the_first_layer_and_believed_after_a_forward_pass(file, code, shape, kind):
    built = build(file(f"def make(): return {code}"))

    first, second = sets(built)
    outputs = built.module(torch.from_numpy(first[0]))

    assert first[0].shape == shape
    assert first[0].dtype.kind == kind
    assert not np.array_equal(first[0], second[0])
    assert all(isinstance(one, torch.Tensor) for one in (outputs if isinstance(outputs, tuple) else (outputs,)))


@pytest.mark.parametrize(
    "code", ["nn.LSTM(3, 4)", "nn.TransformerEncoderLayer(8, 2, batch_first=True)", "nn.Bilinear(2, 3, 4)", "nn.ReLU()"]
)
def test_inputs_that_cannot_be_inferred_are_asked_for(file, code):
    with pytest.raises(WorkloadError, match="cannot be inferred") as caught:
        build(file(f"def make(): return {code}"))

    assert "return (module, inputs)" in caught.value.now


def test_a_transformers_model_is_recognised_by_its_configuration(file):
    built = build(
        file(
            "def make():\n    from transformers import BertConfig, BertModel\n"
            "    return BertModel(BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2))"
        )
    )

    first, _ = sets(built)

    assert built.input_names == ("input_ids", "attention_mask")
    assert [output.shape for output in built.module(*map(torch.from_numpy, first))] == [(4, 128, 16), (4, 16)]


def test_a_tuple_of_inputs_is_grown_cut_and_shuffled_within_each_tensor(file):
    built = build(file("def make(): return nn.Linear(5, 2), (torch.arange(15.).reshape(3, 5),)"))

    (grown,), (other,) = sets(built, batch=6)
    ((cut,), _) = sets(built, batch=2)

    assert grown.shape == (6, 5)
    assert cut.shape == (2, 5)
    assert sorted(grown.ravel()) == sorted([*range(15), *range(15)])
    assert not np.array_equal(grown, other)


def test_placeholder_inputs_become_noise(file):
    first, second = sets(build(file("def make(): return nn.Linear(5, 2), (torch.zeros(1, 5),)")))

    assert first[0].std() > 0.1
    assert not np.array_equal(first[0], second[0])


@pytest.mark.parametrize("code", ["torch.rand(batch, 5)", "torch.arange(batch * 5.).reshape(batch, 5)"])
def test_a_function_of_the_batch_makes_inputs_that_differ_and_repeat(file, code):
    built = build(file(f"def make(): return nn.Linear(5, 2), lambda batch: ({code},)"))

    first, second = sets(built)
    again, _ = sets(built)

    assert first[0].shape == (4, 5)
    assert not np.array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[0], again[0])


def test_a_plain_callable_runs_without_inputs(file):
    built = build(file("def make(): return lambda: 42"))

    assert built.module is None
    assert built.call(*sets(built)[0]) == 42
    assert built.fixed_batch == 1


def test_inputs_that_ignore_the_batch_are_refused_because_samples_would_be_counted_that_nobody_computed(file):
    built = build(file("def make(): return nn.Linear(5, 2), lambda batch: (torch.rand(1, 5),)"))
    generator = np.random.default_rng(0)

    assert built.make_inputs(1, generator)[0].shape == (1, 5)
    with pytest.raises(WorkloadError, match="the same for batch 4 as for batch 1"):
        built.make_inputs(4, generator)


def test_a_plain_callable_runs_with_inputs(file):
    built = build(file("def make(): return (lambda x: x.sum()), (torch.ones(2, 3),)"))

    assert built.module is None
    assert built.input_names == ("input_0",)


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("None", "returned nothing"),
        ("{}", "returned a value of type dict"),
        ("nn.Linear", "returned the class Linear"),
        ("(nn.ReLU(), 3)", "inputs of .* are a value of type int"),
        ("(nn.ReLU(), ('a',))", "is a value of type str, not a tensor"),
        ("(nn.ReLU(), (torch.tensor(1.0),))", "no batch dimension"),
        ("(nn.ReLU(), (torch.ones(2, 3), torch.ones(4, 3)))", "do not all have the batch first"),
        ("(nn.ReLU(), lambda batch: 1 / 0)", "inputs of .* raised ZeroDivisionError"),
    ],
)
def test_what_is_no_model_or_no_input_is_refused(file, code, what):
    with pytest.raises(WorkloadError, match=what) as caught:
        build(file(f"def make(): return {code}"))

    assert caught.value.now


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("raise ValueError('planted')\ndef make(): ...", "raised ValueError: planted"),
        ("import sys; sys.exit(3)\ndef make(): ...", r"called sys.exit\(3\)"),
        ("import not_there_at_all\ndef make(): ...", "raised ModuleNotFoundError"),
        ("def make(): return make()", "raised RecursionError"),
        ("def make(): raise KeyError('planted')", "calling make raised KeyError"),
        ("def make(): raise SystemExit", "called sys.exit"),
    ],
)
def test_code_that_fails_is_reported_with_its_place(file, text, what):
    with pytest.raises(WorkloadError, match=what) as caught:
        build(file(text))

    assert "models.py" in str(caught.value)
    assert caught.value.now


def test_an_exception_says_the_line_of_the_users_own_file(file):
    with pytest.raises(WorkloadError) as caught:
        build(file("def make():\n    return torch.zeros(2).reshape(3)"))

    assert caught.value.when.endswith("models.py, line 4")


def test_a_file_that_is_not_python_is_reported_with_its_line(file):
    with pytest.raises(WorkloadError, match="not valid Python") as caught:
        resolve(f"{file('def make(:')}:make")

    assert caught.value.when == "line 3"


def test_a_function_that_is_not_there_offers_the_nearest(file):
    with pytest.raises(UsageError) as caught:
        resolve(f"{file('def make_net(): ...')}:make_nt")

    assert "make_net" in caught.value.now


def test_a_name_made_while_the_file_runs_is_found(file):
    assert build(file("globals()['ma' + 'ke'] = lambda: nn.Linear(5, 2)")).module.in_features == 5


def test_a_parameter_that_the_function_does_not_take_offers_the_nearest(file):
    path = file("def make(hidden=3): return nn.Linear(hidden, 2)")

    with pytest.raises(UsageError) as caught:
        build(path, hiden="7")

    assert "hidden" in caught.value.now


def test_a_parameter_without_default_must_be_given(file):
    with pytest.raises(UsageError, match="hidden"):
        build(file("def make(hidden): return nn.Linear(hidden, 2)"))


@pytest.mark.parametrize("function", ["__import__('os')", "", "a.b", "make()", "make\nrm", "<script>", "é" * 300 + "!"])
def test_a_hostile_name_of_a_function_is_refused(file, function):
    with pytest.raises(UsageError, match=r"no name of a function"):
        resolve(f"{file('def make(): ...')}:{function}")


def test_a_file_without_a_function_lists_what_it_has(file):
    with pytest.raises(UsageError) as caught:
        resolve(str(file("def first(): ...")))

    assert "first" in caught.value.when


def test_the_digest_follows_modules_of_the_same_folder_only(file):
    path = file("import own_part\nfrom own_package import thing\ndef make(): ...")
    part = file("x = 1", "own_part.py")
    before = resolve(f"{path}:make").code()

    file("y = 1", "unrelated.py")
    assert resolve(f"{path}:make").code() == before
    part.write_text("x = 2")
    assert resolve(f"{path}:make").code() != before


def test_modules_of_the_same_folder_can_be_imported(file):
    file("width = 9", "own_width.py")

    assert build(file("from own_width import width\ndef make(): return nn.Linear(width, 2)")).module.in_features == 9


def test_a_module_on_the_import_path_is_found_without_importing_it(file, tmp_path, monkeypatch):
    (tmp_path / "own_package").mkdir()
    (tmp_path / "own_package" / "__init__.py").write_text("import sys; sys.own_canary = True")
    (tmp_path / "own_package" / "nets.py").write_text("from torch import nn\ndef make(n=4): return nn.Linear(n, 2)")
    monkeypatch.chdir(tmp_path)

    family = resolve("own_package.nets:make")
    family.code()

    assert not hasattr(sys, "own_canary")
    assert family.build(check_params(family, {"n": "8"}), 0).module.in_features == 8
    del sys.own_canary
