"""The one thread that knows who has what: it passes numbers on, and notices deaths.

It waits on the pipes of all processes at once, tells the images (`flow`) and the processes (`staff`) what it hears, and
has both go on. Nobody gets an image before every model is loaded.
"""

from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from stopwatt.bulk.keeping import lines
from stopwatt.bulk.pipeline.crew import Crew, Died, Member
from stopwatt.bulk.pipeline.flow import Flow
from stopwatt.bulk.pipeline.groups import Answer, Attach, Ready, Refused
from stopwatt.bulk.pipeline.job import Job, Overseer, Sink
from stopwatt.bulk.pipeline.losses import Losses
from stopwatt.bulk.pipeline.opening import Opening
from stopwatt.bulk.pipeline.patience import HOPELESS, Patience, lose_hope
from stopwatt.bulk.pipeline.ring import Ring
from stopwatt.bulk.pipeline.room import cores_allowed
from stopwatt.bulk.pipeline.staff import Staff
from stopwatt.bulk.pipeline.stand import Stand
from stopwatt.bulk.records import Layout

if TYPE_CHECKING:
    from stopwatt.serving.contract import Contract

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
        stops: Requests to stop.
        began: Monotonic seconds of the first image's start.
        hopeful: Whether the model is known to work, since it did elsewhere; whoever knows may say so at any time.
    """

    def __init__(self, job: Job, crew: Crew, recorder: Sink, overseer: Overseer) -> None:
        self._job = job
        self._crew = crew
        self._recorder = recorder
        self._overseer = overseer
        self._say = overseer.say
        self._staff = Staff(crew, job.load, job.layout.threads)
        self._flow = Flow(job, recorder, self._staff)
        self._ring = Ring(lambda: len(self._staff.lanes))
        self._opening = Opening(job, self._staff, self._flow, self._ring, overseer.say)
        self._patience = Patience()
        self._losses = Losses(crew, self._staff, self._flow, self._patience, overseer.say)
        self._observed = self._looked = 0.0
        self._told = True
        self._stopping = False
        self.contract: Contract | None = None
        self.facts: dict[str, Any] = {}
        self.layout = job.layout
        self.stops = 0
        self.hopeful = False
        self.began = monotonic()

    @property
    def done(self) -> int:
        """Images with a result, of this part of the run."""
        return self._flow.tally.done

    @property
    def failed(self) -> int:
        """Images without."""
        return self._flow.tally.failed

    @property
    def restarts(self) -> int:
        """Processes that died and were started again."""
        return self._losses.restarts

    def run(self) -> None:
        """Do everything, or as much as is done when it is asked to stop.

        Raises:
            StopwattError: The model cannot be loaded, or processes die, or images fail, without any that is done.
            StoreError: The journal cannot be written.
        """
        try:
            self._begin()
            self._flow.hand_out()
            while not self._flow.schedule.finished:
                self._turn()
            self._overseer.observe(self._flow.counts(self.layout))
        finally:
            self._ring.close()

    def stop(self) -> None:
        """One more request to stop: the first lets workers finish what they have, the second leaves at once."""
        self.stops += 1
        if self.stops > 1:
            raise KeyboardInterrupt
        self._crew.wake()

    def _turn(self) -> None:
        for member, message in self._crew.news(_LOOK_S if self._told else OBSERVE_S):  # the last change is told, too
            self._hear(member, message)
        self._heed()
        self._flow.hand_out()
        self._show()
        if monotonic() - self._looked >= _LOOK_S:
            self._looked = monotonic()
            self._look()
        for lane in self._staff.see_off(self._flow.schedule):
            self._flow.tally.by_lane.pop(lane, None)

    def _heed(self) -> bool:
        """Whether somebody asked to stop; said here and not in `stop`, which runs in a signal's handler."""
        if self.stops and not self._stopping:
            self._stopping = True
            self._say("stopping: what models have is finished first; a second Ctrl-C leaves at once")
            self._flow.schedule.stop()
        return self._stopping

    def _show(self) -> None:
        now = monotonic()
        self._told = now - self._observed >= OBSERVE_S
        if self._told:
            self._observed = now
            self._overseer.observe(self._flow.counts(self.layout))

    def _look(self) -> None:
        """What is looked at every now and then only."""
        self._recorder.check()
        self._staff.end_the_stuck(self._job.timeout_s, self._job.decode_timeout_s)
        if not self.stops:
            layout = self._overseer.advise(self.layout, self._ring.longest(self.layout))
            if layout is not None:
                self._change(layout)

    def _change(self, layout: Layout) -> None:
        """Processes come and go, and the queue becomes longer within the slots."""
        self._staff.resize(layout, self._flow.schedule)
        self.layout = layout
        self._flow.schedule.room = self._ring.used(layout)
        self._overseer.settle()

    # --- beginning ---

    def _begin(self) -> None:
        self._opening.hire_workers()
        while self._staff.loading:
            for member, message in self._crew.news(_LOOK_S):
                self._hear(member, message)
                if isinstance(message, Died):
                    self._patience.bear_loading(message)
            self._staff.end_the_stuck(self._job.timeout_s, self._job.decode_timeout_s)
            if self._heed():
                return
        self._losses.complete = True
        layout = self._overseer.prepare(self._stand())
        if layout is not None:
            self._change(layout)
        self.began = monotonic()

    def _stand(self) -> Stand:
        staff, job = self._staff, self._job
        return Stand(
            self._crew, staff.decoders, staff.lanes, self._ring.slots, job.items, self.layout, cores_allowed(),
            self._bury, lambda: self.stops > 0,
        )  # fmt: skip

    # --- news ---

    def _hear(self, member: Member, message: Any) -> None:
        if isinstance(message, list):
            self._flow.decoded(member, message)
            self._patience.renew()
        elif isinstance(message, Answer):
            self._flow.answered(member, message)
            self._patience.renew()
            self._check_hope(message)
        elif isinstance(message, Ready):
            self._hear_ready(member, message)
        elif isinstance(message, Refused):
            self._losses.refuse(member, message)
            self._take_stock()
        else:
            self._bury(member, message)

    def _hear_ready(self, member: Member, ready: Ready) -> None:
        if self.contract is None:
            self.layout = self._opening.hire_decoders(ready)
            self.contract, self.facts = ready.contract, ready.facts
        member.ready += 1
        if member.is_ready:
            member.busy_since = None
            member.child.send(Attach(self._ring.name))
            for lane in member.names:
                self._flow.schedule.lane_came(lane)
                self._flow.tally.by_lane.setdefault(lane, 0)
            self._overseer.settle()

    def _check_hope(self, answer: Answer) -> None:
        failed = self._flow.tally.failed_in_model
        if failed >= HOPELESS and not (self._flow.tally.done or self.hopeful):
            self._recorder.flush()
            lose_hope(failed, lines.reason_of(next(row[2] for row in answer.rows if row[1])))

    def _bury(self, member: Member, died: Died) -> None:
        if self._losses.bury(member, died, leaving=self.stops > 0):
            self._take_stock()

    def _take_stock(self) -> None:
        """The layout is what there is, where the run goes on without somebody."""
        workers = self._staff.workers
        devices = tuple(device for member in workers for device in member.devices)
        self.layout = replace(self.layout, workers=len(workers), devices=devices)
        self._overseer.settle()
