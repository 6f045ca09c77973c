"""Random inputs that look like real ones. Never zeros: they can run faster than data."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stopwatt.workloads.base import Arrays

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
_STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)
_TEXTURES = ((56, 0.6), (14, 0.5), (4, 0.4))
"""Pixels between the grid points of each octave, and its weight: in natural images amplitudes fall with frequency."""
_GRAIN = 0.15


def images(batch: int, height: int, width: int, generator: np.random.Generator) -> Floats:
    """Images with spatial correlation, normalised with the statistics of ImageNet: `[batch, 3, height, width]`."""
    texture = generator.standard_normal((batch, 3, height, width), dtype=np.float32)
    texture *= _GRAIN
    for spacing, weight in _TEXTURES:
        rows, columns = 2 + height // spacing, 2 + width // spacing
        coarse = generator.standard_normal((batch, 3, rows, columns), dtype=np.float32)
        texture += weight * (_stretch(height, rows) @ coarse @ _stretch(width, columns).T)
    pixels = np.clip(0.45 + 0.27 * texture, 0.0, 1.0)
    normalised: Floats = (pixels - _MEAN[:, None, None]) / _STD[:, None, None]
    return normalised


def _stretch(length: int, grid: int) -> Floats:
    """Matrix `[length, grid]` of linear interpolation from a coarse grid."""
    place = np.linspace(0.0, grid - 1.0, length)
    distance = np.abs(place[:, None] - np.arange(grid)[None, :])
    return np.clip(1.0 - distance, 0.0, 1.0).astype(np.float32)


def tokens(shape: tuple[int, int], first: int, vocabulary: int, generator: np.random.Generator) -> Integers:
    """Token ids `[batch, seq]` from `first` up to `vocabulary`, frequent ones first (Zipf-Mandelbrot, q = 2.7)."""
    weights = 1.0 / (np.arange(vocabulary - first) + 2.7)
    cumulative = np.cumsum(weights)
    ranks = np.searchsorted(cumulative / cumulative[-1], generator.random(shape), side="right")
    ids: Integers = (first + ranks).astype(np.int64)
    return ids


def series(batch: int, seq: int, features: int, generator: np.random.Generator) -> Floats:
    """Smooth standardised time series `[batch, seq, features]`: AR(1) with coefficient 0.95, mean 0, variance 1."""
    memory = np.float32(0.95)
    noise = generator.standard_normal((seq, batch, features), dtype=np.float32)
    noise[1:] *= np.sqrt(1 - memory**2)
    for step in range(1, seq):
        noise[step] += memory * noise[step - 1]
    return np.ascontiguousarray(noise.transpose(1, 0, 2))


def features(batch: int, count: int, generator: np.random.Generator) -> Floats:
    """Standardised independent features `[batch, count]`."""
    return generator.standard_normal((batch, count), dtype=np.float32)


def like(example: Sequence[NDArray[np.generic]], batch: int, generator: np.random.Generator) -> Arrays:
    """Another input set like an example: its batch repeated or cut to `batch`, its values shuffled in each array.

    Shapes, element types and the distribution of values stay those of the example; equal generators give equal sets.
    Floating arrays that hold one value only are placeholders: they become normal noise.
    """
    return tuple(_shuffled(np.resize(array, (batch, *array.shape[1:])), generator) for array in example)


def _shuffled(array: NDArray[np.generic], generator: np.random.Generator) -> NDArray[np.generic]:
    if array.dtype.kind == "f" and array.size and (array == array.flat[0]).all():
        return generator.standard_normal(array.shape).astype(array.dtype)  # a placeholder such as torch.zeros
    return generator.permutation(array.reshape(-1)).reshape(array.shape)
