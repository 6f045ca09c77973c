"""A multilayer perceptron."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from stopwatt.records import Scalar
from stopwatt.workloads import inputs
from stopwatt.workloads.base import Arrays, Built
from stopwatt.workloads.family import BuiltIn, size
from stopwatt.workloads.seeded import ready, seeded


class Mlp(BuiltIn):
    """`[batch, features] -> [batch, outputs]`: class scores."""

    name = "mlp"
    summary = "fully connected layers with ReLU between them"
    params = (
        size("features", 784, "values per sample"),
        size("hidden", 512, "units per hidden layer", high=100_000),
        size("layers", 2, "hidden layers", low=0, high=1024),
        size("outputs", 10, "classes"),
    )

    def build(self, params: Mapping[str, Scalar], seed: int) -> Built:
        """Build the network with the initialisation of `torch.nn.Linear`."""
        import torch

        features = int(params["features"])
        widths = [features, *[int(params["hidden"])] * int(params["layers"])]
        parts: list[torch.nn.Module] = []
        with seeded(seed):
            for before, after in pairwise(widths):
                parts += [torch.nn.Linear(before, after), torch.nn.ReLU()]
            module = ready(torch.nn.Sequential(*parts, torch.nn.Linear(widths[-1], int(params["outputs"]))))

        def make_inputs(batch: int, generator: np.random.Generator) -> Arrays:
            return (inputs.features(batch, features, generator),)

        return Built(module, make_inputs, ("features",), module=module, classifier=True)
