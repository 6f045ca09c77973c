"""Operators that take turns."""

from types import SimpleNamespace

from stopwatt.measuring.operators.company import ROUNDS, TABLE, submissions_in_turn


class Spy:
    """A player that writes down when it plays."""

    def __init__(self, name, seen):
        self.name, self.seen = name, seen
        self.ready = False

    def prepare(self, calls):
        assert calls == 1
        self.ready = True

    def play(self):
        assert self.ready, "a call that was not made ready"
        self.ready = False
        self.seen.append(self.name)


def turns(count):
    seen, waits = [], []
    device = SimpleNamespace(synchronize=lambda: waits.append(len(seen)))
    found = submissions_in_turn([Spy(number, seen) for number in range(count)], device)
    return found, seen, waits


def test_operators_are_submitted_in_turn_and_each_by_itself_is_timed():
    found, seen, waits = turns(3)
    assert seen == [0, 1, 2] * (ROUNDS + 1)
    assert [one.size for one in found] == [ROUNDS] * 3
    assert all((one >= 0).all() for one in found)
    assert waits == [3 * turn for turn in range(1, ROUNDS + 2)]


def test_of_many_operators_as_many_take_turns_as_come_between_two_calls_of_one_in_a_model():
    found, seen, _ = turns(3 * TABLE + 1)
    assert len(found) == 3 * TABLE + 1
    first = seen[: seen.index(0, 1)]
    assert TABLE - 2 <= len(first) <= TABLE + 2
    assert sorted(set(seen)) == list(range(3 * TABLE + 1))
    assert seen.index(3 * TABLE) > (ROUNDS + 1) * 2 * TABLE, "one table after another"
