"""How long the last-level cache keeps what it was given."""

import itertools

from stopwatt.devices import retention as module
from stopwatt.devices.retention import PAUSES_S, retention


def times(monkeypatch, taken):
    """Readings that take what is planted: at once, after other memory, and after each pause, five times each."""
    monkeypatch.setattr(module, "core_cache", lambda: 2**12)
    monkeypatch.setattr(module, "largest_cache", lambda: 2**18)
    planted = itertools.chain.from_iterable([one] * 5 for one in taken)
    monkeypatch.setattr(module, "_read", lambda _: next(planted))
    monkeypatch.setattr(module, "PAUSES_S", tuple(0.0 for _ in PAUSES_S))


def test_shares_follow_from_times_between_those_of_the_cache_and_of_memory(monkeypatch):
    times(monkeypatch, [10, 30, 10, 15, 25, 30])
    assert [share for _, share in retention()] == [1.0, 1.0, 0.75, 0.25, 0.0]


def test_what_was_lost_does_not_come_back(monkeypatch):
    times(monkeypatch, [10, 30, 20, 10, 40, 25])
    assert [share for _, share in retention()] == [1.0, 0.5, 0.5, 0.0, 0.0]


def test_a_cache_that_is_no_faster_than_memory_says_nothing(monkeypatch):
    times(monkeypatch, [30, 30])
    assert retention() == ()


def test_caches_that_cannot_be_told_apart_say_nothing(monkeypatch):
    monkeypatch.setattr(module, "core_cache", lambda: 2**20)
    monkeypatch.setattr(module, "largest_cache", lambda: 2**21)
    assert retention() == ()


def test_this_machine_answers_with_falling_shares_or_not_at_all():
    found = retention()
    assert not found or found[0] == (0.0, 1.0)
    assert [share for _, share in found] == sorted((share for _, share in found), reverse=True)
