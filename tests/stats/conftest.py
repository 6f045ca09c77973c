"""Series with known properties, given to tests as functions."""

import numpy as np
import pytest
from scipy.signal import lfilter


def _autoregressive(coefficient, n, seed):
    noise = np.random.default_rng(seed).normal(size=n + 300)
    logs = lfilter([1], [1, -coefficient], noise)[300:]
    return np.exp(0.05 * logs * np.sqrt(1 - coefficient**2))


def _two_levels(rounds, trials, seed, between=0.01, within=0.05):
    generator = np.random.default_rng(seed)
    levels = generator.normal(scale=between, size=(rounds, 1))
    return np.exp(levels + generator.normal(scale=within, size=(rounds, trials)))


@pytest.fixture(scope="session")
def autoregressive():
    """`(coefficient, n, seed)`: lognormal with median 1, AR(1) in the logarithm, started in its stationary state."""
    return _autoregressive


@pytest.fixture(scope="session")
def two_levels():
    """`(rounds, trials, seed)`: trials of several processes, each with its own level around median 1."""
    return _two_levels
