"""A stack of LSTM layers over a time series, with a linear head."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from stopwatt.records import Scalar
from stopwatt.workloads.base import Arrays, Built
from stopwatt.workloads.family import BuiltIn, size
from stopwatt.workloads.inputs import series
from stopwatt.workloads.seeded import ready, seeded

if TYPE_CHECKING:
    import torch


class Lstm(BuiltIn):
    """`[batch, seq, features] -> [batch, outputs]`: the prediction from the last hidden state."""

    name = "lstm"
    summary = "LSTM layers over a time series, linear head on the last step"
    params = (
        size("features", 16, "values per time step"),
        size("hidden", 200, "units per layer", high=50_000),
        size("layers", 3, "stacked layers", high=1024),
        size("seq", 200, "time steps"),
        size("outputs", 1, "predicted values"),
    )

    def build(self, params: Mapping[str, Scalar], seed: int) -> Built:
        """Build the network with the initialisation of `torch.nn.LSTM`."""
        features, seq = int(params["features"]), int(params["seq"])
        with seeded(seed):
            module = _network(features, int(params["hidden"]), int(params["layers"]), int(params["outputs"]))

        def make_inputs(batch: int, generator: np.random.Generator) -> Arrays:
            return (series(batch, seq, features, generator),)

        return Built(ready(module), make_inputs, ("series",), module=module)


def _network(features: int, hidden: int, layers: int, outputs: int) -> "torch.nn.Module":
    import torch

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = torch.nn.LSTM(features, hidden, layers, batch_first=True)
            self.head = torch.nn.Linear(hidden, outputs)

        def forward(self, series: torch.Tensor) -> torch.Tensor:
            states, _ = self.lstm(series)
            prediction: torch.Tensor = self.head(states[:, -1])
            return prediction

    return Network()
