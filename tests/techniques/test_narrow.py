"""A pruned model that was saved is loaded into one that is written with its whole widths."""

import pytest
import torch
from torch import nn

from stopwatt.techniques.calling import answers
from stopwatt.techniques.shrinking import narrow


@pytest.mark.parametrize("family", ["mlp", "resnet", "mobilenet", "gpt2"])
def test_what_was_pruned_answers_the_same_once_it_is_loaded(tried, small, family):
    found = tried(family, "prune:0.5")
    saved = found.module.state_dict()
    loaded, _ = small(family)

    narrow(loaded.module, saved)
    loaded.module.load_state_dict(saved)

    for got, wanted in zip(answers(loaded.module, found.inputs), answers(found.module, found.inputs), strict=True):
        assert got == pytest.approx(wanted, abs=1e-5)
    assert str(loaded.module) == str(found.module)


def test_a_model_of_the_right_size_stays_as_it_is(small):
    built, _ = small("resnet")
    before = {name: id(one) for name, one in built.module.named_parameters()}

    narrow(built.module, built.module.state_dict())

    assert {name: id(one) for name, one in built.module.named_parameters()} == before


def test_what_differs_in_more_than_channels_is_refused_as_ever():
    module, saved = nn.Conv2d(4, 4, 3), nn.Conv2d(4, 2, 5).state_dict()

    narrow(module, saved)

    with pytest.raises(RuntimeError, match="size mismatch"):
        module.load_state_dict(saved)
    assert module.weight.shape == torch.Size([2, 4, 3, 3])
