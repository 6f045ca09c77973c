"""When do rare trials happen: independently of each other, in bursts, or at regular distances?

All questions are asked of indicators: for each trial of a round, in order, whether it is one of those in question.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc, gammaln

Indicator = NDArray[np.bool_]

NEAR = 0.1
LEAST_EVENTS = 3
LEAST_PERIODS = 4
JITTER = 0.02
PERIOD_P = 0.01
MOST_TRIALS = 2**16


def bunched_p(rounds: Sequence[Indicator]) -> float:
    """p-value of "the events are spread over time independently", small where many follow each other closely.

    Counts how many events follow another within a tenth of the mean distance. Were they spread at random, each would
    with the probability `1 - C(n - d, k) / C(n, k)`, that a distance is at most d; the distances of one series being
    negatively dependent, a binomial tail errs on the safe side.

    A Ljung-Box test of the indicator asks the same, but with 5 to 20 events among 1,000 trials its chi-squared is a bad
    approximation: it calls up to 20 % of random ones dependent at p < 0.05 (`docs/results/detection.md`).

    Args:
        rounds: One indicator per process; no distance spans two of them.

    Returns:
        Between 0 and 1; 1 for fewer than three events.
    """
    distances, close, chances = 0, 0, 0.0
    for events in rounds:
        places = np.flatnonzero(events)
        if places.size < LEAST_EVENTS or places.size == events.size:
            continue
        near = _near(events.size, places.size)
        steps = np.diff(places)
        distances += steps.size
        close += int(np.count_nonzero(steps <= near))
        chances += steps.size * _chance_within(near, places.size, events.size)
    return float(bdtrc(close - 1, distances, chances / distances)) if close else 1.0


def _near(n: int, events: int) -> int:
    """A tenth of the mean distance between so many of n."""
    return max(1, round(NEAR * n / events))


def _chance_within(near: int, events: int, n: int) -> float:
    """Probability that a distance between neighbours among `events` random places of n is at most `near`."""
    if n - near < events:
        return 1.0
    logs = gammaln([n - near + 1, n - near - events + 1, n + 1, n - events + 1])
    return -float(np.expm1(logs[0] - logs[1] - logs[2] + logs[3]))


def period_of(rounds: Sequence[Indicator]) -> float | None:
    """Trials from one event to the next where they come regularly, `None` where nothing shows that they do.

    Events that follow another within a tenth of the mean distance are the same burst, which counts once. For every
    lag, the pairs of events that far apart (within 2 % of it) are counted: the autocorrelation of the indicator. The
    lag is a period where chance would hardly give so many pairs at any lag (p < 0.01, Bonferroni over the lags);
    chance is binomial, with the rate of events or that of the pairs at neighbouring lags, whichever is higher. Of a
    period and its multiples the period is the first.

    Args:
        rounds: One indicator per process. Of a long one the first 65,536 trials are looked at.
    """
    starts = [_burst_starts(events[:MOST_TRIALS]) for events in rounds]
    looked_at = [events for events in starts if np.count_nonzero(events) >= LEAST_EVENTS]
    most = max((events.size // LEAST_PERIODS for events in looked_at), default=0)
    if most < 2:  # noqa: PLR2004  (a period of 1 is no period)
        return None
    pairs, chances_for_a_pair, expected = np.zeros(most), np.zeros(most), np.zeros(most)
    lags = np.arange(1, most + 1)
    for events in looked_at:
        own = _pairs(events, most)
        tries = np.count_nonzero(events) * np.maximum(0.0, 1 - lags / events.size)
        pairs += own
        chances_for_a_pair += tries
        expected += tries * np.count_nonzero(events) / events.size
    return _first_period(pairs, chances_for_a_pair, expected)


def _burst_starts(events: Indicator) -> Indicator:
    """The events without those that follow another closely."""
    places = np.flatnonzero(events)
    starts = np.zeros(events.size, dtype=np.bool_)
    if places.size:
        alone = np.diff(places, prepend=-events.size) > _near(events.size, places.size)
        starts[places[alone]] = True
    return starts


def _pairs(events: Indicator, most: int) -> NDArray[np.float64]:
    """Pairs of events at each lag from 1 to `most`."""
    size = 1 << (events.size + most).bit_length()
    spectrum = np.fft.rfft(events.astype(np.float64), size)
    counts = np.fft.irfft(spectrum * spectrum.conj(), size)[1 : most + 1]
    return np.rint(counts)


def _first_period(
    pairs: NDArray[np.float64], tries: NDArray[np.float64], expected: NDArray[np.float64]
) -> float | None:
    lags = np.arange(1, pairs.size + 1)
    jitter = np.rint(JITTER * lags).astype(np.intp)
    found = _window_sums(pairs, lags - jitter, lags + jitter)
    around = _window_sums(pairs, lags - lags // 2, lags + lags // 2) / (2 * (lags // 2) + 1)
    width = 2 * jitter + 1
    rate = np.minimum(np.maximum(expected, around) / np.maximum(tries, 1), 1.0)
    p = bdtrc(np.maximum(found - 1, 0), np.rint(tries * width).astype(np.int64), rate)
    regular = (p * pairs.size < PERIOD_P) & (found > 0)
    later = np.flatnonzero(regular)
    if later.size == 0:
        return None
    run = later[: int(np.argmin(np.append(np.diff(later) == 1, False))) + 1]
    window = slice(max(0, int(run[0] - jitter[run[0]])), int(run[-1] + jitter[run[-1]]) + 1)
    return float(np.average(lags[window], weights=pairs[window]))


def _window_sums(pairs: NDArray[np.float64], first: NDArray[np.intp], last: NDArray[np.intp]) -> NDArray[np.float64]:
    """Pairs at the lags from `first` to `last`, both included, as far as they were counted."""
    below = np.concatenate([[0.0], np.cumsum(pairs)])
    sums: NDArray[np.float64] = below[np.minimum(last, pairs.size)] - below[np.maximum(first - 1, 0)]
    return sums
