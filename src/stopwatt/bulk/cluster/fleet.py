"""The driver of a run on a cluster: it feeds an outpost on every node, and hears what became of the images.

It owns what must be one: the list of images, the journal, the record. Every outpost has one call under way, which
brings groups and comes back with lines; none waits for another. An outpost that is lost, with its node or alone, costs
what it had not answered, which others do; where its node lives, another outpost is started there.
"""

from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from stopwatt.bulk.cluster.admission import Admission
from stopwatt.bulk.cluster.joined import Joined, Lost
from stopwatt.bulk.cluster.member import Member, Members
from stopwatt.bulk.cluster.shares import Shares
from stopwatt.bulk.cluster.words import News, Order
from stopwatt.bulk.judging.ticks import Ticker
from stopwatt.bulk.keeping.identity import Chosen
from stopwatt.bulk.keeping.lines import number_of, says_failed
from stopwatt.bulk.keeping.recorder import Recorder
from stopwatt.bulk.pipeline.groups import Refused
from stopwatt.bulk.pipeline.tally import Tally
from stopwatt.bulk.records import Layout, Stage
from stopwatt.errors import EnvironmentUnfit, ExitCode, StopwattError
from stopwatt.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from stopwatt.bulk.asked import Asked
    from stopwatt.images.items import Items
    from stopwatt.serving.contract import Contract

LEAD_S = 0.25
"""A node has so many seconds of work beside what its pipeline holds: news and orders take their time."""
LEAST_GROUPS = 2
"""Groups that a lane needs: one at work and the next."""
START_S = 120.0
"""For an outpost to come to life; a node whose cores others have claimed does not take part."""
_LISTEN_S = 0.5
_GO_ON = "give the same command again: the run goes on where it stopped, on this cluster or without --executor ray"


@dataclass(frozen=True, slots=True)
class Charge:
    """What a fleet does.

    Attributes:
        asked: The request.
        items: All images.
        done: A byte for each, not 0 where the outcome is known already.
        chosen: The model.
        say: Tells a person.
    """

    asked: "Asked"
    items: "Items"
    done: bytearray
    chosen: Chosen
    say: "Callable[[str], None]"


