"""Where each operator was called: modules, leaf calls, functions, models without modules."""

import torch
from taken import Does, names, taken, values
from torch import nn

from stopwatt.measuring.operators.interior import take_apart
from stopwatt.operators.capture import Module


def test_each_operator_is_in_the_innermost_module_that_was_running():
    block = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    model = Does(lambda self, x: self.block(x) + x, block=block)
    interior = taken(model, values(2, 4))
    paths = [interior.modules[place].path for place in interior.places]
    assert list(zip(names(interior), paths, strict=True)) == [
        ("linear", "block.0"),
        ("relu", "block.1"),
        ("add.Tensor", ""),
    ]
    assert interior.modules == (
        Module("", "Does", leaf=False),
        Module("block", "Sequential", leaf=False),
        Module("block.0", "Linear", leaf=True),
        Module("block.1", "ReLU", leaf=True),
    )


def test_leaf_calls_have_inputs_outputs_and_the_operators_inside():
    leaf = taken(nn.Sequential(nn.Linear(4, 2), nn.ReLU()), values(3, 4)).leaves
    assert [(one.begin, one.end) for one in leaf] == [(0, 1), (1, 2)]
    assert leaf[0].inputs[0].shape == (3, 4)
    assert leaf[0].outputs[0].shape == (3, 2)


def test_a_module_that_is_called_twice_is_one_module_with_two_leaf_calls():
    interior = taken(Does(lambda self, x: self.part(self.part(x)), part=nn.Linear(4, 4)), values(1, 4))
    assert [interior.modules[one.module].path for one in interior.leaves] == ["part", "part"]
    assert len(interior.modules) == 2


def test_a_model_that_is_a_leaf_itself_is_the_whole():
    interior = taken(nn.Linear(4, 2), values(1, 4))
    assert interior.modules == (Module("", "Linear", leaf=True),)
    assert len(interior.leaves) == 1


def test_modules_within_a_function_get_paths_of_their_own():
    one, other = nn.Linear(4, 4), nn.Linear(4, 4)
    with torch.inference_mode():
        interior = take_apart(
            lambda given: other(one(given)), lambda: values(1, 4), device="cpu", whole="both", model=None
        )
    assert [(module.path, module.kind) for module in interior.modules] == [
        ("", "both"),
        ("Linear", "Linear"),
        ("Linear#2", "Linear"),
    ]


def test_a_module_that_fails_and_is_forgiven_leaves_the_place_right():
    class Fails(nn.Module):
        def forward(self, x):
            raise ValueError

    def forward(self, x):
        try:
            return self.bad(x)
        except ValueError:
            return x + 1

    interior = taken(Does(forward, bad=Fails()), values(2))
    assert [interior.modules[place].path for place in interior.places] == [""]


def test_hooks_are_gone_afterwards():
    model = nn.Linear(2, 2)
    first = taken(model, values(1, 2))
    model(values(1, 2))
    assert len(first.leaves) == 1
