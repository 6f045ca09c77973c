"""Trying batches before a run begins: its workers, one batch after another, with images that are always at hand.

Each batch has processes of its own, as many as the run will have, so that what is measured is what the run will do, and
what a batch takes too much of ends with them.
"""

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic

import numpy as np

from stopwatt.bulk.judging.batches import Tried, best, candidates, sentence, why_not
from stopwatt.bulk.judging.reading import within
from stopwatt.bulk.judging.saturation import Inference, Lost, Turns, work_a_turn
from stopwatt.bulk.judging.ticks import Watching
from stopwatt.bulk.keeping.identity import Chosen, threaded
from stopwatt.bulk.pipeline.crew import Crew, Died
from stopwatt.bulk.pipeline.decoder import Decoder
from stopwatt.bulk.pipeline.groups import Attach, Ready, Refused
from stopwatt.bulk.pipeline.job import lanes_of
from stopwatt.bulk.pipeline.orders import Decoded, order_of
from stopwatt.bulk.pipeline.room import cores_allowed, memory_left, memory_of
from stopwatt.bulk.pipeline.slots import Slots
from stopwatt.bulk.pipeline.staff import Staff
from stopwatt.bulk.pipeline.stand import Stand
from stopwatt.bulk.records import Layout
from stopwatt.errors import EnvironmentUnfit
from stopwatt.images.items import Items
from stopwatt.serving.contract import Contract, Placement, Preprocess

LONGEST_S = 60.0
"""After which no further batch is tried."""
TURNS, TURN_S = 3, 0.5
_SAMPLE = 8
_READ_S = 10.0
_LOOK_S = 0.5


def probed_batch(chosen: Chosen, layout: Layout, items: Items, watching: Watching, timeout_s: float) -> int:
    """Try batches, and say which is best and why.

    Args:
        chosen: The model.
        layout: Of the run, with the batch that it has where nothing can be tried.
        items: The images.
        watching: Told what was found.
        timeout_s: That loading a model may take.
    """
    wanted = candidates(chosen.batches, len(items) // max(layout.workers, len(layout.devices)))
    probe = _Probe(chosen, layout, items, timeout_s)
    tried: list[Tried] = []
    why = "the pack has no larger one" if chosen.batches else "larger ones are not tried"
    begin, left = monotonic(), memory_left()
    watching.say(f"auto: trying batches of the model alone, from {wanted[0]} to {wanted[-1]} at most")
    for batch in wanted:
        if tried and (reason := _reason(tried, batch, layout.workers, left, monotonic() - begin)):
            why = reason
            break
        found = probe.tried(batch)
        if isinstance(found, str):
            why = f"{batch} cannot be used: {found}"
            break
        tried.append(found)
    if not tried:
        watching.say(f"auto: batch {layout.batch}: none could be tried: {why}")
        return layout.batch
    watching.say(sentence(tried, why))
    return best(tried).batch


def _reason(tried: Sequence[Tried], batch: int, workers: int, left: int | None, seconds: float) -> str:
    if seconds > LONGEST_S:
        return f"after {LONGEST_S:g} s nothing further was tried"
    return why_not(tried, batch, workers, left)


@dataclass(frozen=True, slots=True)
class _Probe:
    """What to try with.

    Attributes:
        chosen: The model.
        layout: Of the run.
        items: The images.
        timeout_s: That loading may take.
    """

    chosen: Chosen
    layout: Layout
    items: Items
    timeout_s: float

    def tried(self, batch: int) -> Tried | str:
        """What the models do with a batch; or why they do nothing."""
        load = threaded(self.chosen.load, self.layout.threads)
        load = replace(load, setup=replace(load.setup, batch=batch))
        with Crew() as crew:
            staff = Staff(crew, load, self.layout.threads)
            try:
                ready = self._loaded(crew, staff)
                if ready.batch != batch:
                    return f"the model takes batches of {ready.batch} only"
                return self._measured(crew, staff, batch, ready.contract)
            except (Lost, EnvironmentUnfit) as error:
                return str(error)

    def _loaded(self, crew: Crew, staff: Staff) -> Ready:
        """Wait for all models.

        Raises:
            Lost: One of them cannot be loaded.
        """
        for devices in lanes_of(self.layout):
            staff.hire_worker(devices)
        begin = monotonic()
        ready: list[Ready] = []
        while staff.loading:
            for member, message in crew.news(_LOOK_S):
                if isinstance(message, Died | Refused):
                    raise Lost(message.why if isinstance(message, Died) else message.what)
                member.ready += 1
                ready.append(message)
            if monotonic() - begin > self.timeout_s:
                raise Lost(f"it was not loaded within {self.timeout_s:g} s")
        return ready[0]

    def _measured(self, crew: Crew, staff: Staff, batch: int, contract: Contract) -> Tried | str:
        """Let them work.

        Raises:
            Lost: A process died.
            EnvironmentUnfit: There is no memory for images.
        """
        preprocess = contract.preprocess
        slots = Slots.create(_SAMPLE, preprocess.height, preprocess.width)
        try:
            filled = self._filled(slots, preprocess)
            for member in staff.workers:
                member.child.send(Attach(slots.name))
            layout = replace(self.layout, batch=batch)
            stand = Stand(
                crew, {}, staff.lanes, slots, self.items, layout, cores_allowed(), lambda _member, _died: None,
                lambda: False,
            )  # fmt: skip
            work, turns = Inference(stand, filled), Turns()
            for _ in range(TURNS):
                work_a_turn(stand, work, turns, TURN_S)
            if not turns.rates:
                return "it fails on all images"
            return Tried(batch, tuple(turns.rates), memory_of(member.child.pid for member in staff.workers))
        finally:
            slots.close()

    def _filled(self, slots: Slots, preprocess: Preprocess) -> dict[int, tuple[int, Placement]]:
        """Images of the run, each in a slot: its number and placement; noise where none is read quickly."""
        decoder = Decoder(preprocess, slots)
        numbers = random.Random(0).sample(range(len(self.items)), min(len(self.items), len(slots)))  # noqa: S311  (no secret)
        asked = [order_of(self.items[number], slot) for slot, number in enumerate(numbers)]
        answers: list[Decoded] = []
        with suppress(TimeoutError):
            answers = within(_READ_S, lambda: [decoder.decode(order) for order in asked])
        good = {one.slot: (one.number, one.placement) for one in answers if one.placement is not None}
        if good:
            return good
        slots.pixels(0)[:] = np.random.default_rng(0).integers(0, 256, slots.pixels(0).shape, np.uint8)
        return {0: (0, Placement(preprocess.width, preprocess.height))}
