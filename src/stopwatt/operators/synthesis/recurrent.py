"""Recurrent layers: padded sequences, samples first, all layers in one call."""

from collections.abc import Callable, Mapping
from typing import Any

from stopwatt.operators.operator import Operator
from stopwatt.operators.synthesis.parts import Making, Sizes

_GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
_TWO_WAYS = 2


def _layers(name: str) -> Callable[[Sizes], Operator]:
    """As the modules of torch call it: biases, no dropout, inference; an LSTM has a cell beside its state."""

    def made(sizes: Sizes) -> Operator:
        sizes.need(holds=sizes["gates"] == _GATES[name], why=f"it has {_GATES[name]} gates")
        sizes.need(holds=sizes["directions"] <= _TWO_WAYS, why="it goes one way or both ways")
        make, hidden, layers = Making(sizes.dtype), sizes["hidden"], sizes["layers"]
        given = make.given(sizes["batch"], sizes["steps"], sizes["inputs"])
        state = (layers * sizes["directions"], sizes["batch"], hidden)
        states = [make.given(*state) for _ in range(1 + (name == "lstm"))]
        weights = [one for layer in range(layers) for one in _weights(make, sizes, layer)]
        both = sizes["directions"] == _TWO_WAYS
        return make.operator(
            f"{name}.input",
            given,
            states if name == "lstm" else states[0],
            weights,
            True,
            layers,
            0.0,
            False,
            both,
            True,
            gives=(sizes["batch"], sizes["steps"], sizes["directions"] * hidden),
            also=[state] * len(states),
        )

    return made


def _weights(make: Making, sizes: Sizes, layer: int) -> list[dict[str, Any]]:
    """Of one layer, in each direction: for its input, for its state, and their biases."""
    hidden, wide = sizes["hidden"], sizes["gates"] * sizes["hidden"]
    inputs = sizes["inputs"] if layer == 0 else sizes["directions"] * hidden
    shapes = [(wide, inputs), (wide, hidden), (wide,), (wide,)] * sizes["directions"]
    return [make.weight(*shape) for shape in shapes]


RECURRENT: Mapping[str, Callable[[Sizes], Operator]] = {name: _layers(name) for name in _GATES}
