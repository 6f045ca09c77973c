"""Models from files: the good ones run, the damaged ones are named, and none that could run code is opened."""

import io
import json
import os
import pickle
import shutil
import zipfile

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from stopwatt.errors import UnsafeFile, UsageError, WorkloadError
from stopwatt.workloads.params import check_params
from stopwatt.workloads.resolve import resolve


def build(source, **given):
    family = resolve(str(source))
    return family.build(check_params(family, given), 0)


def sets(built, batch=2):
    generator = np.random.default_rng(0)
    return built.make_inputs(batch, generator), built.make_inputs(batch, generator)


pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning", "ignore:Detected pickle protocol")


class Bomb:
    """Unpickling it creates a file."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


@pytest.fixture
def canary(tmp_path):
    path = tmp_path / "canary"
    yield path
    assert not path.exists(), "a file from outside ran its code"


# --- pickles ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin", ".pkl", ".PT"])
def test_a_pickle_is_refused_unopened_with_the_remedy(tmp_path, canary, suffix):
    path = tmp_path / f"model{suffix}"
    path.write_bytes(pickle.dumps(Bomb(canary)))

    with pytest.raises(UnsafeFile, match="not opened") as caught:
        build(path)

    assert "torch.export.save" in caught.value.now
    assert "weights_only=True" in caught.value.now


# --- torch.export ----------------------------------------------------------------------------------------------------


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 3)

    def forward(self, x, y):
        return self.layer(x) + y, x * 2


@pytest.fixture
def saved(tmp_path):
    def save(*, dynamic=True, module=None, example=None):
        module = module or Net().eval()
        example = example or (torch.randn(2, 4), torch.randn(2, 3))
        shapes = tuple({0: torch.export.Dim("batch")} for _ in example) if dynamic else None
        path = tmp_path / "model.pt2"
        torch.export.save(torch.export.export(module, example, dynamic_shapes=shapes), path)
        return path, module

    return save


def test_an_exported_program_runs_with_inputs_like_its_examples(saved):
    path, module = saved()
    built = build(path)

    first, second = sets(built, batch=5)
    got = built.module(*map(torch.from_numpy, first))

    assert built.input_names == ("x", "y")
    assert built.fixed_batch is None
    assert not np.array_equal(first[0], second[0])
    for one, expected in zip(got, module(*map(torch.from_numpy, first)), strict=True):
        torch.testing.assert_close(one, expected)


def test_an_exported_program_without_an_open_batch_says_which_it_runs(saved):
    assert build(saved(dynamic=False)[0]).fixed_batch == 2


def test_a_loaded_program_can_be_exported_and_traced_again(saved):
    built = build(saved()[0])
    inputs = tuple(map(torch.from_numpy, sets(built)[0]))

    torch.testing.assert_close(torch.export.export(built.module, inputs).module()(*inputs), built.module(*inputs))
    torch.testing.assert_close(torch.jit.trace(built.module, inputs)(*inputs), built.module(*inputs))


def rewritten(path, change):
    """The archive with its members changed by `change(name without the root, bytes) -> bytes or None`."""
    out = path.with_name("changed.pt2")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            root, _, member = name.partition("/")
            content = change(member, source.read(name))
            if content is not None:
                target.writestr(name, content)
        for member, content in change.added.items() if hasattr(change, "added") else ():
            target.writestr(f"{root}/{member}", content)
    return out


def in_json(member, edit):
    def change(name, content):
        if name != member:
            return content
        document = json.loads(content)
        edit(document)
        return json.dumps(document).encode()

    return change


MODEL = "models/model.json"
WEIGHTS = "data/weights/model_weights_config.json"


def refused(path):
    with pytest.raises(UnsafeFile, match="not loaded") as caught:
        build(path)
    assert "function" in caught.value.now


def torch_pickle(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("pickled", [pickle.dumps, torch_pickle])
def test_example_inputs_that_are_a_foreign_pickle_are_refused(saved, canary, pickled):
    bomb = pickled(Bomb(canary))

    refused(rewritten(saved()[0], lambda name, content: bomb if name.endswith("model.pt") else content))


def test_weights_that_are_a_foreign_pickle_are_refused(saved, canary):
    bomb = torch_pickle(Bomb(canary))

    def mark(document):
        for entry in document["config"].values():
            entry["use_pickle"] = True

    marked = in_json(WEIGHTS, mark)

    refused(rewritten(saved()[0], lambda name, old: bomb if name == "data/weights/weight_0" else marked(name, old)))


def test_legacy_weights_that_are_a_foreign_pickle_are_refused(saved, canary):
    def change(name, content):
        return content

    change.added = {"data/weights/model.pt": torch_pickle({"layer.weight": Bomb(canary)})}
    refused(rewritten(saved()[0], change))


@pytest.mark.parametrize(
    "member", ["data/constants/opaque_obj_0", "data/constants/custom_obj_0", "data/aotinductor/model/a.so"]
)
def test_members_that_a_plain_model_does_not_have_are_refused(saved, canary, member):
    def change(name, content):
        return content

    change.added = {member: pickle.dumps(Bomb(canary))}
    refused(rewritten(saved()[0], change))


@pytest.mark.parametrize(
    "target",
    [
        "torch.serialization.os.system",
        "torch.ops.load_library",
        "torch.ops.aten.from_file.default",
        "torch.hub.load",
        "_operator.attrgetter",
        "math.__loader__.load_module",
        "#extension",
    ],
)
def test_an_operator_that_is_none_of_a_model_is_refused(saved, canary, target):
    def plant(document):
        node = document["graph_module"]["graph"]["nodes"][0]
        node["target"] = target
        node["inputs"] = [{"name": "command", "arg": {"as_string": f"touch {canary}"}, "kind": 1}]

    refused(rewritten(saved()[0], in_json(MODEL, plant)))


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('touch {}')",
        "Symbol('s0').func.__globals__",
        'Add(\'__import__("os").system("touch {}")\')',
        "Integer(open('{}', 'w').write('x'))",
        "[x for x in (1,)][0]",
        "(lambda: 1)()",
        "Symbol('x; import os')",
    ],
)
def test_a_size_that_is_more_than_arithmetic_is_refused(saved, canary, expression):
    def plant(document):
        value = document["graph_module"]["graph"]["tensor_values"]["x"]
        value["sizes"][0] = {"as_expr": {"expr_str": expression.replace("{}", str(canary)), "hint": None}}

    refused(rewritten(saved()[0], in_json(MODEL, plant)))


@pytest.mark.parametrize("spec", ["in_spec", "out_spec"])
def test_a_tree_that_names_a_class_to_import_is_refused(saved, canary, spec):
    def plant(document):
        signature = document["graph_module"]["module_call_graph"][0]["signature"]
        tree = json.loads(signature[spec])
        tree[1]["context"] = json.dumps({"__enum__": True, "fqn": "antigravity:x", "name": "x"})
        signature[spec] = json.dumps(tree)

    refused(rewritten(saved()[0], in_json(MODEL, plant)))


def test_a_name_that_would_become_source_code_is_refused(saved, canary):
    def plant(document):
        signature = document["graph_module"]["module_call_graph"][0]["signature"]
        signature["forward_arg_names"] = [f"x=__import__('os').system('touch {canary}')", "y"]

    refused(rewritten(saved()[0], in_json(MODEL, plant)))


@pytest.mark.parametrize("keep", [0, 10, 1000, -200])
def test_a_truncated_program_is_damaged(saved, keep):
    path, _ = saved()
    path.write_bytes(path.read_bytes()[:keep])

    with pytest.raises(WorkloadError, match="cannot be loaded"):
        build(path)


def test_a_program_that_takes_no_tuple_of_tensors_is_refused(saved):
    class Nested(torch.nn.Module):
        def forward(self, pair):
            return pair[0] + pair[1]

    path, _ = saved(dynamic=False, module=Nested(), example=((torch.ones(2), torch.ones(2)),))

    with pytest.raises(WorkloadError, match="not a plain tuple of tensors"):
        build(path)


# --- ONNX ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def graph(tmp_path):
    """Writes `x [batch, 4] @ w`, with `w` where the location says."""

    def write(location="", first="batch", name="model.onnx"):
        weight = numpy_helper.from_array(np.ones((4, 3), np.float32), "w")
        if location:
            weight.ClearField("raw_data")
            weight.data_location = TensorProto.EXTERNAL
            weight.external_data.add(key="location", value=location)
        nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [first, 4])
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [first, 3])
        made = helper.make_graph(nodes, "example", [x], [y], [weight])
        model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        path = tmp_path / name
        path.write_bytes(model.SerializeToString())
        return path

    return write


def test_an_onnx_file_says_its_inputs_and_the_runtime_takes_them(graph):
    built = build(graph())
    first, second = sets(built, batch=5)

    (answer,) = onnxruntime.InferenceSession(str(built.onnx)).run(
        None, dict(zip(built.input_names, first, strict=True))
    )

    assert built.module is None
    assert answer.shape == (5, 3)
    assert not np.array_equal(first[0], second[0])


def test_an_onnx_file_with_a_fixed_batch_says_so(graph):
    assert build(graph(first=3)).fixed_batch == 3


def test_open_dimensions_of_an_onnx_file_are_parameters(tmp_path):
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "seq"])
    mask = helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch", "seq"])
    total = helper.make_tensor_value_info("total", TensorProto.INT64, ["batch", "seq"])
    made = helper.make_graph(
        [helper.make_node("Mul", ["input_ids", "attention_mask"], ["total"])], "g", [ids, mask], [total]
    )
    path = tmp_path / "text.onnx"
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)]), path)

    (tokens, ones), _ = sets(build(path, seq="7", vocabulary="50"))

    assert tokens.shape == ones.shape == (2, 7)
    assert tokens.max() < 50
    assert (ones == 1).all()


def test_integers_of_an_onnx_file_are_rows_of_the_table_that_they_are_looked_up_in(tmp_path):
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", 40])
    found = helper.make_tensor_value_info("found", TensorProto.FLOAT, ["batch", 40, 2])
    table = numpy_helper.from_array(np.ones((7, 2), np.float32), "table")
    made = helper.make_graph([helper.make_node("Gather", ["table", "ids"], ["found"])], "g", [ids], [found], [table])
    path = tmp_path / "lookup.onnx"
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)

    (drawn,), _ = sets(build(path))

    assert check_params(resolve(str(path)), {})["vocabulary"] == 7
    assert drawn.max() < 7


@pytest.mark.parametrize(
    "location", ["../secret.bin", "sub/../../secret.bin", "/etc/passwd", "C:\\x", "..\\secret.bin", ""]
)
def test_external_data_outside_the_folder_is_refused(graph, tmp_path, location):
    (tmp_path.parent / "secret.bin").write_bytes(bytes(48))
    path = graph(location or "x")
    if not location:
        path.write_bytes(path.read_bytes().replace(b"\x0a\x08location\x12\x01x", b"\x0a\x08location\x12\x01\x00"))

    with pytest.raises(UnsafeFile, match="not opened"):
        build(path)


def test_external_data_behind_a_symbolic_link_are_refused(graph, tmp_path):
    secret = tmp_path / "elsewhere"
    secret.mkdir()
    (secret / "w.bin").write_bytes(bytes(48))
    (tmp_path / "w.bin").symlink_to(secret / "w.bin")
    (tmp_path / "folder").symlink_to(secret)

    for location in ("w.bin", "folder/w.bin"):
        with pytest.raises(UnsafeFile, match="symbolic link"):
            build(graph(location))


def test_external_data_that_are_a_hard_link_are_refused(graph, tmp_path):
    (tmp_path / "original.bin").write_bytes(bytes(48))
    os.link(tmp_path / "original.bin", tmp_path / "w.bin")

    with pytest.raises(UnsafeFile, match="hard link"):
        build(graph("w.bin"))


def test_external_data_that_are_no_plain_file_are_refused(graph, tmp_path):
    os.mkfifo(tmp_path / "w.bin")

    with pytest.raises(UnsafeFile, match="not a plain file"):
        build(graph("w.bin"))


def test_external_data_in_the_folder_are_accepted_and_part_of_the_digest(graph, tmp_path):
    (tmp_path / "w.bin").write_bytes(np.ones(12, np.float32).tobytes())
    path = graph("w.bin")
    before = resolve(str(path)).code()

    assert build(path).onnx == path
    (tmp_path / "w.bin").write_bytes(np.zeros(12, np.float32).tobytes())
    assert resolve(str(path)).code() != before


def test_external_data_that_are_missing_are_named(graph):
    with pytest.raises(WorkloadError, match=r"w\.bin"):
        build(graph("w.bin"))


@pytest.mark.parametrize("place", ["attribute", "subgraph", "function", "sparse"])
def test_external_data_are_found_wherever_a_tensor_can_hide(graph, place):
    path = graph()
    model = onnx.load(path)
    evil = TensorProto(name="evil", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    evil.external_data.add(key="location", value="../../etc/passwd")
    constant = onnx.NodeProto(op_type="Constant", output=["hidden"])
    constant.attribute.add(name="value", type=onnx.AttributeProto.TENSOR).t.CopyFrom(evil)
    if place == "attribute":
        model.graph.node.append(constant)
    elif place == "subgraph":
        inner = onnx.NodeProto(op_type="If", input=["c"], output=["z"])
        inner.attribute.add(name="then_branch", type=onnx.AttributeProto.GRAPH).g.node.append(constant)
        model.graph.node.append(inner)
    elif place == "function":
        model.functions.add(name="f", domain="d").node.append(constant)
    else:
        model.graph.sparse_initializer.add().values.CopyFrom(evil)
    path.write_bytes(model.SerializeToString())

    with pytest.raises(UnsafeFile):
        build(path)


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"not onnx at all", b"\x08\x09", b"<html>"])
def test_a_file_that_is_no_onnx_model_is_named(tmp_path, content):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)

    with pytest.raises(WorkloadError, match="not a whole ONNX model"):
        build(path)


def test_a_truncated_onnx_file_is_named(graph):
    path = graph()
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(WorkloadError, match="not a whole ONNX model"):
        build(path)


# --- Hugging Face folders --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    from transformers import BertConfig, BertForSequenceClassification

    folder = tmp_path_factory.mktemp("bert")
    config = BertConfig(vocab_size=100, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture
def folder(bert, tmp_path):
    return shutil.copytree(bert, tmp_path / "model")


def test_a_hugging_face_folder_runs_with_token_ids_below_its_vocabulary(folder):
    built = build(folder, seq="12")

    first, second = sets(built)
    (logits,) = built.module(*map(torch.from_numpy, first))

    assert built.input_names == ("input_ids", "attention_mask")
    assert built.classifier
    assert first[0].shape == (2, 12)
    assert first[0].max() < 100
    assert logits.shape == (2, 2)
    assert not np.array_equal(first[0], second[0])


def test_a_sequence_longer_than_the_positions_is_refused_and_never_cut(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 24}))

    with pytest.raises(UsageError, match="out of bounds") as caught:
        check_params(resolve(str(folder)), {"seq": "25"})

    assert "from 1 to 24" in caught.value.now
    assert check_params(resolve(str(folder)), {})["seq"] == 24


def test_a_hugging_face_model_can_be_exported(folder):
    built = build(folder, seq="12")
    inputs = tuple(map(torch.from_numpy, sets(built)[0]))

    torch.testing.assert_close(torch.export.export(built.module, inputs).module()(*inputs), built.module(*inputs))


def test_a_hugging_face_image_model_gets_images_of_its_size(tmp_path):
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, image_size=32)
    ViTForImageClassification(config).save_pretrained(tmp_path / "vit")

    assert sets(build(tmp_path / "vit"))[0][0].shape == (2, 3, 32, 32)


def test_a_folder_with_pickled_weights_only_is_refused_with_the_remedy(folder, canary):
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(canary)))

    with pytest.raises(UnsafeFile, match=r"pytorch_model\.bin") as caught:
        resolve(str(folder))

    assert "safetensors" in caught.value.now


def test_a_folder_that_brings_code_is_refused(folder, canary):
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "evil.Evil"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text(f"open({str(canary)!r}, 'w')")

    with pytest.raises(UnsafeFile, match="auto_map"):
        resolve(str(folder))


@pytest.mark.parametrize(
    ("config", "what"),
    [
        ("", "not readable JSON"),
        ("[" * 100_000, "not readable JSON"),
        ("{}", "no architecture"),
        ("[]", "no architecture"),
    ],
)
def test_a_folder_with_a_bad_configuration_is_named(folder, config, what):
    (folder / "config.json").write_text(config)

    with pytest.raises(UsageError, match=what):
        resolve(str(folder))


@pytest.mark.parametrize("name", ["NotAModel", "logging", "BertConfig"])
def test_an_architecture_that_transformers_does_not_have_is_named(folder, name):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": [name]}))

    with pytest.raises(WorkloadError, match=name):
        build(folder)


def test_a_folder_with_damaged_weights_is_named(folder):
    (folder / "model.safetensors").write_bytes(b"\x00" * 64)

    with pytest.raises(WorkloadError, match="cannot be loaded"):
        build(folder)


def test_a_folder_that_is_no_model_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"without config\.json"):
        resolve(str(tmp_path))


# --- libraries -------------------------------------------------------------------------------------------------------

LIBRARY = {
    "torchvision": (
        "class models:\n"
        "    list_models = staticmethod(lambda module: ['resnet18', 'vgg11'])\n"
        "    @staticmethod\n"
        "    def get_model(name, weights):\n"
        "        return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 5))\n"
    ),
    "timm": (
        "def list_models(): return ['resnet18', 'vgg11']\n"
        "def create_model(name, pretrained):\n"
        "    net = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 5))\n"
        "    net.default_cfg = {'input_size': (3, 48, 48)}\n"
        "    return net\n"
    ),
}


@pytest.fixture(params=LIBRARY)
def library(request, tmp_path, monkeypatch):
    import sys

    def install(text=None):
        (tmp_path / f"{request.param}.py").write_text("import torch\n" + (text or LIBRARY[request.param]))
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, request.param, raising=False)
        return request.param

    yield install
    sys.modules.pop(request.param, None)


def test_a_model_of_a_library_is_made_untrained(library):
    built = build(f"{library()}:resnet18", image="40")

    (images,), _ = sets(built)

    assert images.shape == (2, 3, 40, 40)
    assert built.module(torch.from_numpy(images)).shape == (2, 5)


def test_a_library_offers_the_nearest_of_its_names(library):
    with pytest.raises(UsageError) as caught:
        build(f"{library()}:resnet81")

    assert "resnet18" in caught.value.now


@pytest.mark.parametrize("text", ["raise ImportError('planted')", "raise RuntimeError('operator does not exist')"])
def test_a_library_that_fails_at_import_costs_a_clear_error(library, text):
    name = library(text)

    with pytest.raises(WorkloadError, match=f"{name} cannot be used here") as caught:
        build(f"{name}:resnet18")

    assert "pip install" in caught.value.now


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "lstn",
        "",
        " ",
        "\0",
        "a\nb",
        "../../etc/passwd",
        "<script>",
        "=cmd()",
        "x" * 300,
        "x" * 5000 + ".onnx",
        "no.py:f",
        "not_a_module:f",
        "not/there.onnx",
        "not-there.pt2",
        "🐍",
        "torch;rm",
        "a:b:c",
    ],
)
def test_a_name_that_names_nothing_is_refused(source):
    with pytest.raises(UsageError) as caught:
        resolve(source)

    assert caught.value.now


def test_an_unknown_workload_offers_the_nearest():
    with pytest.raises(UsageError) as caught:
        resolve("lstn")

    assert "lstm" in caught.value.now
