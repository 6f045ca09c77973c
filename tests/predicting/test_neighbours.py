"""What rows beside each other say of their noise."""

from dataclasses import replace

import numpy as np
import pytest
from planted_products import products

from stopwatt.predicting.neighbours import disagreements


def grid(noise):
    """Every m from 64 to 4096 in halves of octaves, and every n; noise is a share of each row."""
    table = products(1200)
    m, n = np.meshgrid(2.0 ** np.arange(6, 12.5, 0.5), 2.0 ** np.arange(2, 12), indexing="ij")
    table = table.take(np.arange(m.size))
    dims = {"m": m.ravel(), "n": n.ravel(), "k": np.full(m.size, 64.0), "batch": np.ones(m.size)}
    exact = 100.0 * dims["m"] ** 0.2 * dims["n"] ** 0.1
    return replace(table, dims=dims), exact * np.exp(noise * np.random.default_rng(0).standard_normal(m.size))


def test_what_is_smooth_does_not_disagree():
    found = disagreements(*grid(0.0), ("m", "n"))
    assert [one.size for one in found] == ["m", "n"]
    assert max(one.mean for one in found) < 1e-9


def test_independent_noise_is_found_again():
    for one in disagreements(*grid(0.1), ("m", "n")):
        assert one.mean == pytest.approx(0.1 * np.sqrt(2 / np.pi), rel=0.25)  # of a normal distribution
        assert one.kind == "bfloat16 linear"


def test_rows_without_neighbours_near_enough_have_none():
    table, values = grid(0.1)
    far = table.dims["m"] ** 4.0
    assert disagreements(replace(table, dims={**table.dims, "m": far}), values, ("m",)) == ()