class Fleet:
    """Runs a job on a cluster, as `Coordinator` does on one machine.

    Args:
        charge: What to do.
        cluster: Joined.
        members: Nobody yet.
        recorder: Takes the lines of the journal.
        ticker: Told of every change.

    Attributes:
        contract: Of the model, once it is loaded.
        stops: Requests to stop.
        began: Monotonic seconds of the first image's start.
    """

    def __init__(self, charge: Charge, cluster: Joined, members: Members, recorder: Recorder, ticker: Ticker) -> None:
        self._charge = charge
        self._cluster = cluster
        self._members = members
        self._recorder = recorder
        self._ticker = ticker
        self._say = charge.say
        self._tally = Tally(charge.done, recorder)
        self._shares = Shares(bytearray(charge.done), charge.chosen.load.setup.batch, charge.items.stretch)
        self._batch = 0
        self._last: StopwattError | None = None
        self._admission = Admission(charge.asked, charge.items, charge.chosen, charge.done.count(0), cluster)
        self.contract: Contract | None = None
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

    @property
    def restarts(self) -> int:
        """Processes that died and were started again, outposts among them."""
        return self._members.restarts

    @property
    def layout(self) -> Layout:
        """Of all nodes together."""
        return self._members.layout

    def run(self) -> None:
        """Do everything, or as much as is done when it is asked to stop.

        Raises:
            StopwattError: The model cannot be run, or no node is left.
            EnvironmentUnfit: A node has another stopwatt, or does not see the images.
            StoreError: The journal cannot be written.
        """
        try:
            self._members.claim(first=True)
            while self._members.living:
                self._turn()
            if not (self._shares.finished or self.stops):
                raise self._last or EnvironmentUnfit(
                    "no node of the cluster is left", when=self._so_far(), now=f"mend the cluster, then {_GO_ON}"
                )
        finally:
            self._members.dismiss()

    def stop(self) -> None:
        """One more request to stop: the first lets workers finish what they have, the second leaves at once."""
        self.stops += 1
        if self.stops > 1:
            raise KeyboardInterrupt

    @property
    def _over(self) -> bool:
        return bool(self.stops) or self._shares.finished

    def _turn(self) -> None:
        waiting = {member.pending: member for member in self._members.living}
        for pending in self._cluster.wait(waiting, _LISTEN_S):
            self._listen(waiting[pending])
        for member in list(self._members.living):
            silent_s = monotonic() - member.since
            if self._over and member.ready is None:
                self._members.part(member, "it was not needed any more")
            elif not member.alive and silent_s > START_S:
                self._lose(member, "it did not come to life", _busy(member))
            elif silent_s > self._charge.asked.timeout_s:
                self._lose(member, f"it gave no answer for {silent_s:.0f} s")
        self._recorder.check()
        counts = replace(self._members.counts, done=self.done, failed=self.failed, unwritten=self._recorder.unwritten)
        stage_s = {**counts.stage_s, Stage.WRITE: self._recorder.seconds}
        self._ticker.observe(replace(counts, stage_s=stage_s))

    # --- what outposts say ---

    def _listen(self, member: Member) -> None:
        try:
            answer = self._cluster.answer(member.pending)
        except Lost as lost:
            self._lose(member, str(lost))
        else:
            member.alive = True
            self._hear(member, answer)

    def _hear(self, member: Member, answer: Any) -> None:
        if isinstance(answer, News):
            self._hear_news(member, answer)
        elif isinstance(answer, Refused):
            self._refuse(member, answer)
        else:
            refused = self._admission.go_on(member, answer)
            if refused is not None:
                self._refuse(member, refused)

    def _hear_news(self, member: Member, news: News) -> None:
        self._members.hear(member, news)
        rows = [(number_of(line), says_failed(line), line) for line in news.lines]
        fresh = [row for row in rows if self._shares.settle(member.place.node, row[0])]
        self._tally.settle(fresh)
        member.images += len(fresh)
        for sentence in news.said:
            self._say(f"{member.name}: {sentence}")
        if news.contract is not None and member.ready is None:
            refused = self._meet(member, news.contract, news.layout.batch)
            if refused is not None:
                self._refuse(member, refused)
                return
        if news.end is None:
            member.ask("exchange", self._order(member))
        elif isinstance(news.end, Refused):
            self._lose(member, news.end.what, _error(member, news.end))
        else:
            self._members.part(member, news.end)

    def _meet(self, member: Member, contract: "Contract", batch: int) -> Refused | None:
        """A model was loaded: the first decides how groups are made, and the others must agree."""
        if self.contract is None:
            self.contract, self._batch = contract, batch
            charge = self._charge
            self._shares = Shares(bytearray(charge.done), batch, charge.items.stretch)
            self._ticker.begin()
            self.began = monotonic()
        elif (contract, batch) != (self.contract, self._batch):
            what = "the model of a node takes other images, or says other things, than that of another"
            return Refused(what, "", "give all nodes the same model", ExitCode.ENVIRONMENT)
        self._members.ready(member)
        self._shares.came(member.place.node)
        return None

    # --- what they are told ---

    def _order(self, member: Member) -> Order:
        if member.ready is None or self._over:
            return Order(stop=bool(self.stops), close=self._shares.finished)
        layout = member.layout
        least = LEAST_GROUPS * layout.batch * max(layout.workers, len(layout.devices))
        most = least + layout.queue + layout.decoders + int(LEAD_S * member.rate)
        return Order(self._shares.give(member.place.node, most, least), hopeful=self.done > 0)

    # --- who leaves ---

    def _refuse(self, member: Member, refused: Refused) -> None:
        """A node cannot take part: that ends a run that begins, and is said in one that goes on."""
        error = _error(member, refused)
        if member.first:
            raise error
        self._lose(member, refused.what, error)

    def _lose(self, member: Member, why: str, error: StopwattError | None = None) -> None:
        """An outpost is gone; one that says why is not started again."""
        returned = self._shares.lost(member.place.node)
        self._members.part(member, why, for_ever=error is not None)
        self._last = error or self._last
        going = f"; {counted(returned, 'image')} go to others" if returned else ""
        self._say(f"{member.name} was lost: {why}{going}")
        if not self._over:
            for new in self._members.claim(first=False):
                self._say(f"{new.name}: a new outpost is started")

    def _so_far(self) -> str:
        charge = self._charge
        return f"{len(charge.done) - self._shares.unsettled} of {len(charge.done)} images are done"


def _busy(member: Member) -> StopwattError:
    return EnvironmentUnfit(
        f"nothing could be started on a node within {START_S:g} s",
        when=f"{member.name}: {counted(member.place.cores, 'core')} were asked for",
        now="look whether others have claimed them (ray status), and start again when they are free",
    )


def _error(member: Member, refused: Refused) -> StopwattError:
    where = f"{member.name}: {refused.when}" if refused.when else f"node {member.name}"
    error = StopwattError(refused.what, when=where, now=refused.now)
    error.exit_code = ExitCode(refused.code)
    return error
