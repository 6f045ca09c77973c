"""Every built-in family gives a seeded, quiet, exportable model and realistic inputs."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from stopwatt.errors import UsageError, WorkloadError
from stopwatt.extensions import registered
from stopwatt.workloads.params import check_params
from stopwatt.workloads.resolve import resolve

TINY = {
    "lstm": {"hidden": 16, "layers": 2, "seq": 10},
    "mlp": {"hidden": 16},
    "bert": {"size": "tiny", "seq": 16},
    "gpt2": {"size": "tiny", "seq": 16},
    "vit": {"size": "tiny", "image": 32, "layers": 2},
    "resnet": {"image": 32, "width": 8},
    "mobilenet": {"image": 32, "width": 0.25},
    "detector": {"size": "tiny", "image": 96, "queries": 20},
}
pytestmark = pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:.*torch.jit:DeprecationWarning")
each_family = pytest.mark.parametrize("name", TINY)


def build(name, seed=0, **params):
    family = resolve(name)
    return family.build(check_params(family, {**TINY.get(name, {}), **params}), seed)


def arrays(built, batch=2, seed=0):
    return built.make_inputs(batch, np.random.default_rng(seed))


def run(module, inputs):
    with torch.inference_mode():
        outputs = module(*(torch.from_numpy(array) for array in inputs))
    return outputs if isinstance(outputs, tuple) else (outputs,)


def test_the_list_of_tiny_models_is_complete():
    assert {*TINY, "synthetic"} == set(registered("workloads"))


@each_family
def test_a_model_is_in_evaluation_mode_in_fp32_and_without_gradients(name):
    module = build(name).module

    assert not module.training
    assert {weight.dtype for weight in module.parameters()} == {torch.float32}
    assert not any(weight.requires_grad for weight in module.parameters())


@each_family
def test_equal_seeds_give_equal_answers_and_other_seeds_others(name):
    inputs = arrays(build(name))

    first, again, other = (run(build(name, seed).module, inputs)[0] for seed in (3, 3, 4))

    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


@each_family
def test_building_leaves_the_random_generator_of_the_caller_alone(name):
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)

    build(name)

    assert torch.equal(torch.rand(3), expected)


@each_family
def test_the_batch_is_the_first_dimension_of_inputs_and_outputs(name):
    built = build(name)

    for batch in (1, 3):
        inputs = arrays(built, batch)
        outputs = run(built.module, inputs)
        assert {len(array) for array in inputs} == {batch}
        assert {len(output) for output in outputs} == {batch}
    assert len(built.input_names) == len(inputs)


@each_family
def test_input_sets_repeat_with_the_generator_and_differ_within_it(name):
    built = build(name)
    generator = np.random.default_rng(5)

    first, second = built.make_inputs(2, generator), built.make_inputs(2, generator)

    np.testing.assert_array_equal(first[0], arrays(built, seed=5)[0])
    assert not np.array_equal(first[0], second[0])
    assert all(np.any(array) for array in first)


@each_family
def test_answers_depend_on_inputs_and_neither_vanish_nor_explode(name):
    built = build(name)

    for output in run(built.module, arrays(built)):
        assert torch.isfinite(output).all()
        assert 1e-4 < output.abs().max() < 1e4
        assert not torch.allclose(output[0], output[1], rtol=1e-3, atol=1e-6)


@each_family
def test_torch_export_takes_the_model(name):
    built = build(name)
    inputs = arrays(built)

    exported = torch.export.export(built.module, tuple(torch.from_numpy(array) for array in inputs))

    for got, expected in zip(run(exported.module(), inputs), run(built.module, inputs), strict=True):
        torch.testing.assert_close(got, expected)


@each_family
def test_torchscript_traces_the_model(name):
    built = build(name)
    inputs = arrays(built)

    traced = torch.jit.trace(built.module, tuple(torch.from_numpy(array) for array in inputs), check_trace=False)

    for got, expected in zip(run(torch.jit.freeze(traced), inputs), run(built.module, inputs), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "params", "weights"),
    [
        ("resnet", {"depth": 18, "width": 64}, 11_689_512),
        ("resnet", {"depth": 34, "width": 64}, 21_797_672),
        ("resnet", {"depth": 50, "width": 64}, 25_557_032),
        ("mobilenet", {"width": 1.0}, 3_504_872),
        ("bert", {"size": "tiny"}, 4_385_920),
        ("vit", {"size": "tiny", "image": 224, "layers": 0}, 5_717_416),
    ],
)
def test_published_sizes_have_the_published_number_of_weights(name, params, weights):
    module = build(name, **params).module

    assert sum(weight.numel() for weight in module.parameters()) == weights


def test_overrides_change_the_preset():
    shape = run((built := build("bert", layers=1, hidden=32, heads=4)).module, arrays(built))[0].shape

    assert shape == (2, 16, 32)


def test_gpt2_returns_hidden_states_where_asked():
    built = build("gpt2", output="hidden")

    assert run(built.module, arrays(built))[0].shape == (2, 16, 128)
    assert not built.classifier


@pytest.mark.parametrize(
    ("name", "params", "hint"),
    [
        ("vit", {"image": 30}, "image=16"),
        ("detector", {"image": 100}, "image=128"),
        ("detector", {"image": 32, "queries": 22}, "queries=21"),
    ],
)
def test_sizes_that_do_not_fit_each_other_are_refused_with_one_that_does(name, params, hint):
    with pytest.raises(UsageError) as caught:
        build(name, **params)

    assert hint in caught.value.now


@pytest.mark.parametrize("name", ["bert", "gpt2", "vit"])
def test_units_that_cannot_be_shared_among_the_heads_are_refused(name):
    with pytest.raises(UsageError, match="heads"):
        build(name, hidden=50, heads=4)


def test_neighbouring_pixels_are_alike_and_normalised():
    (images,) = arrays(build("resnet"), batch=8)

    left, right = images[..., :-1].ravel(), images[..., 1:].ravel()

    assert np.corrcoef(left, right)[0, 1] > 0.7
    assert 0.5 < images.std() < 2.0
    assert abs(images.mean()) < 0.5


def test_token_ids_follow_a_zipf_law_between_special_tokens():
    ids, mask = arrays(build("bert", seq=512), batch=16)

    _, counts = np.unique(ids[:, 1:-1], return_counts=True)

    assert set(ids[:, 0]) == {101}
    assert set(ids[:, -1]) == {102}
    assert ids.max() < 30522
    assert counts.max() > 50 * np.median(counts)
    assert (mask == 1).all()


def test_time_series_are_smooth_and_standardised():
    (series,) = arrays(build("lstm", seq=500), batch=16)

    steps = np.corrcoef(series[:, :-1].ravel(), series[:, 1:].ravel())[0, 1]

    assert 0.9 < steps < 0.99
    assert 0.9 < series.std() < 1.1


def test_listing_and_digesting_families_imports_no_torch():
    script = (
        "import sys; from stopwatt.workloads.resolve import resolve; from stopwatt.extensions import registered\n"
        "codes = {resolve(name).code() for name in registered('workloads')}\n"
        "assert len(codes) == len(registered('workloads'))\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )

    subprocess.run([sys.executable, "-c", script], check=True)


def test_building_a_transformers_model_prints_nothing():
    script = (
        "from stopwatt.workloads.resolve import resolve; from stopwatt.workloads.params import check_params\n"
        "family = resolve('bert'); family.build(check_params(family, {'size': 'tiny', 'layers': 1}), 0)"
    )

    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)

    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("name", ["bert", "gpt2", "vit", "detector"])
def test_without_transformers_the_remedy_is_the_extra(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)

    with pytest.raises(WorkloadError, match="transformers") as caught:
        build(name)

    assert caught.value.now == "pip install 'stopwatt[transformers]'"
