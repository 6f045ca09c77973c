"""Gaussian processes (Rasmussen and Williams, 2006).

Lengths were found by scikit-learn before: the same search, at four times the cost, which was most of what fitting took.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve, cholesky
from scipy.optimize import Bounds, minimize
from scipy.spatial.distance import cdist

Floats = NDArray[np.float64]

LENGTHS = (0.1, 1e3)
NOISE = (1e-5, 0.3)
AMPLITUDE = (1e-5, 1e5)
FIRST_LENGTH = 3.0
FIRST = (0.5, 1e-2)
"""Amplitude and noise that the search begins with, over the variance of the target."""
JITTER = 1e-10
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
    lengths, amplitude, noise = _likely(scaled[:SEARCHED][:, varies], target[rows][:SEARCHED] - mean)
    every = np.full(values.shape[1], np.inf)
    every[varies] = lengths
    points = scaled / every
    covariance = amplitude * _matern(cdist(points, points)) + noise * np.eye(rows.size)
    weights = amplitude * cho_solve(cho_factor(covariance), target[rows] - mean)
    return Gaussian(centre, scale, every, points, weights, mean)


def _likely(scaled: Floats, target: Floats) -> tuple[Floats, float, float]:
    """Lengths in scaled columns, amplitude and noise (variances of the target), where the rows are the likeliest."""
    variance = max(float(target.var()), TINY)
    columns = scaled.shape[1]
    if not columns:
        return np.empty(0), variance, variance
    first = np.log([*[FIRST_LENGTH] * columns, *FIRST])
    bounds = Bounds(*np.log([*[LENGTHS] * columns, AMPLITUDE, NOISE]).T)
    surprise = partial(surprise_of, scaled, target / np.sqrt(variance))
    found = np.exp(minimize(surprise, first, jac=True, method="L-BFGS-B", bounds=bounds).x)
    return found[:columns], variance * float(found[-2]), variance * float(found[-1])


def surprise_of(scaled: Floats, target: Floats, logs: Floats) -> tuple[float, Floats]:
    """Negative logarithm of the marginal likelihood, and its gradient (Rasmussen and Williams, 2006, 2.30 and 5.9).

    The derivative of the kernel by the logarithm of a length is `3 amplitude exp(-r) d^2`, with r the distance times
    the root of 3 and d its part along that column: summed over all pairs it is two products of matrices, without an
    array of pairs times columns.

    Args:
        scaled: Shape (n, columns).
        target: Shape (n,), around 0.
        logs: Logarithms of the lengths, of the amplitude and of the noise, shape (columns + 2,).

    Returns:
        The value, and its gradient by `logs`; infinite where the covariance is singular.
    """
    lengths, amplitude, noise = np.exp(logs[:-2]), float(np.exp(logs[-2])), float(np.exp(logs[-1]))
    points = scaled / lengths
    apart = np.sqrt(3.0) * cdist(points, points)
    fading = np.exp(-apart)
    shape = amplitude * (1 + apart) * fading
    try:
        lower = cholesky(shape + (noise + JITTER) * np.eye(target.size), lower=True)
    except LinAlgError:
        return np.inf, np.zeros(logs.size)
    solved = cho_solve((lower, True), target)
    value = target @ solved / 2 + np.log(np.diag(lower)).sum() + target.size / 2 * np.log(2 * np.pi)
    slope = cho_solve((lower, True), np.eye(target.size)) - np.outer(solved, solved)
    pairs = slope * fading
    by_length = 3 * amplitude * (pairs.sum(axis=1) @ points**2 - (points * (pairs @ points)).sum(axis=0))
    by_others = [(slope * shape).sum() / 2, noise * np.trace(slope) / 2]
    return float(value), np.concatenate([by_length, by_others])


def _matern(apart: Floats) -> Floats:
    """Matern kernel of 3/2 at distances in lengths."""
    scaled = np.sqrt(3.0) * apart
    return np.asarray((1 + scaled) * np.exp(-scaled))
