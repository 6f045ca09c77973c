"""Exact techniques leave the function as it is, and say what they did."""

import numpy as np
import pytest
import torch
from torch import nn

from stopwatt.errors import Unsupported
from stopwatt.records import Setup
from stopwatt.techniques import catalogue
from stopwatt.techniques.calling import answers
from stopwatt.workloads.base import Built

SAME = 2e-5


def deviation(found):
    """Largest difference over the largest answer, of the worst output."""
    after = answers(found.module, found.inputs)
    assert len(after) == len(found.before)
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(after, found.before, strict=True))


@pytest.mark.parametrize(
    ("family", "technique", "fact"),
    [
        ("bert", "no-dropout", "no-dropout.dropouts"),
        ("vit", "no-dropout", "no-dropout.dropouts"),
        ("resnet", "fold-batchnorm", "fold-batchnorm.folded"),
        ("resnet", "channels-last", "channels-last.convolutions"),
        ("bert", "attention:unfused", "attention.way"),
        ("bert", "fold-constants", "fold-constants.operators"),
        ("gpt2", "fold-constants", "fold-constants.operators"),
    ],
)
def test_the_answers_stay_the_same(tried, family, technique, fact):
    found = tried(family, technique)

    assert found.facts[fact]
    assert deviation(found) < SAME
    assert catalogue.exact(Setup(techniques=(technique,)))


def test_the_folded_normalisations_are_no_longer_called(tried):
    found = tried("resnet", "fold-batchnorm")

    assert not any(isinstance(one, nn.BatchNorm2d) for one in found.module.modules())
    assert found.facts == {"fold-batchnorm.folded": 20, "fold-batchnorm.left": 0}


def test_convolutions_answer_in_the_layout_that_was_asked_for(tried):
    found = tried("resnet", "channels-last")
    convolution = next(one for one in found.module.modules() if isinstance(one, nn.Conv2d))

    assert convolution(torch.ones(2, 3, 32, 32)).is_contiguous(memory_format=torch.channels_last)


def test_several_techniques_are_applied_in_their_order(tried):
    found = tried("resnet", "no-dropout", "fold-batchnorm", "channels-last")

    assert [name.partition(".")[0] for name in found.facts] == [
        "no-dropout", "no-dropout", "fold-batchnorm", "fold-batchnorm", "channels-last",
    ]  # fmt: skip
    assert deviation(found) < SAME


@pytest.mark.parametrize(
    ("family", "technique", "why"),
    [
        ("mlp", "no-dropout", "has none that it calls"),
        ("bert", "fold-batchnorm", "a model which has none"),
        ("mlp", "fold-constants", "in this model everything does"),
        ("mlp", "attention:unfused", "lets a model of transformers choose"),
        ("bert", "attention:fused", "does so already"),
    ],
)
def test_a_technique_that_finds_nothing_to_do_refuses_and_is_named(tried, family, technique, why):
    with pytest.raises(Unsupported, match=why) as caught:
        tried(family, technique)

    assert f"leave +{technique} away" in caught.value.now
    assert caught.value.when == f"eager+{technique} fp32 batch 2 cpu"


def of(module, *shape):
    """A workload of a module."""
    return Built(module.eval(), lambda batch, dice: (dice.random((batch, *shape), np.float32),), ("x",), module=module)


def test_a_normalisation_whose_input_others_see_is_not_folded():
    class Seen(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.norm = nn.Linear(4, 4), nn.BatchNorm1d(4)

        def forward(self, x):
            between = self.layer(x)
            return self.norm(between) + between

    with pytest.raises(Unsupported, match="none follows such a layer alone"):
        catalogue.apply(of(Seen(), 4), Setup(techniques=("fold-batchnorm",)), ())


def test_layers_next_to_each_other_by_name_only_are_not_folded():
    class Crossed(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.norm = nn.Linear(4, 4), nn.BatchNorm1d(4)

        def forward(self, x):
            return self.layer(self.norm(x))

    with pytest.raises(Unsupported, match="none follows such a layer alone"):
        catalogue.apply(of(Crossed(), 4), Setup(techniques=("fold-batchnorm",)), ())


def test_a_part_that_is_asked_for_more_than_its_call_is_not_taken_out():
    class Asks(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.1)

        def forward(self, x):
            return self.drop(x) * self.drop.p

    with pytest.raises(Unsupported, match="parts out that this model's forward needs"):
        catalogue.apply(of(Asks(), 4), Setup(techniques=("no-dropout",)), ())


def test_random_numbers_and_what_is_written_to_are_no_constants():
    class Counts(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros(1))

        def forward(self, x):
            self.calls.add_(1)
            return x + self.calls * 2 + torch.rand(1)

    with pytest.raises(Unsupported, match="in this model everything does"):
        catalogue.apply(of(Counts(), 4), Setup(techniques=("fold-constants",)), ())


def test_a_model_that_cannot_be_followed_is_refused_with_the_reason():
    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.norm = nn.Linear(4, 4), nn.BatchNorm1d(4)

        def forward(self, x):
            return self.norm(self.layer(x)) if x.sum() > 0 else x

    with pytest.raises(Unsupported, match=r"torch\.export cannot follow this model"):
        catalogue.apply(of(Branches(), 4), Setup(techniques=("fold-batchnorm",)), ())


def test_constants_are_folded_for_inputs_of_the_setup_where_none_are_given(small):
    built, _ = small("bert")
    changed, facts = catalogue.apply(built, Setup(batch=3, techniques=("fold-constants",)), ())

    assert facts["technique.fold-constants.operators"] > 0
    assert len(answers(changed.module, built.make_inputs(3, np.random.default_rng(0)))[0]) == 3


def test_a_folded_graph_names_the_device_that_it_will_run_on(small):
    built, inputs = small("bert")
    changed, _ = catalogue.apply(built, Setup(batch=2, device="meta", techniques=("fold-constants",)), (inputs,))

    outputs = changed.module.to("meta")(*(torch.from_numpy(one).to("meta") for one in inputs))

    assert {one.device.type for one in outputs} == {"meta"}


def test_a_workload_without_a_module_is_refused():
    plain = Built(lambda x: x, lambda batch, dice: (dice.random((batch, 4), np.float32),), ("x",))

    with pytest.raises(Unsupported, match="no-dropout changes a PyTorch module"):
        catalogue.apply(plain, Setup(techniques=("no-dropout",)), ())
