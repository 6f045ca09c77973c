"""Techniques that change the function: what is left is really smaller, and computes what it should."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from stopwatt.backends import catalogue as backends
from stopwatt.errors import Unsupported, UsageError
from stopwatt.records import Precision, Setup
from stopwatt.techniques import catalogue
from stopwatt.techniques.calling import answers
from stopwatt.techniques.sparse import mask

BF16 = Setup(precision=Precision.BF16)
TRAINED = f"{Path(__file__).resolve().parents[2]}/examples/detector/model.py:detector"


def deviation(got, wanted):
    """Largest difference over the largest answer, of the worst output."""
    assert [one.shape for one in got] == [one.shape for one in wanted]
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(got, wanted, strict=True))


def parameters(module):
    return sum(one.numel() for one in module.parameters())


def test_half_of_the_hidden_units_are_gone_from_both_sides(tried):
    found = tried("mlp", "prune:0.5")

    sizes = [(one.in_features, one.out_features) for one in found.module.modules() if isinstance(one, nn.Linear)]
    assert sizes == [(16, 12), (12, 12), (12, 5)]
    assert found.facts["prune.parameters"] == parameters(found.module) == 16 * 12 + 12 + 12 * 12 + 12 + 12 * 5 + 5
    assert found.facts["prune.channels"] == 24


def test_units_without_weights_go_first_and_without_a_change(small):
    built, inputs = small("mlp")
    first, second, _ = (one for one in built.module.modules() if isinstance(one, nn.Linear))
    with torch.no_grad():
        for one in (1, 7, 8, 20):
            first.weight[one], first.bias[one], second.weight[:, one] = 0, 0, 0
    kept = first.weight[[n for n in range(24) if n not in {1, 7, 8, 20}]].clone()
    before = answers(built.module, inputs)

    changed, _ = catalogue.apply(built, Setup(techniques=(f"prune:{4 / 24}",)), (inputs,))

    assert torch.equal(first.weight, kept)
    assert deviation(answers(changed.module, inputs), before) > 0  # of the second layer four units go as well
    assert first.out_features == second.in_features == 20


@pytest.mark.parametrize(
    ("family", "least"),
    [("resnet", 0.4), ("mobilenet", 0.3), ("bert", 0.02), ("vit", 0.1), ("gpt2", 0.01)],
)
def test_blocks_shrink_while_the_width_between_them_stays(tried, family, least):
    found = tried(family, "prune:0.5")

    assert parameters(found.module) <= (1 - least) * found.facts["prune.parameters_before"]
    after = answers(found.module, found.inputs)
    assert [one.shape for one in after] == [one.shape for one in found.before]
    assert all(np.isfinite(one).all() for one in after)


def test_channels_that_a_residual_sum_sees_stay(tried):
    found = tried("resnet", "prune:0.5")
    blocks = [one.branch for one in found.module.modules() if hasattr(one, "branch")]

    assert len(blocks) == 8
    for first, *_, second, _ in blocks:
        assert first.out_channels == second.in_channels == second.out_channels // 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workload", "backend"), [("mlp", "openvino"), ("bert", "torchscript"), (TRAINED, "onnxruntime")]
)
def test_a_pruned_model_is_exported_as_any_other(tried, tmp_path, workload, backend):
    found = tried(workload, "prune:0.5", setup=Setup(backend))
    wanted = answers(found.module, found.inputs)
    setup = Setup(backend, batch=2, techniques=("prune:0.5",))
    known = backends.get(backend)
    known.convert(found.built, setup, [found.inputs], tmp_path)
    runner = known.load(tmp_path, setup)
    try:
        with runner.active():
            got = runner.fetch(runner.call(runner.stage(found.inputs)))
    finally:
        runner.close()

    assert deviation(got, wanted) < 1e-4


def test_a_model_whose_channels_all_leave_it_is_not_pruned(tried):
    with pytest.raises(Unsupported, match="no channels that end within it"):
        tried("lstm", "prune:0.5")


@pytest.mark.parametrize("share", ["0", "1", "1.5", "-0.1", "half", "nan"])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(UsageError, match="names no share of channels"):
        catalogue.canonical((f"prune:{share}",))


def test_one_share_is_written_in_one_way():
    assert catalogue.canonical((" prune:0.50",)) == catalogue.canonical(("prune",)) == ("prune:0.5",)


def called_in_bf16(module, inputs):
    module = module.to(torch.bfloat16)
    given = [torch.from_numpy(one) for one in inputs]
    with torch.inference_mode():
        outputs = module(*(one.bfloat16() if one.is_floating_point() else one for one in given))
    return [one.float().numpy() for one in (outputs if isinstance(outputs, tuple) else (outputs,))]


@pytest.mark.parametrize(("family", "layers"), [("bert", 13), ("gpt2", 8)])
def test_weights_in_8_bits_answer_nearly_the_same(tried, family, layers):
    found = tried(family, "int8-weights", setup=BF16)

    assert found.facts["int8-weights.layers"] == layers
    assert sum(one.dtype is torch.int8 for one in found.module.buffers()) == layers
    assert deviation(called_in_bf16(found.module, found.inputs), found.before) < 0.05


@pytest.mark.parametrize(
    ("family", "params", "why"),
    [
        ("resnet", {}, "Conv2d"),
        ("lstm", {}, "LSTM"),
        ("mlp", {"hidden": 24}, "no multiple of 16"),
        ("mlp", {"features": 8, "layers": 0}, "no multiple of 16"),
    ],
)
def test_a_model_that_would_stay_as_it_is_is_not_called_int8(tried, family, params, why):
    with pytest.raises(Unsupported, match=f"most of this model would stay as it is: .*{why}"):
        tried(family, "int8-weights", setup=BF16, **params)


def test_layers_that_the_kernel_would_read_past_stay_as_they_are(tried):
    found = tried("mlp", "int8-weights", setup=BF16, features=256, hidden=40, layers=1, outputs=4)

    assert [type(one).__name__ for one in found.module.modules() if hasattr(one, "weight")] == ["Int8Linear", "Linear"]
    assert deviation(called_in_bf16(found.module, found.inputs), found.before) < 0.05


def test_two_of_every_four_weights_go_the_smallest():
    weight = torch.tensor([[1.0, -4.0, 3.0, 2.0, 0.1, 0.3, -0.2, 0.4]])

    assert mask(weight).tolist() == [[0, 1, 1, 0, 0, 1, 0, 1]]
