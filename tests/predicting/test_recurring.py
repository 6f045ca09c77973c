"""How recurrent layers come down to steps that wait for each other, and what their law finds again."""

from dataclasses import replace

import numpy as np
import pytest

from stopwatt.operators.replay import Mode
from stopwatt.operators.rows import Observed, tables_of
from stopwatt.operators.synthesis import operator_of
from stopwatt.operators.table import DeviceSpecs
from stopwatt.operators.work import Family
from stopwatt.predicting.ceilings import ceilings_of
from stopwatt.predicting.model import ground_of
from stopwatt.predicting.recurring import NAMES, USUAL, seconds_of, steps_of

SPECS = {"planted": DeviceSpecs("planted", {"float32": 1e11}, 2e10, 1, 3e7)}
PLANTED = dict(zip(NAMES, USUAL, strict=True)) | {"state": 0.4, "step": np.log(3e-6), "packed": 0.8}


def rows(*sizes):
    """A table of LSTMs of these steps, samples, inputs, hidden sizes, layers and directions."""
    names = ("steps", "batch", "inputs", "hidden", "layers", "directions")
    made = [
        operator_of(Family.RECURRENT, "lstm", dict(zip(names, one, strict=True)) | {"gates": 4}, "float32")
        for one in sizes
    ]
    return tables_of([Observed(one, Mode.REUSE, 1.0) for one in made], "planted")[Family.RECURRENT]


def steps(*sizes):
    table = rows(*sizes)
    return steps_of(table, ceilings_of(table, SPECS))


def planted_s(table):
    """Seconds by the planted law."""
    return seconds_of(np.array([PLANTED[name] for name in NAMES]), steps_of(table, ceilings_of(table, SPECS)))


def some(count, *, seed=0, longest=100):
    rng = np.random.default_rng(seed)
    ends = ((1, longest), (1, 8), (4, 256), (16, 256), (1, 4))
    sizes = [[int(np.exp(rng.uniform(np.log(low), np.log(high + 1)))) for low, high in ends] for _ in range(count)]
    return rows(*[(*one, 1) for one in sizes])


def test_the_products_of_all_steps_are_the_operations_of_the_layer():
    sizes = ((50, 4, 16, 128, 2, 1), (7, 1, 100, 32, 3, 2))
    table = rows(*sizes)
    np.testing.assert_allclose(steps(*sizes).whole_s * 1e11, table.flops)


def test_layers_and_directions_wait_for_each_other_step_by_step():
    np.testing.assert_array_equal(steps((50, 4, 16, 128, 2, 1), (50, 4, 16, 128, 2, 2)).steps, [100, 200])


def test_the_weights_of_the_state_are_those_of_one_layer_in_one_direction():
    found = steps((50, 4, 16, 128, 1, 1), (50, 4, 999, 128, 3, 2))
    assert found.weights == pytest.approx([4 * 128 * 128 * 4] * 2, rel=0.02)  # biases are spread over all weights


def test_a_step_whose_weights_have_no_room_in_the_near_cache_reads_them_more_slowly():
    nothing = {"state": -30.0, "step": -60.0, "gates": -60.0, "near": np.log(1e6), "cached": 0.5}
    parameters = np.array([(PLANTED | nothing)[name] for name in NAMES])
    short, long = (steps((length, 1, 16, 64, 1, 1), (length, 1, 16, 1024, 1, 1)) for length in (1, 101))
    inputs = np.exp(PLANTED["inputs"]) * (long.inputs_s - short.inputs_s)
    each = (seconds_of(parameters, long) - seconds_of(parameters, short) - inputs) / 100
    np.testing.assert_allclose(each / short.weights_s, [0.5, 1.0], rtol=0.01)


def test_the_law_holds_for_longer_sequences_than_those_that_it_was_found_from():
    table = some(200)
    noise = np.exp(0.02 * np.random.default_rng(1).standard_normal(200))
    ground = ground_of(replace(table, time_s=planted_s(table) * noise), SPECS, 0)
    longer = some(100, seed=2, longest=400)
    longer = longer.take(longer.dims["steps"] > 100)
    _, said = ground.features(longer, SPECS)
    assert len(longer) >= 10
    assert np.abs(said / planted_s(longer) - 1).mean() < 0.05
