"""Processes that are lost: what becomes of their images, and whether another comes in their place."""

from collections import Counter
from collections.abc import Callable

from stopwatt.bulk.pipeline.crew import Crew, Died, Member
from stopwatt.bulk.pipeline.flow import Flow
from stopwatt.bulk.pipeline.groups import Refused
from stopwatt.bulk.pipeline.patience import Patience
from stopwatt.bulk.pipeline.staff import Staff
from stopwatt.errors import ExitCode, StopwattError
from stopwatt.images.item import Failed, Trouble

MOST_TRIES = 2
"""Times that a worker may die while it is loaded, where others are at work, before these go on without it."""


class Losses:
    """Of a run.

    Args:
        crew: All processes.
        staff: What they are.
        flow: The images.
        patience: That the run has.
        say: Tells a person.

    Attributes:
        restarts: Processes that died and were started again.
        complete: Whether everybody who was asked for was there once; before that, nobody is done without.
    """

    def __init__(self, crew: Crew, staff: Staff, flow: Flow, patience: Patience, say: Callable[[str], None]) -> None:
        self._crew = crew
        self._staff = staff
        self._flow = flow
        self._patience = patience
        self._say = say
        self._tries: Counter[tuple[int, ...]] = Counter()  # by the names of a worker
        self.restarts = 0
        self.complete = False

    def bury(self, member: Member, died: Died, *, leaving: bool) -> bool:
        """A process died.

        Args:
            member: Which.
            died: How.
            leaving: Whether nobody is started any more.

        Returns:
            Whether the run goes on without it, though it was not to leave.

        Raises:
            StopwattError: Too many died.
        """
        decoder = self._staff.is_decoder(member)
        self._patience.bear_death(died, decoder=decoder)
        (self._lose_decoder if decoder else self._lose_worker)(member, died)
        if leaving or self._staff.leaves(member):
            self._staff.forget(member)
            return False
        if not decoder and self._is_hopeless(member):
            self._do_without(member, died.why)
            return True
        self.restarts += 1
        self._staff.again(member, self._flow.schedule)
        return False

    def refuse(self, member: Member, refused: Refused) -> None:
        """A model cannot be loaded: where others are at work, they go on without it.

        Raises:
            StopwattError: There are no others, or the run has not begun.
        """
        if self.complete and self._staff.has_others(member):
            self._crew.dismiss(member)
            self._do_without(member, refused.what)
            return
        error = StopwattError(refused.what, when=refused.when, now=refused.now)
        error.exit_code = ExitCode(refused.code)
        raise error

    def _lose_decoder(self, member: Member, died: Died) -> None:
        self._say(f"a decoder died ({died.why}); its images are decoded again")
        trouble = Trouble.TOO_SLOW if died.doomed else Trouble.KILLED_THE_DECODER
        self._flow.decoder_died(member, Failed(trouble, f"the decoder died of it twice: {died.why}"))

    def _lose_worker(self, member: Member, died: Died) -> None:
        self._say(f"a worker died ({died.why}); its images go to the model again")
        self._flow.worker_died(member, Failed(Trouble.MODEL_FAILED, f"the model's process died of it: {died.why}"))

    def _is_hopeless(self, member: Member) -> bool:
        """Whether a worker never comes to life, though others do."""
        self._tries[member.names] = 0 if member.is_ready else self._tries[member.names] + 1
        return self.complete and self._tries[member.names] >= MOST_TRIES and self._staff.has_others(member)

    def _do_without(self, member: Member, why: str) -> None:
        self._say(f"a worker cannot be loaded ({why}); the run goes on without it")
        self._staff.forget(member)
        for lane in member.names:
            self._flow.tally.by_lane.pop(lane, None)
