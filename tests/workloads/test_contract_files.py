"""Contracts as files, for models that do not say what their images are."""

import json

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, save

from stopwatt.errors import UsageError, WorkloadError
from stopwatt.serving.contract import Contract, Decoding, Fit, Preprocess, Task
from stopwatt.wire import to_document
from stopwatt.workloads.contracted import contracted
from stopwatt.workloads.contractfile import read_contract
from stopwatt.workloads.params import check_params
from stopwatt.workloads.resolve import resolve

TEXT = """\
task: classify
decoding: logits
preprocess:
  height: 8
  width: 12
  fit: crop
  mean: [0.485, 0.456, 0.406]
labels: [no, 'yes', 3]
threshold: 0
"""


@pytest.fixture
def file(tmp_path):
    """Writes a contract: `(text, name="contract.yaml")`."""

    def write(text=TEXT, name="contract.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def onnx_model(path, shape=("batch", 3, 8, 12), classes=3, dtype=TensorProto.FLOAT):
    """Global means of three channels, once for each class."""
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "axes"], ["means"], keepdims=0),
        helper.make_node("Gather", ["means", "places"], ["scores"], axis=1),
    ]
    places = helper.make_tensor("places", TensorProto.INT64, [classes], [place % 3 for place in range(classes)])
    axes = helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3])
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("images", dtype, shape)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [shape[0], classes])], [places, axes],
    )  # fmt: skip
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), str(path))
    return path


def build(source, **given):
    family = resolve(str(source))
    return family.build(check_params(family, given), 0)


def test_a_file_says_what_the_contract_says(file):
    read = read_contract(file())
    preprocess = Preprocess(8, 12, Fit.CROP, (0.485, 0.456, 0.406))
    assert read == Contract(Task.CLASSIFY, preprocess, Decoding.LOGITS, labels=("no", "yes", "3"), threshold=0)


def test_the_contract_that_a_run_keeps_can_be_given_again(file):
    contract = Contract(Task.DETECT, Preprocess(8, 8, inside=True), Decoding.DETR, ("a", "b"), (3, 9), 0.2, 7)
    assert read_contract(file(json.dumps(to_document(contract)), "contract.json")) == contract


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("height:", "hight:", "unknown key 'hight'; did you mean height; line 4"),
        ("labels:", "lables:", "unknown key 'lables'; did you mean labels; line 8"),
        ("task: classify\n", "", "task is missing"),
        ("  height: 8\n", "", "height is missing; line 3"),
        ("task: classify", "task: sort", "task cannot be 'sort'; line 1"),
        ("width: 12", "width: wide", "width cannot be 'wide'; line 5"),
        ("fit: crop", "fit: squeeze", "fit cannot be 'squeeze'; line 6"),
        ("0.456, ", "", "value 3 of mean is missing; line 7"),
        ("[0.485", "[0.1, 0.485", "mean has more than 3 values"),
        ("[0.485, 0.456, 0.406]", "0.5", "give a list of values"),
        ("[0.485", "[123.7", "a mean is above 1; line 7"),
        ("decoding: logits", "decoding: boxes", "boxes is no form of outputs; line 2"),
        ("threshold: 0", "threshold: 2", "line 9"),
        ("labels: [no, 'yes', 3]", "labels: no", "labels cannot be 'no'; line 8"),
    ],
)
def test_every_error_names_line_and_key(file, before, after, said):
    with pytest.raises(UsageError) as refusal:
        read_contract(file(TEXT.replace(before, after)))
    told = f"{refusal.value.what} {refusal.value.when} {refusal.value.now}"
    assert all(part in told for part in said.split("; "))


@pytest.mark.parametrize("text", ["", "- a\n", "task\n"])
def test_what_has_no_keys_is_no_contract(file, text):
    with pytest.raises(UsageError, match="no contract: it has no keys"):
        read_contract(file(text))


def test_an_onnx_file_with_a_contract_can_be_served(file, tmp_path):
    model = onnx_model(tmp_path / "model.onnx")
    built = build(contracted(file(), str(model)))
    assert built.contract.task is Task.CLASSIFY
    assert built.classifier
    assert build(model).contract is None


def test_an_exported_program_with_a_contract_takes_bytes_when_it_is_packed(file, tmp_path):
    net = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    torch.export.save(torch.export.export(net, (torch.rand(1, 3, 8, 12),)), tmp_path / "model.pt2")
    built = build(f"served:{contracted(file(), str(tmp_path / 'model.pt2'))}")
    (images,) = built.make_inputs(1, np.random.default_rng(0))
    assert (images.shape, images.dtype, built.contract.preprocess.inside) == ((1, 8, 12, 3), np.uint8, True)
    assert built.call(torch.from_numpy(images)).shape == (1, 3)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"shape": ("batch", 3, 12, 8)}, "float32 (1, 3, 12, 8)"),
        ({"shape": ("batch", 8, 12, 3)}, "float32 (1, 8, 12, 3)"),
        ({"dtype": TensorProto.UINT8}, "uint8 (1, 3, 8, 12)"),
        ({"shape": ("batch", 3, "height", 12)}, "-p NAME=SIZE"),
        ({"classes": 5}, "logits are of 5 classes, where 3 have names"),
    ],
)
def test_a_contract_that_does_not_fit_the_model_is_refused_when_it_is_built(file, tmp_path, model, said):
    path = onnx_model(tmp_path / "model.onnx", **model)
    with pytest.raises(WorkloadError) as refusal:
        build(contracted(file(), str(path)))
    assert said in f"{refusal.value.what} {refusal.value.when} {refusal.value.now}"


def test_a_dimension_that_the_file_leaves_open_can_be_given(file, tmp_path):
    path = onnx_model(tmp_path / "model.onnx", shape=("batch", 3, "height", 12))
    assert build(contracted(file(), str(path)), height=8).contract is not None


def test_another_contract_is_another_workload(file, tmp_path):
    path = onnx_model(tmp_path / "model.onnx")
    source = contracted(file(), str(path))
    before = resolve(source).code()
    file(TEXT.replace("threshold: 0", "threshold: 0.5"))
    assert resolve(source).code() != before


def test_a_file_of_another_name_is_refused_and_so_is_a_source_without_one(file):
    with pytest.raises(UsageError, match=r"\.yaml, \.yml or \.json"):
        contracted(file(name="contract.txt"), "model.onnx")
    with pytest.raises(UsageError, match="names no contract"):
        resolve("contract:model.onnx")
