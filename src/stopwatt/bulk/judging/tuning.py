"""`--auto`: from what was measured to a layout, and from there uphill in the first minute, every step a sentence. Pure.

    ceilings -> from_ceilings -> the run begins -> Climb.look, look, ... -> a change -> kept, or taken back -> ...

What holds the run back (`diagnosis`) says what to try next, and nothing is tried that its bounds call worth nothing.
What did not bring `LEAST_GAIN` is taken back and not tried again, so the climb ends; a minute ends it at the latest.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from stopwatt.bulk.judging.bounds import WORTH, Bounds, at_most
from stopwatt.bulk.judging.diagnosis import diagnose
from stopwatt.bulk.judging.limits import Limits
from stopwatt.bulk.judging.stations import Seen, seen
from stopwatt.bulk.judging.verdicts import NONE
from stopwatt.bulk.records import Ceilings, Layout, Tick
from stopwatt.text import counted
from stopwatt.units import quantity, ratio

MINUTE_S = 60.0
LOOK_S = 5.0
"""A layout is judged by at least so long, and by `_LEAST_IMAGES`."""
LEAST_GAIN = 1.03
_LEAST_IMAGES = 40
_WORTHWHILE_S = 20.0
"""A run that is over sooner is over before a change is judged."""
_SPARE = 1.15
"""Decoders are laid out for so many times what the model takes: their times vary."""


@dataclass(frozen=True, slots=True)
class Step:
    """A layout to change to, and why."""

    layout: Layout
    sentence: str


def from_ceilings(layout: Layout, ceilings: Ceilings, limits: Limits) -> Step | None:
    """As many decoders as the model alone can take images from; `None` where the layout may stay.

    Args:
        layout: With which the ceilings were measured.
        ceilings: What it does at most.
        limits: To be kept.
    """
    if not (layout.queue and ceilings.decode and ceilings.model) or "decoders" in limits.fixed:
        return None
    wanted = min(rate for rate in (ceilings.model, ceilings.together, ceilings.storage) if rate is not None)
    each = ceilings.decode / layout.decoders
    enough = max(1, math.ceil(_SPARE * wanted / each))
    most = max(1, math.ceil(limits.cores), layout.decoders)
    decoders = min(enough, most, layout.decoders + limits.room_for(limits.decoder_bytes))
    if decoders == layout.decoders:
        return None
    can, takes = quantity(each, "1"), quantity(wanted, "1")
    why = f"each decodes {can} images/s, and no more than {takes} a second can be used"
    return Step(replace(layout, decoders=decoders), f"auto: {_change('decoder', layout.decoders, decoders)}: {why}")


@dataclass(slots=True)
class _Trial:
    """A change that is being judged."""

    before: Layout
    rate: float


class Climb:
    """Tries one change after another.

    Args:
        layout: To begin with.
        ceilings: Of the machine, as far as measured.
        limits: To be kept.

    Attributes:
        layout: As it is now.
        limits: As they are now: memory becomes less with every process.
        finished: Whether nothing more will be tried.
    """

    def __init__(self, layout: Layout, ceilings: Ceilings, limits: Limits) -> None:
        self.layout = layout
        self.finished = False
        self.limits = limits
        self._ceilings = ceilings
        self._trial: _Trial | None = None
        self._refused: set[Layout] = set()
        self._begin_ns: int | None = None

    def look(self, ticks: Sequence[Tick], left: int = 1 << 60) -> tuple[Step, ...]:
        """Judge the layout.

        Args:
            ticks: Since the layout changed last.
            left: Images that are still to be done.

        Returns:
            What to say, and the layout to have from now on, in the last of them; nothing as long as it is too early.
        """
        if self.finished or not ticks:
            return ()
        self._begin_ns = ticks[0].at_ns if self._begin_ns is None else self._begin_ns
        late = (ticks[-1].at_ns - self._begin_ns) / 1e9 > MINUTE_S
        found = seen(ticks, self.layout)
        if found is None or found.seconds < LOOK_S or found.images < _LEAST_IMAGES:
            return self._end("auto: a minute is over") if late and self._trial is None else ()
        ending = "a minute is over" if late else ""
        if left < _WORTHWHILE_S * found.rate:
            ending = "what is left is not worth another change"
        return tuple(self._steps(found, ticks, ending))

    def undo(self, layout: Layout) -> None:
        """What was tried last could not be done; it is not tried again.

        Args:
            layout: As it is in truth.
        """
        self._refused.add(self.layout)
        self.layout, self._trial = layout, None

    def _steps(self, found: Seen, ticks: Sequence[Tick], ending: str) -> Iterator[Step]:
        taken_back = False
        if self._trial is not None:
            verdict = self._judge(found, self._trial)
            taken_back = verdict.layout != self.layout
            self.layout, self._trial = verdict.layout, None
            yield verdict
        if ending:
            yield from self._end(f"auto: {ending}")
        elif not taken_back:  # what was seen belongs to another layout
            yield from self._next(found, ticks)

    def _judge(self, found: Seen, trial: _Trial) -> Step:
        times = found.rate / trial.rate
        now = f"{quantity(found.rate, '1')} images/s, {ratio(times)}"
        if times >= LEAST_GAIN:
            return Step(self.layout, f"auto: kept: {now}")
        self._refused.add(self.layout)
        return Step(trial.before, f"auto: taken back: {now}")

    def _next(self, found: Seen, ticks: Sequence[Tick]) -> Iterator[Step]:
        bounds = Bounds(found, self.layout, self._ceilings, self.limits.cores)
        name = diagnose(ticks, self.layout, self._ceilings, self.limits.cores).name
        for layout, what, times in self._ideas(name, found, bounds):
            if times >= WORTH and layout != self.layout and layout not in self._refused:
                self._trial, self.layout = _Trial(self.layout, found.rate), layout
                yield Step(layout, f"auto: {what}: worth up to {at_most(times)}")
                return
        yield from self._end(f"auto: nothing more to try at {quantity(found.rate, '1')} images/s")

    def _ideas(self, name: str, found: Seen, bounds: Bounds) -> Iterator[tuple[Layout, str, float]]:
        """Layouts, what is different in them, and how many times the rate they are worth at most."""
        layout = self.layout
        decoders, workers = self._more_decoders(bounds), self._more_workers()
        more = {"decode": 1 + decoders / max(layout.decoders, 1), "model": 1 + workers / layout.workers}
        wider = replace(layout, decoders=layout.decoders + decoders)
        larger = _with_workers(layout, workers)
        said = {
            "decode": _change("decoder", layout.decoders, wider.decoders),
            "model": _change("worker", layout.workers, larger.workers),
        }
        if name in {"decode", "storage"}:
            yield wider, said["decode"], bounds.worth(decode=more["decode"]).times
        if name == "model":
            yield larger, said["model"], bounds.worth(model=more["model"]).times
        if name == NONE and decoders and workers and self.limits.hold(decoders, workers):
            both = _with_workers(wider, workers)
            yield both, f"{said['decode']} and {said['model']}", bounds.worth(**more).times
        longer = min(2 * layout.queue, self.limits.slots)
        if longer > layout.queue and "queue" not in self.limits.fixed:
            times = min(1 / max(one.busy for one in found.stations), bounds.worth().times)
            yield replace(layout, queue=longer), f"queue {layout.queue:,} -> {longer:,}", times

    def _more_decoders(self, bounds: Bounds) -> int:
        if not self.layout.queue or "decoders" in self.limits.fixed:
            return 0
        needed = bounds.needed("decode", self.layout.decoders)
        return min(needed, self.layout.decoders, self.limits.room_for(self.limits.decoder_bytes))

    def _more_workers(self) -> int:
        return 0 if "workers" in self.limits.fixed else min(1, self.limits.room_for(self.limits.worker_bytes))

    def _end(self, sentence: str) -> tuple[Step, ...]:
        self.finished = True
        return (Step(self.layout, sentence),)


def _change(what: str, before: int, now: int) -> str:
    """`2 -> 4 decoders`."""
    return f"{before} -> {counted(now, what)}"


def _with_workers(layout: Layout, more: int) -> Layout:
    """With so many more workers, each on the device that has the fewest."""
    devices = list(layout.devices)
    different = dict.fromkeys(devices)
    for _ in range(more):
        devices.append(min(different, key=devices.count))
    return replace(layout, workers=layout.workers + more, devices=tuple(devices))
