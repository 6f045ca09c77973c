"""What a call costs, against torch's own counter and the built models' own weights."""

import numpy as np
import pytest

from stopwatt.records import Precision, Unavailable, Workload
from stopwatt.workloads.costs.cost import Cost, cost_of
from stopwatt.workloads.costs.tally import Tally
from stopwatt.workloads.params import check_params
from stopwatt.workloads.resolve import resolve

SMALL = {
    "mlp": {"features": 20, "hidden": 12, "layers": 3, "outputs": 5},
    "lstm": {"features": 5, "hidden": 12, "layers": 3, "seq": 7, "outputs": 2},
    "bert": {"size": "tiny", "seq": 11},
    "gpt2": {"size": "tiny", "seq": 9},
    "vit": {"layers": 2, "hidden": 48, "heads": 3, "image": 32, "patch": 8, "classes": 7},
    "resnet": {"depth": 18, "image": 40, "width": 4, "classes": 7},
    "mobilenet": {"width": 0.3, "image": 40, "classes": 7},
}
FURTHER = [
    ("resnet", {"depth": 50, "image": 33, "width": 4, "classes": 3}),
    ("gpt2", {"size": "tiny", "seq": 5, "output": "hidden"}),
    ("mobilenet", {"width": 1.4, "image": 32, "classes": 3}),
    ("lstm", {"features": 1, "hidden": 3, "layers": 1, "seq": 1, "outputs": 1}),
    ("mlp", {"features": 3, "layers": 0, "outputs": 2}),
]
MODELS = [*SMALL.items(), *FURTHER]
NAMES = [f"{name}-{place}" for place, (name, _) in enumerate(MODELS)]


def made(name, given):
    family = resolve(name)
    params = check_params(family, given)
    return params, family.build(params, seed=0)


def outputs_of(module, built, batch):
    import torch

    inputs = built.make_inputs(batch, np.random.default_rng(0))
    answer = module(*map(torch.from_numpy, inputs))
    return inputs, answer if isinstance(answer, tuple) else (answer,)


def counted(built, batch):
    """What torch counts. Its fused kernels for a CPU are not in its list, so that plain ones are asked for."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    plain = sdpa_kernel(SDPBackend.MATH), torch.backends.mkldnn.flags(enabled=False)
    with FlopCounterMode(display=False) as counter, plain[0], plain[1], torch.no_grad():
        outputs_of(built.module, built, batch)
    return counter.get_total_flops()


@pytest.mark.parametrize(("name", "given"), MODELS, ids=NAMES)
@pytest.mark.parametrize("batch", [1, 3])
def test_operations_are_those_that_torch_counts(name, given, batch):
    params, built = made(name, given)
    found = cost_of(Workload(name, params), batch, Precision.FP32).flops
    if name == "gpt2":  # of causal attention torch counts the pairs too that nobody needs
        seq, layers, hidden = params["seq"], 2, 128
        found += layers * 2 * 2 * batch * hidden * (seq * seq - seq * (seq + 1) // 2)

    assert found == counted(built, batch)


@pytest.mark.parametrize(("name", "given"), MODELS, ids=NAMES)
def test_weights_are_those_of_the_model_and_embeddings_count_by_the_rows_looked_up(name, given):
    batch = 2
    params, built = made(name, given)
    state = {key: value for key, value in built.module.state_dict().items() if "num_batches" not in key}
    tables = {
        key: value for key, value in state.items() if key.endswith(("embeddings.weight", "wte.weight", "wpe.weight"))
    }
    rows = {"bert": lambda seq: batch * seq + seq + 1, "gpt2": lambda seq: batch * seq + seq}.get(name)
    tied = {"lm_head.weight"} if params.get("output") == "hidden" else set()
    plain = sum(
        value.numel()
        for key, value in state.items()
        if key not in tables and not any(key.endswith(one) for one in tied)
    )
    expected = plain + (rows(params["seq"]) * next(iter(tables.values())).shape[1] if rows else 0)

    assert cost_of(Workload(name, params), batch, Precision.FP32).weight_bytes == 4 * expected


@pytest.mark.parametrize(("name", "given"), MODELS, ids=NAMES)
def test_bytes_in_and_out_are_those_of_the_arrays(name, given):
    params, built = made(name, given)
    inputs, answers = outputs_of(built.module, built, 3)
    total = sum(array.nbytes for array in inputs) + sum(answer.numel() * answer.element_size() for answer in answers)

    assert cost_of(Workload(name, params), 3, Precision.FP32).io_bytes == total


def test_an_lstm_layer_by_hand():
    tally = Tally(batch=2)
    tally.lstm_layer(steps=3, before=5, hidden=7)

    assert tally.flops == 2 * 3 * 8 * 7 * (5 + 7)
    assert tally.weights == 4 * 7 * 5 + 4 * 7 * 7 + 4 * 7 + 4 * 7


def test_half_the_precision_halves_the_bytes_but_not_those_of_tokens():
    params, _ = made("bert", SMALL["bert"])
    full, half = (cost_of(Workload("bert", params), 2, one) for one in (Precision.FP32, Precision.BF16))
    tokens = 2 * 2 * 11 * 8

    assert half.weight_bytes * 2 == full.weight_bytes
    assert (half.io_bytes - tokens) * 2 == full.io_bytes - tokens
    assert half.flops == full.flops
    assert cost_of(Workload("bert", params), 2, Precision.TF32) == full


def test_intensity_is_operations_a_byte():
    assert Cost(flops=100, weight_bytes=30, io_bytes=20).intensity == 2.0


@pytest.mark.parametrize(
    ("source", "precision", "why"),
    [
        ("model.py:make", Precision.FP32, "no formula for model.py:make"), ("detector", Precision.FP32, "deformable"),
        ("synthetic", Precision.FP32, "computes nothing"), ("mlp", Precision.INT8, "in int8"),
        ("mlp", Precision.UNKNOWN, "in unknown"), ("imported:lstm", Precision.FP32, "no formula"),
    ],
)  # fmt: skip
def test_where_no_formula_is_exact_the_reason_is_given(source, precision, why):
    found = cost_of(Workload(source, {}), 1, precision)
    assert isinstance(found, Unavailable)
    assert why in found.why


def test_a_parameter_that_is_not_there_is_a_reason_too():
    assert "'features'" in cost_of(Workload("lstm", {"hidden": 8}), 1, Precision.FP32).why


def test_every_built_in_family_has_a_formula_or_a_reason_of_its_own():
    from stopwatt.extensions import registered

    for name in registered("workloads"):
        family = resolve(name)
        found = cost_of(Workload(name, check_params(family, {})), 1, Precision.FP32)
        assert isinstance(found, Cost) or "no formula for" not in found.why


def test_formulas_are_no_part_of_the_code_that_keys_are_made_of():
    from stopwatt.workloads import source

    for name in SMALL:
        path = source.Path(__import__(f"stopwatt.workloads.{name}", fromlist=["x"]).__file__)
        assert not any("costs" in str(file) for file in source._closure(path))
