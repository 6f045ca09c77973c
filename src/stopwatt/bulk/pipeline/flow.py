"""Images on their way from a file to the journal: which of them is where, and what became of them.

What processes say goes into the schedule, what the schedule says goes to the processes, and the lines that come back
go to the recorder; pixels never pass through here. Messages hold several images where images are small, so that an
image costs some microseconds.
"""

from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from stopwatt.bulk.judging.ticks import Counts
from stopwatt.bulk.keeping import lines
from stopwatt.bulk.pipeline import orders
from stopwatt.bulk.pipeline.crew import Member
from stopwatt.bulk.pipeline.groups import Answer, Group
from stopwatt.bulk.pipeline.job import Job, Sink
from stopwatt.bulk.pipeline.schedule import NO_SLOT, Decode, Infer, Pairs, Schedule, Todo
from stopwatt.bulk.pipeline.staff import Staff
from stopwatt.bulk.pipeline.tally import Tally
from stopwatt.bulk.records import Layout, Stage
from stopwatt.images.item import Failed

if TYPE_CHECKING:
    from stopwatt.serving.contract import Placement

WORK_S = 0.08
"""Everybody is given about so many seconds of work at once: few messages, and not much that others wait for."""
LEAST_AHEAD, MOST_AHEAD = 2, 64
"""Images that a decoder has at most."""
LEAST_DEPTH, MOST_DEPTH = 2, 8
"""Groups that a lane has at most: one at work and the next, so that it never waits for a message."""


class Flow:
    """The images of a job.

    Args:
        job: What to do.
        recorder: Takes the lines of the journal.
        staff: Does it.

    Attributes:
        schedule: Who works on what.
        tally: What is done.
    """

    def __init__(self, job: Job, recorder: Sink, staff: Staff) -> None:
        self._items = job.items
        self._recorder = recorder
        self._staff = staff
        self._todo = job.work or Todo(len(job.items), job.done, job.layout.batch)
        self._placements: dict[int, Placement] = {}
        self.schedule = Schedule(self._todo, 0)
        self.tally = Tally(job.done, recorder)

    def open(self, batch: int, slots: int, room: int) -> None:
        """The model is known, and nothing has begun.

        Args:
            batch: Images of a group.
            slots: That there are; 0 where lanes read and decode for themselves.
            room: Of these, that may be in use.
        """
        self._todo.batch = batch
        self.schedule = Schedule(self._todo, slots, ahead=LEAST_AHEAD, depth=LEAST_DEPTH)
        self.schedule.room = room

    def hand_out(self) -> None:
        """Give everybody what there is to do."""
        for step in self.schedule.steps():
            if isinstance(step, Decode):
                self._order(self._staff.decoders[step.decoder], step)
            else:
                self._submit(self._staff.lanes[step.lane], step)

    def decoded(self, member: Member, answers: Sequence[orders.Decoded]) -> None:
        """A decoder has answered."""
        (name,) = member.names
        rows = []
        for number, _, placement, failed, _, _ in answers:
            if placement is not None:
                self._placements[number] = placement
                self.schedule.decoded(name, number)
            else:
                assert failed is not None  # noqa: S101  (one of the two is there)
                self.schedule.undecodable(name, number)
                rows.append((number, True, lines.line(number, None, failed)))
        self.tally.settle(rows)
        read_s, decode_s = sum(one.read_s for one in answers), sum(one.decode_s for one in answers)
        mean_s = self.tally.decoded(len(answers), read_s, decode_s)
        fair = self.schedule.room // (2 * len(self._staff.decoders))  # one shall not have what others could decode
        ahead = _within(LEAST_AHEAD, WORK_S / max(mean_s, 1e-9), min(MOST_AHEAD, fair))
        self.schedule.ahead = max(ahead, self._items.stretch)
        member.busy_since = monotonic() if self.schedule.has_work(decoder=name) else None

    def answered(self, member: Member, answer: Answer) -> None:
        """A lane has."""
        lane = member.names[answer.lane]
        self.schedule.answered(lane, answer.ticket)
        for number, _, _ in answer.rows:
            self._placements.pop(number, None)
        mean_s = self.tally.answered(lane, answer.rows, answer.seconds)
        self.schedule.depth = _within(LEAST_DEPTH, WORK_S / max(mean_s, 1e-9), MOST_DEPTH)
        busy = any(self.schedule.has_work(lane=one) for one in member.names)
        member.busy_since = monotonic() if busy else None

    def decoder_died(self, member: Member, failed: Failed) -> None:
        """What it had is decoded again; what was given up gets this reason."""
        self._settle_lost(self.schedule.decoder_died(*member.names), failed)

    def worker_died(self, member: Member, failed: Failed) -> None:
        """What its lanes had goes to others; what was given up gets this reason."""
        if member.is_ready:
            for lane in member.names:
                self._settle_lost(self.schedule.lane_died(lane), failed)

    def counts(self, layout: Layout) -> Counts:
        """As it is now."""
        schedule = self.schedule
        return Counts(
            done=self.tally.done,
            failed=self.tally.failed,
            by_worker=tuple(self.tally.by_lane.values()),
            queued=schedule.waiting,
            room=layout.queue,
            idle_workers=schedule.idle_lanes,
            idle_decoders=schedule.idle_decoders,
            unwritten=self._recorder.unwritten,
            stage_s={**self.tally.stage_s, Stage.WRITE: self._recorder.seconds},
        )

    def _order(self, member: Member, step: Decode) -> None:
        items = self._items
        if member.busy_since is None:
            member.busy_since = monotonic()
        member.child.send([orders.order_of(items[number], slot) for number, slot in step.pairs])

    def _submit(self, member: Member, step: Infer) -> None:
        if member.busy_since is None:
            member.busy_since = monotonic()
        member.child.send(Group(member.names.index(step.lane), step.ticket, self._images(step.pairs)))

    def _images(self, pairs: Pairs) -> list[Any]:
        items, placements = self._items, self._placements
        return [
            orders.order_of(items[number], NO_SLOT) if slot == NO_SLOT else (number, slot, placements[number])
            for number, slot in pairs
        ]

    def _settle_lost(self, numbers: tuple[int, ...], failed: Failed) -> None:
        placements = self._placements
        self.tally.settle(
            [(number, True, lines.line(number, placements.pop(number, None), failed)) for number in numbers]
        )


def _within(least: int, value: float, most: int) -> int:
    return max(least, int(min(value, most)))
