"""Whole models: what their operators add up to is what the formulas by layers say, and nothing is left unknown."""

import numpy as np
import pytest
import torch
from traced import operators_of, state_of

from stopwatt.operators.formulas import work_of
from stopwatt.operators.work import DIMENSIONS, Family
from stopwatt.records import Precision, Workload
from stopwatt.workloads.costs.cost import cost_of
from stopwatt.workloads.params import check_params
from stopwatt.workloads.resolve import resolve

MODELS = {
    "mlp": {"features": 20, "hidden": 12, "layers": 3, "outputs": 5},
    "lstm": {"features": 5, "hidden": 12, "layers": 3, "seq": 7, "outputs": 2},
    "bert": {"size": "tiny", "seq": 11},
    "gpt2": {"size": "tiny", "seq": 9},
    "vit": {"layers": 2, "hidden": 48, "heads": 3, "image": 32, "patch": 8, "classes": 7},
    "resnet": {"depth": 18, "image": 40, "width": 4, "classes": 7},
    "mobilenet": {"width": 0.3, "image": 40, "classes": 7},
}
DETECTOR = {"size": "tiny", "image": 64, "queries": 5, "classes": 3}
COUNTED = {Family.GEMM, Family.CONVOLUTION, Family.ATTENTION, Family.RECURRENT}
"""Families whose operations the formulas by layers count: they leave out what is element-wise."""


def operators(name, given, batch):
    family = resolve(name)
    params = check_params(family, given)
    built = family.build(params, seed=0)
    inputs = [torch.from_numpy(one) for one in built.make_inputs(batch, np.random.default_rng(0))]
    return params, operators_of(built.call, *inputs, weights=state_of(built.module))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("batch", [1, 3])
def test_operations_of_all_operators_are_those_of_the_layers(name, batch):
    params, calls = operators(name, MODELS[name], batch)
    works = [work_of(one) for one in calls]

    cost = cost_of(Workload(name, params), batch, Precision.FP32)
    assert sum(one.flops for one in works if one.family in COUNTED) == cost.flops


@pytest.mark.parametrize("name", ["mlp", "lstm", "resnet", "mobilenet"])
def test_weights_of_all_operators_are_those_of_the_layers(name):
    params, calls = operators(name, MODELS[name], 2)

    cost = cost_of(Workload(name, params), 2, Precision.FP32)
    assert sum(work_of(one).weight_bytes for one in calls) == cost.weight_bytes


@pytest.mark.parametrize(("name", "given"), [*MODELS.items(), ("detector", DETECTOR)])
def test_no_operator_of_a_built_in_model_is_unknown(name, given):
    works = {one.name: work_of(one) for one in operators(name, given, 2)[1]}

    assert [one for one, work in works.items() if work.family is Family.OTHER or work.flops is None] == []
    assert all(tuple(work.dims) == DIMENSIONS[work.family] for work in works.values())
