"""The parent's side of sampling: start the process that reads instruments, and take over what they said.

Nothing here raises into a run, and nothing waits longer than its bounds: a sampler that dies or hangs is ended and
started again once, and what it could not say is missing with the reason.
"""

import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Self

import numpy as np

from stopwatt.devices import nvml
from stopwatt.energy import About, Scope, Trace
from stopwatt.meters import catalogue
from stopwatt.meters.life import Life
from stopwatt.meters.tracefile import Findings

START_S = 20.0
"""Bound for a fresh interpreter on a busy machine."""
LOOK_S = nvml.TIMEOUT_S
"""Bound for one meter that looks for its instruments."""
SILENT_S = 5.0
"""A sampler that has written nothing for so long hangs; it writes ten times a second."""
TICKS_S = 1.2
"""How long counters are watched for their ticks."""
_FEWEST_TICKS = 3
_LIVES = 2
_NS = 1_000_000_000


class Sampling:
    """Instruments of a device, read by a process of its own from now until `close`.

    Args:
        device: `cpu`, `cuda`, `cuda:1`; empty for all of the machine.
        energy: Whether energy counters are read.
        meters: Which to use; by default `catalogue.wanted()`.

    Attributes:
        about: The instruments.
        why: For each scope of the device without an instrument, the reason; after `tick_s` was asked for, also for a
            scope whose counters stand still.
        missing: For each meter without an instrument, the reason.

    Raises:
        UsageError: No such device name.
    """

    about: tuple[About, ...]
    why: Mapping[Scope, str]
    missing: Mapping[str, str]

    def __init__(self, device: str, *, energy: bool, meters: Sequence[str] | None = None) -> None:
        self._device, self._energy, self._meters = device, energy, meters
        self._pid = 0
        self._lives = 0
        self._tick_s: float | None = None
        self._gone = ""
        self._without: dict[str, str] = {}
        scopes = catalogue.scopes_of(device)
        self._life = self._begin()
        found = self._life.reader.findings if self._life else None
        found = found or Findings(why=dict.fromkeys(scopes, self._gone))
        self.about, self.why, self.missing = found.about, found.why, found.missing

    def __enter__(self) -> Self:
        """It is open already."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close it."""
        self.close()

    @property
    def pid(self) -> int:
        """The process that reads; 0 if there is none."""
        return self._life.pid if self._life else 0

    @property
    def tick_s(self) -> float:
        """Time between two changes of the slowest energy counter; 0 without one, or if none changes.

        The first time it is asked for, it waits until the counters have been watched for `TICKS_S`.
        """
        if self._tick_s is None:
            self._tick_s = self._look_at_ticks()
        return self._tick_s

    def follow(self, pid: int) -> None:
        """This process, with its threads and descendants, is what is measured from now on."""
        self._pid = pid
        if self._life is not None:
            self._life.follow(pid)

    def take(self, begin_ns: int, end_ns: int) -> tuple[Trace, ...]:
        """What each instrument said between two times; older rows are forgotten.

        Waits until everything up to the end is there, but no longer than until the sampler has been silent for
        `SILENT_S`. If it has died or hangs, `Trace.gone` says so, and it is started again (once).

        Args:
            begin_ns: On the monotonic clock (`measuring.clock`); never before that of an earlier call.
            end_ns: The same; nothing is waited for that lies in the future.
        """
        life = self._life
        if life is None:
            return self._whole((), self._gone)
        end_ns = min(end_ns, time.monotonic_ns())
        life.wait(lambda: life.reader.until_ns >= end_ns, SILENT_S)
        life.reader.forget_before(begin_ns)
        late = self._gone if self._lives > 1 and begin_ns < life.began_ns else ""
        traces = self._whole(life.reader.traces(end_ns, life.trouble or late), life.trouble or self._gone)
        if life.has_ended():
            self._gone = life.trouble
            self._life = self._begin_again(life)
        return traces

    def close(self) -> None:
        """End the sampler."""
        if self._life is not None:
            self._life.close()
            self._life, self._gone = None, "sampling was ended"

    def _whole(self, traces: Sequence[Trace], gone: str) -> tuple[Trace, ...]:
        """A trace of each instrument that was there in the beginning, an empty one of each that is not now."""
        found = {one.about.name: one for one in traces}
        empty = np.array([], dtype=np.int64)
        return tuple(found.get(about.name, Trace(about, empty, gone=gone)) for about in self.about)

    def _begin_again(self, life: Life) -> Life | None:
        life.close()
        return self._begin() if self._lives < _LIVES else None

    def _begin(self) -> Life | None:
        """A sampler that has found its instruments. A meter at which it hangs or dies is left out from then on."""
        self._lives += 1
        while True:
            try:
                life = Life(self._device, energy=self._energy, meters=self._meters, without=self._without)
            except OSError as error:
                self._gone = f"no process to read it can be started: {error}"
                return None
            if life.wait(lambda one=life: one.reader.looking or one.reader.findings, START_S):  # type: ignore[misc]  # bound
                life.wait(lambda one=life: one.reader.findings, LOOK_S)  # type: ignore[misc]  # bound at once
            if not life.trouble:
                if self._pid:
                    life.follow(self._pid)
                return life
            self._gone = life.trouble
            blamed = life.reader.looking
            life.close()
            if not blamed or blamed in self._without:
                return None
            self._without[blamed] = f"{catalogue.told(blamed)}: {self._gone}"

    def _look_at_ticks(self) -> float:
        life = self._life
        if life is None or not self._energy or all(about.scope is Scope.NONE for about in self.about):
            return 0.0
        life.wait(lambda: life.reader.first_ns, SILENT_S)
        enough = life.reader.first_ns + round(TICKS_S * _NS)
        life.wait(lambda: life.reader.until_ns >= enough, SILENT_S)
        counted = dict(zip(self.about, life.reader.counted(), strict=True))
        found = {about: _tick_s(one) for about, one in counted.items()}
        ticking = {about.scope for about, tick_s in found.items() if tick_s}
        still = {about.scope: _why_no_tick(about, one) for about, one in counted.items()}
        self.why = {**{scope: why for scope, why in still.items() if scope not in {Scope.NONE, *ticking}}, **self.why}
        return max(found.values())


def _tick_s(counted: Sequence[tuple[int, float]]) -> float:
    """Mean time between two changes of a counter; 0 where too few were seen."""
    changes = [later_ns for (_, before), (later_ns, after) in pairwise(counted) if after != before]
    return (changes[-1] - changes[0]) / (len(changes) - 1) / _NS if len(changes) >= _FEWEST_TICKS else 0.0


def _why_no_tick(about: About, counted: Sequence[tuple[int, float]]) -> str:
    if not counted:
        return f"{about.name} gave no reading of an energy counter"
    return f"the energy counter of {about.name} stands still"
