"""Models taken apart in this process, for the tests of captures."""

import numpy as np
import torch

from stopwatt.measuring.operators.interior import Interior, take_apart
from stopwatt.operators.operator import Operator


def taken(model: torch.nn.Module, *inputs: torch.Tensor, **rules) -> Interior:
    """One call of a model under inference mode, taken apart."""
    with torch.inference_mode():
        return take_apart(
            lambda given: model(*given),
            lambda: tuple(one.clone() for one in inputs),
            device="cpu",
            whole=type(model).__name__,
            model=model,
            **rules,
        )


def names(interior: Interior) -> list[str]:
    """Names of all calls in order, without `aten.` and `.default`."""
    return [short(interior.operators[number]) for number in interior.sequence]


def short(operator: Operator) -> str:
    return operator.name.removeprefix("aten.").removesuffix(".default")


def by_name(interior: Interior, name: str) -> Operator:
    """The only operator of a name."""
    (found,) = (one for one in interior.operators if short(one) == name)
    return found


class Does(torch.nn.Module):
    """A model whose forward is a function."""

    def __init__(self, function, **parts: torch.nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, *inputs):
        return self.function(self, *inputs)


def values(*shape: int) -> torch.Tensor:
    """Floats between 0 and 1, always the same."""
    return torch.from_numpy(np.random.default_rng(0).random(shape, dtype=np.float32))
