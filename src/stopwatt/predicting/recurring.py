"""The law of recurrent layers: steps that wait for each other, each with the weights of the state from a cache.

    t = floor + layers x l + w + i + steps x (s + (c^p + m^p)^(1/p) + g x gates)
    w = bytes of all weights / bandwidth x e^k
    i = FLOPs of the products with the inputs / peak x e^a: of all steps of a layer at once
    c = FLOPs of the product with the state in one step / peak x e^b
    m = bytes of that product's weights / bandwidth x e^r x (1 - q / (1 + (bytes / near)^2))

Every call packs all weights for the products anew. The products with the inputs do not wait, one for each layer; those
with the state are as many as there are steps, layers and directions (Appleyard, Kocisky and Blunsom 2016). With few
samples a step has little to compute, and reads all weights of the state again: from the nearest cache where they have
room in it, `near`, and more slowly beyond.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.table import Table
from stopwatt.predicting.ceilings import Ceilings
from stopwatt.predicting.fitting import Form, joined

Floats = NDArray[np.float64]

NAMES = ("floor", "layer", "inputs", "state", "reread", "near", "cached", "step", "gates", "corner", "packed")
USUAL = np.array([np.log(1e-5), np.log(5e-6), 0.7, 0.7, 0.0, np.log(1e6), 0.5, np.log(1e-6), np.log(5e-10), 1.0, 0.0])
SPREAD = np.array([2.0, 2.0, 0.7, 0.7, 1.0, 1.0, 0.4, 2.0, 2.0, 1.0, 1.5])
LOWEST = np.array(
    [np.log(1e-8), np.log(1e-9), -0.5, -0.5, -4.0, np.log(1e4), 0.0, np.log(1e-9), np.log(1e-14), -3.0, -6.0]
)
HIGHEST = np.array([np.log(1e-1), np.log(1e-1), 5.0, 5.0, 5.0, np.log(1e9), 0.95, np.log(1e-2), np.log(1e-6), 3.0, 4.0])


@dataclass(frozen=True, slots=True)
class Steps:
    """What recurrent layers come down to; every array has shape (n,).

    Attributes:
        layers: In all directions.
        steps: One after another, of all layers.
        inputs_s: Seconds of the products with the inputs at the peak.
        state_s: Of the product with the state in one step.
        weights: Bytes of its weights.
        weights_s: Seconds of these at the peak of the memory.
        gates: Elements of all gates in one step.
        packed_s: Seconds of all weights at the peak of the memory.
        whole_s: Seconds of all products at the peak.
    """

    layers: Floats
    steps: Floats
    inputs_s: Floats
    state_s: Floats
    weights: Floats
    weights_s: Floats
    gates: Floats
    packed_s: Floats
    whole_s: Floats

    def take(self, rows: NDArray[np.intp]) -> "Steps":
        """Those rows."""
        return Steps(*(getattr(self, name)[rows] for name in Steps.__slots__))


def steps_of(table: Table, ceilings: Ceilings) -> Steps:
    """Steps and products of each row of `Family.RECURRENT`, and what they take at the peaks."""
    d = table.dims
    wide, layers = d["gates"] * d["hidden"], d["layers"] * d["directions"]
    read = d["directions"] * (d["inputs"] + (d["layers"] - 1) * d["directions"] * d["hidden"])
    inputs = 2 * d["steps"] * d["batch"] * wide * read
    state = 2 * d["batch"] * wide * d["hidden"]
    steps = d["steps"] * layers
    size = table.weight_bytes / np.maximum(wide * (read + layers * d["hidden"]), 1)  # of an element, biases included
    weights = wide * d["hidden"] * size
    return Steps(
        layers,
        steps,
        inputs / ceilings.flops,
        state / ceilings.flops,
        weights,
        weights / ceilings.bandwidth,
        d["batch"] * wide,
        table.weight_bytes / ceilings.bandwidth,
        (inputs + steps * state) / ceilings.flops,
    )


def seconds_of(parameters: Floats, rows: Steps) -> Floats:
    """Seconds, shape (n,), of parameters of shape (11,) or (11, n)."""
    floor, layer, inputs, state, reread, near, cached, step, gates, corner, packed = parameters
    beyond = (rows.weights / np.exp(near)) ** 2
    memory = np.exp(reread) * rows.weights_s * (1 - cached / (1 + beyond))
    each = np.exp(step) + joined(np.exp(state) * rows.state_s, memory, 1 + np.exp(corner)) + np.exp(gates) * rows.gates
    before = np.exp(floor) + np.exp(layer) * rows.layers + np.exp(packed) * rows.packed_s
    return np.asarray(before + np.exp(inputs) * rows.inputs_s + rows.steps * each)


def _sizes(rows: Steps) -> Floats:
    return rows.whole_s


RECURRENCE = Form(seconds_of, _sizes, NAMES, USUAL, SPREAD, LOWEST, HIGHEST, 0, 1, 0.3)
"""Of recurrent layers."""
