"""Gaussian processes (Rasmussen and Williams, 2006): lengths found by scikit-learn, the rest by numpy."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial.distance import cdist

Floats = NDArray[np.float64]

LENGTHS = (0.1, 1e3)
NOISE = (1e-5, 0.3)
FIRST_LENGTH = 3.0
TINY = 1e-9
SEARCHED = 250
"""Rows by which lengths are found: the search costs their cube many times over."""


@dataclass(frozen=True, slots=True)
class Gaussian:
    """A posterior mean under a Matern kernel of 3/2 with a length for each column.

    Attributes:
        centre, scale: Of the columns, shape (columns,).
        lengths: In scaled columns, shape (columns,).
        points: Scaled columns of the rows it learnt from, over their lengths, shape (rows, columns).
        weights: Of those rows, shape (rows,): amplitude and scale of the target are in them.
        offset: Mean of the target.
    """

    centre: Floats
    scale: Floats
    lengths: Floats
    points: Floats
    weights: Floats
    offset: float

    def predict(self, values: Floats) -> Floats:
        """Answer for each row of `values`, shape (n,)."""
        apart = cdist((values - self.centre) / self.scale / self.lengths, self.points)
        return np.asarray(_matern(apart) @ self.weights + self.offset)


def gaussian_process(values: Floats, target: Floats, *, most: int, seed: int) -> Gaussian:
    """Find lengths, amplitude and noise by the marginal likelihood of a few rows, then learn from all.

    Args:
        values: Shape (n, columns).
        target: Shape (n,).
        most: Rows that are used; others are left out at random.
        seed: Of that choice.
    """
    rows = np.random.default_rng(seed).permutation(len(values))[:most]
    centre, scale = values[rows].mean(axis=0), values[rows].std(axis=0)
    varies = scale > TINY * (1 + np.abs(centre))
    scale = np.where(varies, scale, 1.0)
    scaled, mean = np.where(varies, (values[rows] - centre) / scale, 0.0), float(target[rows].mean())
    lengths, amplitude, noise = _likely(scaled[:SEARCHED][:, varies], target[rows][:SEARCHED] - mean, seed)
    every = np.full(values.shape[1], np.inf)
    every[varies] = lengths
    points = scaled / every
    covariance = amplitude * _matern(cdist(points, points)) + noise * np.eye(rows.size)
    weights = amplitude * cho_solve(cho_factor(covariance), target[rows] - mean)
    return Gaussian(centre, scale, every, points, weights, mean)


def _likely(scaled: Floats, target: Floats, seed: int) -> tuple[Floats, float, float]:
    """Lengths in scaled columns, amplitude and noise (variances of the target)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    variance = max(float(target.var()), TINY)
    if not scaled.shape[1]:
        return np.empty(0), variance, variance
    first = np.full(scaled.shape[1], FIRST_LENGTH)
    kernel = ConstantKernel(0.5) * Matern(first, LENGTHS, nu=1.5) + WhiteKernel(1e-2, NOISE)
    model = GaussianProcessRegressor(kernel, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a length at its bound: a column that does not matter
        model.fit(scaled, target / np.sqrt(variance))
    found = model.kernel_
    lengths = np.broadcast_to(found.k1.k2.length_scale, first.shape).astype(np.float64)
    return lengths, variance * float(found.k1.k1.constant_value), variance * float(found.k2.noise_level)


def _matern(apart: Floats) -> Floats:
    """Matern kernel of 3/2 at distances in lengths."""
    scaled = np.sqrt(3.0) * apart
    return np.asarray((1 + scaled) * np.exp(-scaled))
