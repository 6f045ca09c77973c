"""Who looks on while a run goes on: ceilings before it, better layouts in its first minute, what held it back."""

from dataclasses import replace

from stopwatt.bulk.asked import Asked
from stopwatt.bulk.judging.ceilings import measure_ceilings
from stopwatt.bulk.judging.diagnosis import diagnose, enough
from stopwatt.bulk.judging.limits import Limits
from stopwatt.bulk.judging.ticks import Counts, Ticker, Watching
from stopwatt.bulk.judging.tuning import Climb, from_ceilings
from stopwatt.bulk.judging.verdicts import NONE
from stopwatt.bulk.pipeline.room import cores_allowed, memory_left, memory_of
from stopwatt.bulk.pipeline.stand import Stand
from stopwatt.bulk.records import Bottleneck, Ceilings, Layout, Tick

FEW = 200
"""Images; a run of fewer takes less time than the ceilings."""
NAMES = ("model", "decode", "storage")
NO_CEILINGS = Ceilings(None, None, None, why=dict.fromkeys(NAMES, "not measured"))
NOTHING_DONE = Bottleneck(NONE, "nothing was left to do")


class Oversight:
    """Overseer of one part of a run.

    Args:
        asked: The request.
        ticker: Makes ticks of what it is told.
        watching: A person.
        left: Images that are not done.

    Attributes:
        ceilings: As far as they were measured.
    """

    def __init__(self, asked: Asked, ticker: Ticker, watching: Watching, left: int) -> None:
        self._asked = asked
        self._ticker = ticker
        self._watching = watching
        self._left = left
        self._cores = cores_allowed()
        self._climb: Climb | None = None
        self._before: tuple[tuple[Tick, ...], Layout] | None = None
        self._through = 0
        self._stand: Stand | None = None
        self._decoder_bytes = self._worker_bytes = 0
        self.ceilings = NO_CEILINGS

    def observe(self, counts: Counts) -> None:
        """Into the ticks."""
        self._through = counts.done + counts.failed
        self._ticker.observe(counts)

    def say(self, sentence: str) -> None:
        """To the person."""
        self._watching.say(sentence)

    def settle(self) -> None:
        """What was seen before counts no more."""
        self._ticker.settle()

    def prepare(self, stand: Stand) -> Layout | None:
        """Measure the ceilings, and lay the run out by them. The first image is handed out behind it."""
        self._stand = stand
        try:
            return self._prepared(stand)
        finally:
            self._ticker.begin()

    def _prepared(self, stand: Stand) -> Layout | None:
        if not self._asked.ceilings or self._left < FEW:
            why = "not asked for" if not self._asked.ceilings else f"fewer than {FEW} images are left"
            self.ceilings = Ceilings(None, None, None, why=dict.fromkeys(NAMES, why))
            return None
        self._watching.say("measuring what model, decoding and storage do at most")
        self.ceilings = measure_ceilings(stand)
        step = from_ceilings(stand.layout, self.ceilings, self._limits(1 << 30)) if self._asked.auto else None
        if step is None:
            return None
        self._watching.say(step.sentence)
        return step.layout

    def advise(self, layout: Layout, longest: int) -> Layout | None:
        """One more step of the climb."""
        if not self._asked.auto:
            return None
        if self._climb is None:
            self._climb = Climb(layout, self.ceilings, self._limits(longest))
        if self._climb.finished:
            return None
        self._climb.limits = self._limits(longest)
        if self._climb.layout != layout:
            self._climb.undo(layout)
        settled = self._ticker.settled
        for step in self._climb.look(settled, self._left - self._through):
            self._watching.say(step.sentence)
        if self._climb.layout == layout:
            return None
        self._before = settled, layout
        return self._climb.layout

    def diagnosis(self, layout: Layout) -> Bottleneck:
        """What held the run back; where a last change came too late to say, what did before it."""
        now = self._ticker.settled
        if self._before is not None and not enough(now, layout):
            before = diagnose(*self._before, self.ceilings, self._cores)
            return replace(before, sentence=f"before the last change of the layout, {before.sentence}")
        return diagnose(now, layout, self.ceilings, self._cores)

    def _limits(self, longest: int) -> Limits:
        asked = self._asked
        given = {"decoders": asked.decoders, "workers": asked.workers, "queue": asked.queue is not None}
        fixed = frozenset(name for name, value in given.items() if value)
        self._weigh()
        return Limits(self._cores, memory_left(), self._decoder_bytes, self._worker_bytes, longest, fixed)

    def _weigh(self) -> None:
        """What one more process would take is what the largest of its kind has taken so far."""
        if self._stand is not None:
            decoders, lanes = (
                [member.child.pid for member in members.values()]
                for members in (self._stand.decoders, self._stand.lanes)
            )
            self._decoder_bytes = max(self._decoder_bytes, memory_of(decoders))
            self._worker_bytes = max(self._worker_bytes, memory_of(lanes))
