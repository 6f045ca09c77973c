"""The one thread that knows who has what: it passes numbers on, and notices deaths.

It waits on the pipes of all processes at once. What it is told goes into the schedule, what the schedule says goes to
the processes, and the lines that come back go to the recorder; pixels never pass through here. Messages hold several
images where images are small, so that an image costs it some microseconds.
"""

import os
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from stopwatt.bulk import lines, orders
from stopwatt.bulk.ceilings import Stand
from stopwatt.bulk.crew import DECODER, WORKER, Crew, Died, Member
from stopwatt.bulk.groups import Answer, Attach, Begin, Group, Ready, Refused, Row
from stopwatt.bulk.items import Items
from stopwatt.bulk.layout import fitting, spare_slots
from stopwatt.bulk.recorder import Recorder
from stopwatt.bulk.records import Failed, Layout, Stage, Trouble
from stopwatt.bulk.room import cores_allowed
from stopwatt.bulk.schedule import NO_SLOT, Decode, Infer, Pairs, Schedule, Todo
from stopwatt.bulk.serve import Load
from stopwatt.bulk.slots import Slots
from stopwatt.bulk.ticks import Counts
from stopwatt.errors import ExitCode, StopwattError
from stopwatt.records import Status

if TYPE_CHECKING:
    from stopwatt.serving.contract import Contract, Placement

WORK_S = 0.02
"""Everybody is given about so many seconds of work at once: little where images are large, messages few where not."""
LEAST_AHEAD, MOST_AHEAD = 2, 64
"""Images that a decoder has at most."""
LEAST_DEPTH, MOST_DEPTH = 2, 8
"""Groups that a lane has at most: one at work and the next, so that it never waits for a message."""
MOST_DEATHS_LOADING = 3
"""Processes that may die before all models are loaded."""
MOST_DEATHS = 20
"""Processes that may die, without any image done in between, before the run gives up."""
MOST_EXITS = 2
"""The same for decoders that end with an exit code: no image does that, so none shall be blamed."""
HOPELESS = 64
"""Images that may fail in the model, with none done, before the run gives up."""
OBSERVE_S = 0.002
"""Changes of the state that follow each other more quickly are told at once."""
_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Job:
    """What a coordinator does.

    Attributes:
        items: All images, by number.
        done: A byte for each, not 0 where the outcome is known already.
        load: The model.
        layout: How.
        any_queue: Whether its queue may be made smaller, since nobody asked for this one.
        may_grow: Whether the layout may become a larger one in mid-run.
        timeout_s: A process that takes longer for one thing is ended, as one that died.
    """

    items: Items
    done: bytearray
    load: Load
    layout: Layout
    any_queue: bool
    may_grow: bool
    timeout_s: float


def lanes_of(layout: Layout) -> list[tuple[str, ...]]:
    """Devices of each worker: one each in turn, or several where there are more devices than workers."""
    devices = layout.devices
    if len(devices) > layout.workers:
        return [devices[place :: layout.workers] for place in range(layout.workers)]
    return [(devices[place % len(devices)],) for place in range(layout.workers)]


class Overseer(Protocol):
    """Who looks on, and may have the layout changed."""

    def observe(self, counts: Counts) -> None:
        """What is so from now on. Never waits."""
        ...

    def say(self, sentence: str) -> None:
        """What a person should know."""
        ...

    def settle(self) -> None:
        """The layout has changed, and everybody is there."""
        ...

    def prepare(self, stand: Stand) -> Layout | None:
        """Everybody is ready and has nothing to do; the layout to begin with, `None` to leave it."""
        ...

    def advise(self, layout: Layout, longest: int) -> Layout | None:
        """The layout to have from now on, `None` to leave it; asked every second or so.

        Args:
            layout: As it is.
            longest: Images that its queue may hold at most.
        """
        ...


