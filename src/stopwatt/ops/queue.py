"""What is still to be measured, and how much of it one job takes."""

import random
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from stopwatt.operators.operator import Operator
from stopwatt.operators.replay import Mode

JOB_S = 4.0
"""What a job of operators is to last: an interrupt or a crash costs as much at most, a sentinel has a share of it."""
FIRST = 4
MOST = 64
"""Operators of a job before anything is known of their times, and at most."""


class Order(StrEnum):
    """In which order operators are measured."""

    RANDOM = "random"  # what drifts weighs on all alike; under a budget the sample is a fair one
    GIVEN = "given"  # what comes first counts most


@dataclass(frozen=True, slots=True)
class Task:
    """An operator and the memory modes that are asked of it."""

    operator: Operator
    modes: tuple[Mode, ...]

    @property
    def series(self) -> int:
        """One for each mode."""
        return len(self.modes)


class Queue:
    """Tasks in their order, and what they take on average.

    Args:
        tasks: In the order in which they are measured.
        alone: Whether each series has a job of its own, as energy needs it.
    """

    def __init__(self, tasks: Sequence[Task], *, alone: bool = False) -> None:
        self._tasks = deque(_apart(tasks) if alone else tasks)
        self._alone = alone
        self._seconds = 0.0
        self._done = 0

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def series(self) -> int:
        """Series that are left."""
        return sum(task.series for task in self._tasks)

    @property
    def left_s(self) -> float:
        """Seconds for what is left; 0 before anything is known."""
        return self.series * self._mean_s

    def learn(self, seconds: float, series: int) -> None:
        """A job of so many series took so long."""
        self._seconds += seconds
        self._done += series

    def take(self) -> tuple[Task, ...]:
        """The next job: tasks of the same modes, as many as fit into its time."""
        first = self._tasks.popleft()
        taken = [first]
        most = 1 if self._alone else self._most(first.series)
        while self._tasks and len(taken) < most and self._tasks[0].modes == first.modes:
            taken.append(self._tasks.popleft())
        return tuple(taken)

    def expected_s(self) -> float:
        """What the next job will take; 0 before anything is known."""
        if not self._tasks:
            return 0.0
        first = self._tasks[0].series
        return self._mean_s * min(self.series, first * (1 if self._alone else self._most(first)))

    def put_back(self, tasks: Sequence[Task]) -> None:
        """These come next, in their order."""
        self._tasks.extendleft(reversed(tasks))

    @property
    def _mean_s(self) -> float:
        return self._seconds / self._done if self._done else 0.0

    def _most(self, series: int) -> int:
        return max(1, min(MOST, int(JOB_S / (self._mean_s * series)))) if self._mean_s else FIRST


def tasks_of(
    operators: Sequence[Operator],
    modes: Sequence[Mode],
    known: Collection[tuple[str, Mode]],
    *,
    order: Order = Order.RANDOM,
    seed: int = 0,
) -> list[Task]:
    """What is missing of some operators, each once.

    Args:
        operators: Of any number of models; equal ones are measured once.
        modes: Memory modes, each measured by itself.
        known: Keys and modes that need not be measured again.
        order: Of the tasks.
        seed: Of a random order.
    """
    distinct = {operator.key: operator for operator in operators}
    missing = ((one, tuple(mode for mode in modes if (key, mode) not in known)) for key, one in distinct.items())
    tasks = [Task(operator, wanted) for operator, wanted in missing if wanted]
    if order is Order.RANDOM:
        random.Random(seed).shuffle(tasks)  # noqa: S311  (an order, not a secret)
    return tasks


def _apart(tasks: Sequence[Task]) -> list[Task]:
    return [Task(task.operator, (mode,)) for task in tasks for mode in task.modes]
