"""Models that take bytes and normalise them inside."""

from pathlib import Path

import numpy as np
import pytest

from stopwatt.errors import WorkloadError
from stopwatt.serving.contract import Decoding, Fit, Task
from stopwatt.workloads.resolve import resolve

MODELS = f"{Path(__file__).parent}/packed_models.py"
SMALL = {
    "resnet": {"image": 32, "width": 4, "classes": 5},
    "mobilenet": {"image": 32, "width": 0.1, "classes": 5},
    "vit": {"image": 32, "hidden": 12, "heads": 3, "layers": 1, "classes": 5},
    "detector": {"size": "tiny", "image": 64, "queries": 5, "classes": 3},
}


def build(source, params=None):
    family = resolve(source)
    given = {param.name: param.default for param in family.params} | (params or {})
    return family.build(given, seed=0)


def answer(built, arrays):
    import torch

    with torch.inference_mode():
        returned = built.module(*(torch.from_numpy(array) for array in arrays))
    return [one.float().numpy() for one in (returned if isinstance(returned, tuple) else (returned,))]


@pytest.mark.parametrize("source", [f"{MODELS}:plain", "resnet"])
def test_bytes_inside_are_what_normalised_images_are_outside(source):
    params = SMALL.get(source, {})
    outside, inside = build(source, params), build(f"served:{source}", params)
    (pixels,) = inside.make_inputs(3, np.random.default_rng(0))
    preprocess = outside.contract.preprocess
    assert (pixels.dtype, pixels.shape) == (np.uint8, (3, preprocess.height, preprocess.width, 3))
    images = (pixels / 255 - np.array(preprocess.mean)) / np.array(preprocess.std)
    normalised = images.transpose(0, 3, 1, 2).astype(np.float32)
    for got, wanted in zip(answer(inside, (pixels,)), answer(outside, (normalised,)), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_inputs_are_the_bytes_of_the_workloads_own_inputs():
    outside, inside = build("resnet", SMALL["resnet"]), build("served:resnet", SMALL["resnet"])
    (images,), (pixels,) = (one.make_inputs(2, np.random.default_rng(7)) for one in (outside, inside))
    preprocess = outside.contract.preprocess
    again = (pixels / 255 - np.array(preprocess.mean)) / np.array(preprocess.std)
    assert np.abs(again.transpose(0, 3, 1, 2) - images).max() <= 0.5 / 255 / min(preprocess.std) + 1e-5


def test_only_the_contract_says_that_the_normalisation_is_inside():
    outside, inside = build("resnet", SMALL["resnet"]), build("served:resnet", SMALL["resnet"])
    assert (outside.contract.preprocess.inside, inside.contract.preprocess.inside) == (False, True)
    assert (outside.contract.task, inside.contract.decoding) == (Task.CLASSIFY, Decoding.LOGITS)


def test_in_half_precision_the_model_is_given_what_it_would_be_given_from_outside():
    import torch

    inside, plain = build(f"served:{MODELS}:plain"), build(f"{MODELS}:plain")
    (pixels,) = inside.make_inputs(2, np.random.default_rng(0))
    preprocess = plain.contract.preprocess
    exact = (pixels / 255 - np.array(preprocess.mean)) / np.array(preprocess.std)
    half = torch.from_numpy(exact.transpose(0, 3, 1, 2)).to(torch.bfloat16)
    with torch.inference_mode():
        got = inside.module.to(torch.bfloat16)(torch.from_numpy(pixels))
        wanted = plain.module.to(torch.bfloat16)(half)
    assert got.dtype == torch.bfloat16
    np.testing.assert_allclose(got.float().numpy(), wanted.float().numpy(), rtol=0.02, atol=0.02)


def test_what_has_no_contract_stays_as_it_is():
    plain, served = build("mlp"), build("served:mlp")
    assert served.contract is None
    assert served.input_names == plain.input_names
    assert build(f"served:{MODELS}:tensors").contract is None


@pytest.mark.parametrize(
    ("source", "task", "fit"),
    [
        ("resnet", Task.CLASSIFY, Fit.CROP),
        ("mobilenet", Task.CLASSIFY, Fit.CROP),
        ("vit", Task.CLASSIFY, Fit.CROP),
        ("detector", Task.DETECT, Fit.STRETCH),
    ],
)
def test_families_of_images_say_what_they_are_given_and_what_they_answer(source, task, fit):
    built = build(source, SMALL[source])
    (images,) = built.make_inputs(1, np.random.default_rng(0))
    preprocess = built.contract.preprocess
    assert (built.contract.task, preprocess.fit) == (task, fit)
    assert images.shape == (1, 3, preprocess.height, preprocess.width)


@pytest.mark.parametrize("function", ["other_size", "two_inputs"])
def test_inputs_that_are_not_what_the_contract_says_are_refused(function):
    with pytest.raises(WorkloadError, match="not what its contract says") as refusal:
        build(f"{MODELS}:{function}")
    assert "float32 (batch, 3, 16, 24)" in refusal.value.when
