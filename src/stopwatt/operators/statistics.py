"""One number for an operator in a memory mode, from the samples of one process: two averages, and an interval."""

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.replay import Replay
from stopwatt.stats.intervals import within_round
from stopwatt.stats.quantiles import Interval, NoInterval

DEVICE, CALL = "device", "call"
"""Series of a replay: on the device alone, and from host to host."""
NANOSECOND = 1e-9
DEVIATIONS = 3.0
_LEAST = 3  # fewer samples have no deviation that one of them could exceed


def samples_of(replay: Replay) -> NDArray[np.float64]:
    """Seconds a call, one value a sample, in the order of measuring: on the device where that was measured.

    Raises:
        KeyError: The replay has neither series: it failed.
    """
    series = replay.samples.get(DEVICE) or replay.samples[CALL]
    return np.asarray(series.values, dtype=np.float64) * NANOSECOND


def time_of(replay: Replay) -> float:
    """Median of the samples in seconds: what an operator takes, unmoved by what interrupted it.

    Raises:
        KeyError: As in `samples_of`.
    """
    return float(np.median(samples_of(replay)))


def trimmed_mean_of(replay: Replay) -> float:
    """Mean in seconds of the samples within three standard deviations of the mean of all.

    Mean and deviation (n - 1) are taken once, from all samples, and what lies further away is left out once; nothing is
    taken again from what remains. Studies of operators average so; the median stands beside it. Of 10 samples or fewer
    nothing can be left out: none lies further than (n - 1) / sqrt(n) deviations from their mean (Samuelson 1968).

    Raises:
        KeyError: As in `samples_of`.
    """
    samples = samples_of(replay)
    if samples.size < _LEAST:
        return float(samples.mean())
    distance = np.abs(samples - samples.mean())
    return float(samples[distance <= DEVIATIONS * samples.std(ddof=1)].mean())


def gap_of(replay: Replay) -> float:
    """The trimmed mean over the median, less 1: above 0 where the slow samples are many.

    Raises:
        KeyError: As in `samples_of`.
    """
    return trimmed_mean_of(replay) / time_of(replay) - 1


def interval_of(replay: Replay) -> Interval | NoInterval:
    """Interval of the median in seconds, 95 %, of this process alone: other processes may differ by more.

    Raises:
        KeyError: As in `samples_of`.
    """
    return within_round(samples_of(replay))
