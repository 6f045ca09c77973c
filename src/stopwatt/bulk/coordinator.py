"""The one thread that knows who has what: it passes numbers on, and notices deaths.

It waits on the pipes of all processes at once. What it is told goes into the schedule, what the schedule says goes to
the processes, and the lines that come back go to the recorder; pixels never pass through here. Messages hold several
images where images are small, so that an image costs it some microseconds.
"""

from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from stopwatt.bulk import lines, orders
from stopwatt.bulk.crew import Crew, Died, Member
from stopwatt.bulk.groups import Answer, Attach, Group, Ready, Refused, Row
from stopwatt.bulk.job import Job, Overseer, lanes_of
from stopwatt.bulk.layout import fitting, spare_slots
from stopwatt.bulk.recorder import Recorder
from stopwatt.bulk.records import Failed, Layout, Stage, Trouble
from stopwatt.bulk.room import cores_allowed
from stopwatt.bulk.schedule import NO_SLOT, Decode, Infer, Pairs, Schedule, Todo
from stopwatt.bulk.slots import Slots
from stopwatt.bulk.staff import Staff
from stopwatt.bulk.stand import Stand
from stopwatt.bulk.tally import Tally
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
MOST_EXITS = 1
"""The same where a decoder ends with an exit code: no image does that, so none shall be blamed."""
HOPELESS = 64
"""Images that may fail in the model, with none done, before the run gives up."""
OBSERVE_S = 0.002
"""Changes of the state that follow each other more quickly are told at once."""
_LOOK_S = 0.5


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
        self._staff = Staff(crew, job.load, job.layout.threads)
        self._tally = Tally(job.done, recorder)
        self._deaths = 0
        self._observed = self._looked = 0.0
        self._told = True
        self.contract: Contract | None = None
        self.facts: dict[str, Any] = {}
        self.layout = job.layout
        self.restarts = 0
        self.stops = 0
        self.began = monotonic()

    @property
    def done(self) -> int:
        """Images with a result, of this part of the run."""
        return self._tally.done

    @property
    def failed(self) -> int:
        """Images without."""
        return self._tally.failed

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
            self._staff.end_the_stuck(self._job.timeout_s, self._say)
            if not self.stops and (layout := self._overseer.advise(self.layout, self._longest())) is not None:
                self._change(layout)
        for lane in self._staff.see_off(self._schedule):
            self._tally.by_lane.pop(lane, None)

    # --- beginning: nobody gets an image before every model is loaded ---

    def _begin(self) -> None:
        for devices in lanes_of(self.layout):
            self._staff.hire_worker(devices)
        while self._staff.loading:
            for member, message in self._crew.news(_LOOK_S):
                self._hear(member, message)
                if isinstance(message, Died) and self._deaths >= MOST_DEATHS_LOADING:
                    raise StopwattError(
                        f"{self._deaths} processes died while the model was loaded",
                        when=message.why,
                        now="try fewer workers or a smaller batch, if memory is short; else mend what ends them",
                    )
            self._staff.end_the_stuck(self._job.timeout_s, self._say)
            if self.stops:
                self._schedule.stop()
                return
        layout = self._overseer.prepare(self._stand())
        if layout is not None:
            self._change(layout)
        self.began = monotonic()

    def _stand(self) -> Stand:
        staff, job = self._staff, self._job
        return Stand(
            self._crew, staff.decoders, staff.lanes, self._slots, job.items, self.layout, cores_allowed(), self._bury,
            lambda: self.stops > 0,
        )  # fmt: skip

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
            self._staff.equip(self._slots.name, preprocess)
            self._staff.hire_decoders(layout.decoders, self._schedule)
        else:
            self._schedule = Schedule(self._todo, 0, depth=LEAST_DEPTH)

    def _slots_for(self, layout: Layout) -> int:
        """Places for what waits, for what the lanes work on, and for what is being decoded."""
        return max(layout.queue, layout.batch) + layout.batch * len(self._staff.lanes) + layout.decoders

    def _longest(self) -> int:
        """What the queue can become."""
        return 0 if self._slots is None else len(self._slots) - self._slots_for(self.layout) + self.layout.queue

    # --- another layout in mid-run: processes come and go, and the queue becomes longer within the slots ---

    def _change(self, layout: Layout) -> None:
        self._staff.resize(layout, self._schedule)
        self.layout = layout
        self._schedule.room = self._slots_for(layout)
        self._overseer.settle()

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
                self._tally.by_lane.setdefault(lane, 0)
            self._overseer.settle()

    def _hear_decoded(self, member: Member, answers: "list[orders.Decoded]") -> None:
        (name,) = member.names
        rows = []
        for number, _, placement, failed, _, _ in answers:
            if placement is not None:
                self._placements[number] = placement
                self._schedule.decoded(name, number)
            else:
                assert failed is not None  # noqa: S101  (one of the two is there)
                self._schedule.undecodable(name, number)
                rows.append((number, True, lines.line(number, None, failed)))
        self._tally.settle(rows)
        self._deaths = 0
        read_s, decode_s = sum(one.read_s for one in answers), sum(one.decode_s for one in answers)
        mean_s = self._tally.decoded(len(answers), read_s, decode_s)
        fair = self._schedule.room // (2 * len(self._staff.decoders))  # one shall not have what others could decode
        ahead = _within(LEAST_AHEAD, WORK_S / max(mean_s, 1e-9), min(MOST_AHEAD, fair))
        self._schedule.ahead = max(ahead, self._job.items.stretch)
        member.busy_since = monotonic() if self._schedule.has_work(decoder=name) else None

    def _hear_answer(self, member: Member, answer: Answer) -> None:
        lane = member.names[answer.lane]
        self._schedule.answered(lane, answer.ticket)
        for number, _, _ in answer.rows:
            self._placements.pop(number, None)
        mean_s = self._tally.answered(lane, answer.rows, answer.seconds)
        self._deaths = 0
        self._schedule.depth = _within(LEAST_DEPTH, WORK_S / max(mean_s, 1e-9), MOST_DEPTH)
        if self._tally.failed_in_model >= HOPELESS and not self._tally.done:
            self._give_up(answer.rows)
        busy = any(self._schedule.has_work(lane=one) for one in member.names)
        member.busy_since = monotonic() if busy else None

    def _give_up(self, rows: "list[Row]") -> None:
        self._recorder.flush()
        raise StopwattError(
            f"the model failed on all of the first {self._tally.failed_in_model} images",
            when=lines.reason_of(next(row[2] for row in rows if row[1])),
            now="mend the model or its contract (or take --task raw, which expects nothing), and add --fresh",
        )

    # --- deaths ---

    def _bury(self, member: Member, died: Died) -> None:
        self._deaths += 1
        leaves = self._staff.leaves(member) or self.stops > 0
        decoder = self._staff.is_decoder(member)
        if self._deaths > (MOST_EXITS if decoder and died.how.status is Status.NO_RESULT else MOST_DEATHS):
            raise StopwattError(
                f"{self._deaths} processes died without any image done in between",
                when=f"the last one: {died.why}",
                now="mend what ends them, then give the same command again: the run goes on where it stopped",
            )
        (self._lose_decoder if decoder else self._lose_worker)(member, died)
        if leaves:
            self._staff.forget(member)
            return
        self.restarts += 1
        self._staff.again(member, self._schedule)

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
        self._tally.settle(
            [(number, True, lines.line(number, placements.pop(number, None), failed)) for number in numbers]
        )

    # --- work ---

    def _hand_out(self) -> None:
        for step in self._schedule.steps():
            if isinstance(step, Decode):
                self._order(self._staff.decoders[step.decoder], step)
            else:
                self._submit(self._staff.lanes[step.lane], step)

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
            by_worker=tuple(self._tally.by_lane.values()),
            queued=schedule.waiting,
            room=self.layout.queue,
            idle_workers=schedule.idle_lanes,
            idle_decoders=schedule.idle_decoders,
            unwritten=self._recorder.unwritten,
            stage_s={**self._tally.stage_s, Stage.WRITE: self._recorder.seconds},
        )


def _within(least: int, value: float, most: int) -> int:
    return max(least, int(min(value, most)))
