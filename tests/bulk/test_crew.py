"""Processes of a run are not taken for each other."""

import fcntl
import os

import pytest

from stopwatt.bulk.pipeline import crew
from stopwatt.bulk.pipeline.crew import Crew, Died
from stopwatt.measuring.job import Answer
from stopwatt.records import Status


class Child:
    """Of which both descriptors are at their end, if it is dead; nothing comes from one that lives."""

    pid = 1

    def __init__(self, connection, output, *, dead):
        self.connection, self.descriptor, self.output, self.dead = self, connection, output, dead
        for wanted in (connection, output):
            reading, writing = os.pipe()
            os.dup2(reading, wanted)
            os.close(reading)
            self.other_ends = [*getattr(self, "other_ends", ()), writing]
        if dead:
            self._close(self.other_ends)

    def fileno(self):
        return self.descriptor

    def recv(self):
        assert self.dead, "nothing has come from it: this would wait"
        raise EOFError

    def listen(self):
        return False

    def ended(self, *, wait_s):
        self._close([self.descriptor, self.output])
        return Answer(Status.KILLED)

    def last_words(self):
        return ""

    def has_left(self, _):
        if not self.dead:
            self._close(self.other_ends)
        self.dead = True
        return True

    def send(self, message):
        """Nobody reads it."""

    close = kill = lambda self: None

    @staticmethod
    def _close(descriptors):
        for one in descriptors:
            os.close(one)


@pytest.fixture
def free():
    """A number from which on descriptors are free."""
    reading, writing = os.pipe()
    found = fcntl.fcntl(reading, fcntl.F_DUPFD, 300)
    for one in (reading, writing, found):
        os.close(one)
    return found


def test_a_new_process_with_the_descriptors_of_a_dead_one_is_not_asked_for_what_that_one_said(free, monkeypatch):
    children = [Child(free + 1, free, dead=True)]
    monkeypatch.setattr(crew, "Child", lambda *_: children.pop())
    with Crew() as processes:
        select = processes._selector.select
        processes._selector.select = lambda wait_s: sorted(select(wait_s), key=lambda one: -one[0].fd)
        dead = processes.hire(crew.DECODER, 1, (0,), None)
        news = processes.news(1.0)
        member, died = next(news)
        assert (member, type(died)) == (dead, Died)
        children.append(Child(free, free + 2, dead=False))
        new = processes.hire(crew.DECODER, 1, (0,), None)
        assert list(news) == []
        assert processes.members == [new]
