"""Where memory would be full: told where the memory of smaller batches supports it, and not where it does not."""

import numpy as np
import pytest

from stopwatt.stats.reach import FARTHEST, reach

MIB, GIB = 2.0**20, 2.0**30
BATCHES = 2.0 ** np.arange(7)
SAMPLE = 50 * MIB


def taken(noise=0.0, seed=0, fixed=500 * MIB, curve=1.0, sample=SAMPLE):
    return fixed + sample * BATCHES**curve + np.random.default_rng(seed).normal(0, noise, BATCHES.size)


def test_a_straight_line_is_followed_to_where_memory_is_full():
    found = reach(BATCHES, taken(), 8 * GIB)
    assert found.batch == int((8 * GIB - 500 * MIB) / SAMPLE) == 153
    assert found.low <= 153 <= found.high


def test_the_interval_holds_the_planted_limit():
    limit = int((8 * GIB - 500 * MIB) / SAMPLE)
    found = [reach(BATCHES, taken(10 * MIB, seed), 8 * GIB) for seed in range(300)]
    told = [one for one in found if one.batch is not None]
    assert len(told) > 0.9 * 300
    assert np.mean([one.low <= limit <= one.high for one in told]) >= 0.92


def test_the_interval_widens_with_the_distance():
    near, far = (reach(BATCHES, taken(5 * MIB), capacity) for capacity in (5 * GIB, 12 * GIB))
    assert (far.high - far.low) / far.batch > (near.high - near.low) / near.batch


@pytest.mark.parametrize(
    ("batches", "memory", "capacity", "why"),
    [
        (BATCHES[:3], taken()[:3], 8 * GIB, "needs 4 batch sizes (has 3)"),
        (BATCHES, np.full(7, 500 * MIB), 8 * GIB, "does not grow measurably"),
        (BATCHES, taken(curve=1.5), 8 * GIB, "no straight line"),
        (BATCHES, taken(), 2 * FARTHEST * 64 * SAMPLE, "beyond 8 times the largest batch"),
    ],
)
def test_what_is_not_supported_is_not_told(batches, memory, capacity, why):
    found = reach(batches, memory, capacity)
    assert (found.batch, found.low, found.high) == (None, None, None)
    assert why in found.why


def test_memory_that_varies_too_much_gives_no_number():
    memory = taken(40 * MIB, seed=1, fixed=4000 * MIB, sample=4 * MIB)
    assert reach(BATCHES, memory, 5.5 * GIB).why == "memory per sample is not known well enough"