class Coordinator:
    """Runs a job.

    Args:
        job: What to do.
        crew: Empty; whoever made it closes it.
        recorder: Takes the lines of the journal.
        overseer: Told of every change, and asked for better layouts.

    Attributes:
        contract: Of the model, once it is loaded.
        facts: What the model's runner says that it computes.
        layout: As it is.
        restarts: Processes that died and were started again.
        stops: Requests to stop.
        began: Monotonic seconds of the first image's start.
        done, failed: Images of this part of the run.
    """

    def __init__(self, job: Job, crew: Crew, recorder: Recorder, overseer: Overseer) -> None:
        self._job = job
        self._crew = crew
        self._recorder = recorder
        self._overseer = overseer
        self._say = overseer.say
        self._todo = Todo(len(job.items), job.done, job.layout.batch)
        self._schedule = Schedule(self._todo, 0)
        self._slots: Slots | None = None
        self._placements: dict[int, Placement] = {}
        self._decoders: dict[int, Member] = {}
        self._lanes: dict[int, Member] = {}
        self._by_lane: dict[int, int] = {}  # images of those that are ready
        self._names = 0
        self._leaving: set[int] = set()  # processes, by their numbers
        self._stage_s = dict.fromkeys(Stage, 0.0)
        self._decoded = self._answered = 0
        self._deaths = 0
        self._failed_in_model = 0
        self._observed = self._looked = 0.0
        self._told = True
        self.contract: Contract | None = None
        self.facts: dict[str, Any] = {}
        self.layout = job.layout
        self.restarts = 0
        self.stops = 0
        self.began = monotonic()
        self.done = self.failed = 0

    def run(self) -> None:
        """Do everything, or as much as is done when it is asked to stop.

        Raises:
            StopwattError: The model cannot be loaded, or processes die, or images fail, without any that is done.
            StoreError: The journal cannot be written.
        """
        try:
            self._begin()
            self._hand_out()
            while not self._schedule.finished:
                self._turn()
            self._overseer.observe(self._counts())
        finally:
            if self._slots is not None:
                self._slots.close()

    def stop(self) -> None:
        """One more request to stop: the first lets workers finish what they have, the second leaves at once."""
        self.stops += 1
        if self.stops > 1:
            raise KeyboardInterrupt
        self._crew.wake()

    def _turn(self) -> None:
        for member, message in self._crew.news(_LOOK_S if self._told else OBSERVE_S):  # the last change is told, too
            self._hear(member, message)
        if self.stops:
            self._schedule.stop()
        self._hand_out()
        now = monotonic()
        self._told = now - self._observed >= OBSERVE_S
        if self._told:
            self._observed = now
            self._overseer.observe(self._counts())
        if now - self._looked >= _LOOK_S:
            self._looked = now
            self._recorder.check()
            self._end_the_stuck()
            if not self.stops and (layout := self._overseer.advise(self.layout, self._longest())) is not None:
                self._change(layout)
        if self._leaving:
            self._see_off()

    # --- beginning: nobody gets an image before every model is loaded ---

    def _begin(self) -> None:
        for devices in lanes_of(self.layout):
            self._hire_worker(devices)
        while any(worker.ready < len(worker.names) for worker in self._lanes.values()):
            for member, message in self._crew.news(_LOOK_S):
                self._hear(member, message)
                if isinstance(message, Died) and self._deaths >= MOST_DEATHS_LOADING:
                    raise StopwattError(
                        f"{self._deaths} processes died while the model was loaded",
                        when=message.why,
                        now="try fewer workers or a smaller batch, if memory is short; else mend what ends them",
                    )
            self._end_the_stuck()
            if self.stops:
                self._schedule.stop()
                return
        layout = self._overseer.prepare(self._stand())
        if layout is not None:
            self._change(layout)
        self.began = monotonic()

    def _stand(self) -> Stand:
        items, layout, stopped = self._job.items, self.layout, lambda: self.stops > 0
        cores = cores_allowed()
        return Stand(
            self._crew, self._decoders, self._lanes, self._slots, items, layout, cores, self._bury, stopped
        )  # fmt: skip

    def _hire_worker(self, devices: tuple[str, ...]) -> None:
        self._start_worker(self._new_names(len(devices)), devices)

    def _new_names(self, count: int) -> tuple[int, ...]:
        self._names += count
        return tuple(range(self._names - count, self._names))

    def _start_worker(self, names: tuple[int, ...], devices: tuple[str, ...]) -> None:
        begin = Begin(os.getpid(), self._job.load, devices)
        member = self._crew.hire(WORKER, self.layout.threads, names, begin, devices)
        self._lanes.update(dict.fromkeys(names, member))

    def _start_decoder(self, name: int) -> None:
        assert self._slots is not None  # noqa: S101  (decoders are started once there are slots)
        assert self.contract is not None  # noqa: S101  (and the size of an image is known)
        first = orders.Begin(os.getpid(), self._slots.name, self.contract.preprocess)
        self._decoders[name] = self._crew.hire(DECODER, 1, (name,), first)
        self._decoders[name].busy_since = None
        self._schedule.decoder_came(name)

    def _know(self, ready: Ready) -> None:
        """What the first model says decides the size of the slots."""
        layout = self._job.layout
        if ready.batch != layout.batch:
            self._say(f"the model takes batches of {ready.batch} only: batch {ready.batch} in place of {layout.batch}")
        preprocess = ready.contract.preprocess
        layout = replace(layout, batch=ready.batch)
        image_bytes = preprocess.height * preprocess.width * 3
        if self._job.any_queue:
            layout = fitting(layout, image_bytes)
        self.layout = layout
        self.contract, self.facts = ready.contract, ready.facts
        self._todo.batch = ready.batch
        if layout.queue:
            used = self._slots_for(layout)
            count = max(used, spare_slots(used, image_bytes)) if self._job.may_grow else used
            self._slots = Slots.create(count, preprocess.height, preprocess.width)
            self._schedule = Schedule(self._todo, count, ahead=LEAST_AHEAD, depth=LEAST_DEPTH)
            self._schedule.room = used
            for name in self._new_names(layout.decoders):
                self._start_decoder(name)
        else:
            self._schedule = Schedule(self._todo, 0, depth=LEAST_DEPTH)

    def _slots_for(self, layout: Layout) -> int:
        """Places for what waits, for what the lanes work on, and for what is being decoded."""
        return max(layout.queue, layout.batch) + layout.batch * len(self._lanes) + layout.decoders

    def _longest(self) -> int:
        """What the queue can become."""
        return 0 if self._slots is None else len(self._slots) - self._slots_for(self.layout) + self.layout.queue

    # --- another layout in mid-run: processes come and go, and the queue becomes longer within the slots ---

    def _change(self, layout: Layout) -> None:
        for _ in range(len(self._decoders), layout.decoders):
            self._start_decoder(*self._new_names(1))
        self._dismiss([self._decoders[name] for name in sorted(self._decoders)[layout.decoders :]])
        workers = list(dict.fromkeys(id(member) for member in self._lanes.values()))
        for place in range(len(workers), layout.workers):
            self._hire_worker((layout.devices[place % len(layout.devices)],))
        for gone in workers[layout.workers :]:
            self._dismiss([next(member for member in self._lanes.values() if id(member) == gone)])
        self.layout = layout
        self._schedule.room = self._slots_for(layout)
        self._overseer.settle()

    def _dismiss(self, members: list[Member]) -> None:
        for member in members:
            self._leaving.add(member.child.pid)
            if self._is_decoder(member):
                self._schedule.leave(decoders=member.names)
            elif member.ready == len(member.names):
                self._schedule.leave(lanes=member.names)
            else:
                self._forget(member)
                self._crew.dismiss(member)

    def _see_off(self) -> None:
        """Let go who was to leave and has nothing more to do."""
        decoders, lanes = self._schedule.left()
        members = [self._decoders[name] for name in decoders]
        members += [self._lanes[name] for name in lanes if name == self._lanes[name].names[-1]]
        for member in members:
            self._forget(member)
            self._crew.dismiss(member)

    def _is_decoder(self, member: Member) -> bool:
        return self._decoders.get(member.names[0]) is member

    def _forget(self, member: Member) -> None:
        self._leaving.discard(member.child.pid)
        for name in member.names:
            self._decoders.pop(name, None)
            self._lanes.pop(name, None)
            self._by_lane.pop(name, None)

    # --- news ---

    def _hear(self, member: Member, message: Any) -> None:
        if isinstance(message, list):
            self._hear_decoded(member, message)
        elif isinstance(message, Answer):
            self._hear_answer(member, message)
        elif isinstance(message, Ready):
            self._hear_ready(member, message)
        elif isinstance(message, Refused):
            error = StopwattError(message.what, when=message.when, now=message.now)
            error.exit_code = ExitCode(message.code)
            raise error
        else:
            self._bury(member, message)

    def _hear_ready(self, member: Member, ready: Ready) -> None:
        if self.contract is None:
            self._know(ready)
        member.ready += 1
        if member.ready == len(member.names):
            member.busy_since = None
            member.child.send(Attach(self._slots.name if self._slots is not None else ""))
            for lane in member.names:
                self._schedule.lane_came(lane)
                self._by_lane.setdefault(lane, 0)
            self._overseer.settle()

    def _hear_decoded(self, member: Member, answers: "list[orders.Decoded]") -> None:
        (name,) = member.names
        rows = []
        for number, _, placement, failed, read_s, decode_s in answers:
            self._stage_s[Stage.READ] += read_s
            self._stage_s[Stage.DECODE] += decode_s
            if placement is not None:
                self._placements[number] = placement
                self._schedule.decoded(name, number)
            else:
                assert failed is not None  # noqa: S101  (one of the two is there)
                self._schedule.undecodable(name, number)
                rows.append((number, True, lines.line(number, None, failed)))
        self._record(rows)
        self._decoded += len(answers)
        self._deaths = 0
        mean_s = (self._stage_s[Stage.READ] + self._stage_s[Stage.DECODE]) / self._decoded
        fair = self._schedule.room // (2 * len(self._decoders))  # one shall not have what others could decode
        ahead = _within(LEAST_AHEAD, WORK_S / max(mean_s, 1e-9), min(MOST_AHEAD, fair))
        self._schedule.ahead = max(ahead, self._job.items.stretch)
        member.busy_since = monotonic() if self._schedule.has_work(decoder=name) else None

    def _hear_answer(self, member: Member, answer: Answer) -> None:
        lane = member.names[answer.lane]
        self._schedule.answered(lane, answer.ticket)
        for number, failed, _ in answer.rows:
            self._placements.pop(number, None)
            self._by_lane[lane] += 1
            self._failed_in_model += failed
        for stage, seconds in answer.seconds.items():
            self._stage_s[stage] += seconds
        self._record(answer.rows)
        self._deaths = 0
        self._answered += 1
        mean_s = (self._stage_s[Stage.PREPARE] + self._stage_s[Stage.MODEL]) / self._answered
        self._schedule.depth = _within(LEAST_DEPTH, WORK_S / max(mean_s, 1e-9), MOST_DEPTH)
        if self._failed_in_model >= HOPELESS and not self.done:
            self._give_up(answer.rows)
        busy = any(self._schedule.has_work(lane=one) for one in member.names)
        member.busy_since = monotonic() if busy else None

    def _record(self, rows: "list[Row]") -> None:
        """Lines of images that were not known before; of a group that is done again, most were."""
        known = self._job.done
        rows = [row for row in rows if not known[row[0]]]
        failed = sum(row[1] for row in rows)
        self.failed += failed
        self.done += len(rows) - failed
        self._recorder.put(row[2] for row in rows)

    def _give_up(self, rows: "list[Row]") -> None:
        self._recorder.flush()
        raise StopwattError(
            f"the model failed on all of the first {self._failed_in_model} images",
            when=lines.reason_of(next(row[2] for row in rows if row[1])),
            now="mend the model or its contract (or take --task raw, which expects nothing), and add --fresh",
        )

    # --- deaths ---

    def _bury(self, member: Member, died: Died) -> None:
        self._deaths += 1
        leaves = member.child.pid in self._leaving or self.stops > 0
        decoder = self._is_decoder(member)
        if self._deaths > (MOST_EXITS if decoder and died.how.status is Status.NO_RESULT else MOST_DEATHS):
            raise StopwattError(
                f"{self._deaths} processes died without any image done in between",
                when=f"the last one: {died.why}",
                now="mend what ends them, then give the same command again: the run goes on where it stopped",
            )
        (self._lose_decoder if decoder else self._lose_worker)(member, died)
        if leaves:
            self._forget(member)
            return
        self.restarts += 1
        if decoder:
            self._start_decoder(*member.names)
        else:
            self._start_worker(member.names, member.devices)

    def _lose_decoder(self, member: Member, died: Died) -> None:
        self._say(f"a decoder died ({died.why}); its images are decoded again")
        lost = self._schedule.decoder_died(*member.names)
        self._settle_lost(lost, Failed(Trouble.KILLED_THE_DECODER, f"the decoder died of it twice: {died.why}"))

    def _lose_worker(self, member: Member, died: Died) -> None:
        self._say(f"a worker died ({died.why}); its images go to the model again")
        for lane in member.names:
            if member.ready == len(member.names):
                lost = self._schedule.lane_died(lane)
                self._settle_lost(lost, Failed(Trouble.MODEL_FAILED, f"the model's process died of it: {died.why}"))

    def _settle_lost(self, numbers: tuple[int, ...], failed: Failed) -> None:
        placements = self._placements
        self._record([(number, True, lines.line(number, placements.pop(number, None), failed)) for number in numbers])

    def _end_the_stuck(self) -> None:
        """End processes that owe an answer for too long; their death is heard like any other."""
        now = monotonic()
        for member in self._crew.members:
            if member.busy_since is not None and now - member.busy_since > self._job.timeout_s:
                self._say(f"process {member.child.pid} gave no answer for {self._job.timeout_s:g} s and was ended")
                member.busy_since = None
                member.child.kill()

    # --- work ---

    def _hand_out(self) -> None:
        for step in self._schedule.steps():
            if isinstance(step, Decode):
                self._order(self._decoders[step.decoder], step)
            else:
                self._submit(self._lanes[step.lane], step)

    def _order(self, member: Member, step: Decode) -> None:
        items = self._job.items
        if member.busy_since is None:
            member.busy_since = monotonic()
        member.child.send([orders.order_of(items[number], slot) for number, slot in step.pairs])

    def _submit(self, member: Member, step: Infer) -> None:
        if member.busy_since is None:
            member.busy_since = monotonic()
        member.child.send(Group(member.names.index(step.lane), step.ticket, self._images(step.pairs)))

    def _images(self, pairs: Pairs) -> list[Any]:
        items, placements = self._job.items, self._placements
        return [
            orders.order_of(items[number], NO_SLOT) if slot == NO_SLOT else (number, slot, placements[number])
            for number, slot in pairs
        ]

    def _counts(self) -> Counts:
        schedule = self._schedule
        return Counts(
            done=self.done,
            failed=self.failed,
            by_worker=tuple(self._by_lane.values()),
            queued=schedule.waiting,
            room=self.layout.queue,
            idle_workers=schedule.idle_lanes,
            idle_decoders=schedule.idle_decoders,
            unwritten=self._recorder.unwritten,
            stage_s={**self._stage_s, Stage.WRITE: self._recorder.seconds},
        )


def _within(least: int, value: float, most: int) -> int:
    return max(least, int(min(value, most)))
