"""Where ways are tried: one model on one device, with everything that a way may want done to it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stopwatt.backends.catalogue import get
from stopwatt.backends.torch_runner import threads
from stopwatt.measuring.clock import now_ns
from stopwatt.measuring.load import background_load
from stopwatt.measuring.subject import Subject, assemble
from stopwatt.measuring.trials import Call, pause, quiet_interpreter
from stopwatt.records import Boundary, Setup
from stopwatt.ways import Cache, Collector, Copies, Inputs, Load, Waiting, Way

LOAD_STARTS_S = 0.1
"""From the word to begin until the processes of a load have had their first turn on cores that are in use; a series of
short calls would be over by then. The host does not sleep meanwhile: who wakes up is preferred for a while."""


class Unmeasurable(Exception):  # noqa: N818  (a fact about the machine, not an error of the program)
    """This way cannot be measured here; the message says why."""


@dataclass(slots=True)
class Stand:
    """A subject in all the forms that ways need.

    Attributes:
        subject: As an ordinary round times it.
        setup: What runs.
    """

    subject: Subject
    setup: Setup
    _forms: dict[tuple[Copies, Inputs], Subject] = field(default_factory=dict)

    def subject_of(self, way: Way) -> Subject:
        """The subject with the way's inputs, and with copies where the way has them. Made once."""
        form = (way.copies, way.inputs)
        if form == (Copies.OUTSIDE, Inputs.ROTATING):
            return self.subject
        if form not in self._forms:
            boundary = Boundary.HOST if way.copies is Copies.INSIDE else Boundary.DEVICE
            arrays = _arrays(self.subject, way.inputs)
            self._forms[form] = assemble(self.subject.runner, self.subject.device, arrays, boundary)
        return self._forms[form]

    def call_of(self, way: Way) -> Call:
        """What stands between two readings of the clock."""
        subject = self.subject_of(way)
        return subject.timed if way.sync is Waiting.EACH else subject.submit

    def before(self, way: Way) -> Callable[[], None] | None:
        """What is done before each call, outside its timing.

        A cache is emptied by the device itself; the host waits for that, or it would be timed with the call.
        """
        device, sleep = self.subject.device, pause(way.idle_s)
        if way.cache is Cache.HOT:
            return sleep

        def flush() -> None:
            if sleep is not None:
                sleep()
            device.flush_cache()
            device.synchronize()

        return flush

    def between_s(self, way: Way) -> float:
        """About how long what is done before each call takes."""
        if way.cache is Cache.HOT:
            return way.idle_s
        device = self.subject.device
        device.flush_cache()  # the first one makes the buffer
        begin = now_ns()
        device.flush_cache()
        device.synchronize()
        return way.idle_s + (now_ns() - begin) / 1e9

    @contextmanager
    def surroundings(self, way: Way) -> Iterator[None]:
        """Threads and background load of the way, for the length of a series.

        Raises:
            Unmeasurable: The runtime fixes its threads when it loads.
        """
        with ExitStack() as stack:
            if way.threads and way.threads != self.setup.threads:
                if not getattr(get(self.setup.backend), "adjusts_threads", False):
                    raise Unmeasurable(f"{self.setup.backend} fixes its threads when it loads the model")
                stack.enter_context(threads(way.threads))
            if way.load is not Load.NONE:
                stack.enter_context(background_load(way.load)).begin()
                _stay_busy(LOAD_STARTS_S)
            yield

    def rotation(self, way: Way) -> Sequence[Any]:
        """Staged inputs that take turns."""
        return self.subject_of(way).sets


def interpreter_of(way: Way) -> Callable[[], AbstractContextManager[None]]:
    """What the interpreter may do during the calls."""
    return quiet_interpreter if way.gc is Collector.FROZEN else nullcontext


def _stay_busy(seconds: float) -> None:
    end = now_ns() + int(seconds * 1e9)
    while now_ns() < end:
        pass


def _arrays(subject: Subject, inputs: Inputs) -> Sequence[Any]:
    if inputs is Inputs.ROTATING:
        return subject.arrays
    first = subject.arrays[0]
    return [first if inputs is Inputs.ONE else tuple(np.zeros_like(array) for array in first)]
