"""Do two kinds of moments fall together more often than chance would have it, where both come in stretches?

A label of telemetry holds for all trials between two readings, and slow trials come in bursts, so single trials are no
independent pieces of evidence: Fisher's exact test on a table of trials calls one burst inside one labelled stretch
proof. Here one of the two series is shifted against the other within its round, in every possible way, with its end
joined to its beginning. That keeps how each comes in stretches and breaks what they have in common. Where neither comes
in stretches, the answer is that of Fisher's test.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Indicator = NDArray[np.bool_]

MOST_TRIALS = 2**20
"""Of a longer round so many trials are looked at, the first ones."""
_LARGE = 1000


def coincidence_p(rounds: Sequence[tuple[Indicator, Indicator]]) -> float:
    """p-value of "one says nothing of when the other comes", small where they come together more often than that.

    The trials that are both are counted. Were the series of every round shifted against each other by random numbers of
    trials, each as likely as any other and independent between rounds, at least so many would be both with this
    probability. It is exact (no shifts are drawn), and never smaller than the product of 1 / n over the rounds.

    Args:
        rounds: Two indicators of each round, of the same trials in their order.

    Returns:
        Between 0 and 1; 1 where either holds for all trials or for none.
    """
    seen, chances = 0, np.ones(1)
    for one, other in rounds:
        both = _together(one[:MOST_TRIALS], other[:MOST_TRIALS])
        if both.size:
            seen += int(both[0])
            chances = _sum_of(chances, np.bincount(both) / both.size)
    return min(1.0, float(chances[seen:].sum()))


def _sum_of(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distribution of the sum of two independent counts, by Fourier transform where they may be large."""
    if min(one.size, other.size) < _LARGE:
        return np.convolve(one, other)
    size = one.size + other.size - 1
    sums: NDArray[np.float64] = np.fft.irfft(np.fft.rfft(one, size) * np.fft.rfft(other, size), size)
    return np.maximum(sums, 0.0)


def _together(one: Indicator, other: Indicator) -> NDArray[np.int64]:
    """How many trials are both, for every shift; the first is the shift by nothing. Empty without a trial."""
    if not one.size:
        return np.zeros(0, dtype=np.int64)
    spectrum = np.fft.rfft(one.astype(np.float64)).conj() * np.fft.rfft(other.astype(np.float64))
    return np.rint(np.fft.irfft(spectrum, one.size)).astype(np.int64)
