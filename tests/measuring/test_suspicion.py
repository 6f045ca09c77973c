from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest

from stopwatt.measuring import suspicion
from stopwatt.measuring.bundle import unseen
from stopwatt.measuring.suspicion import cached_results, is_lazy

ARRAYS = [(np.random.default_rng(seed).normal(size=(2, 50)),) for seed in range(4)]


@pytest.fixture
def busy(monkeypatch):
    """A call that takes 300 us, and no time beside, on a clock that nothing else moves."""
    clock = SimpleNamespace(ns=10**15)
    monkeypatch.setattr(suspicion, "now_ns", lambda: clock.ns)

    def work(_inputs):
        clock.ns += 300_000

    return work


def test_a_memory_of_results_is_found(busy):
    @cache
    def look_up(key):
        busy(key)

    def call(inputs):
        look_up(inputs[0].tobytes())

    for arrays in ARRAYS:
        call(arrays)
    note = cached_results(call, tuple, ARRAYS, ARRAYS)
    assert note is not None
    assert note.kind == "cached-results"


def test_an_honest_call_is_not_suspected(busy):
    assert cached_results(busy, tuple, ARRAYS, ARRAYS) is None


def test_a_call_without_inputs_cannot_be_suspected(busy):
    assert cached_results(busy, tuple, [()], [()]) is None


def test_unseen_inputs_have_the_same_values_in_another_order():
    for turn in range(3):
        (fresh,) = unseen(ARRAYS[0], turn)
        assert fresh.shape == ARRAYS[0][0].shape
        assert sorted(fresh.ravel()) == sorted(ARRAYS[0][0].ravel())
        assert not np.array_equal(fresh, ARRAYS[0][0])


@pytest.mark.parametrize("value", [None, 1, 1.5, "x", np.ones(2), (np.ones(1), [2.0]), {"a": np.float32(1)}])
def test_values_are_not_lazy(value):
    assert not is_lazy(value)


def test_promises_are_lazy():
    class Promise:
        pass

    assert is_lazy(Promise())
    assert is_lazy((np.ones(1), Promise()))
    assert is_lazy(x for x in range(3))
