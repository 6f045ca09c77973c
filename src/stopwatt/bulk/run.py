"""A bulk run from its request to its record."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from stopwatt.bulk.asked import Asked, Executor, check
from stopwatt.bulk.judging.instruments import device_of
from stopwatt.bulk.judging.oversight import FEW, NO_CEILINGS, NOTHING_DONE, Oversight
from stopwatt.bulk.judging.probing import probed_batch
from stopwatt.bulk.judging.ticks import Nobody, Ticker, Watching
from stopwatt.bulk.keeping import folder as folders
from stopwatt.bulk.keeping import writer
from stopwatt.bulk.keeping.document import record_document
from stopwatt.bulk.keeping.identity import Chosen, choose, identity_of, threaded
from stopwatt.bulk.keeping.journal import NAME as JOURNAL
from stopwatt.bulk.keeping.journal import Identity, Journal
from stopwatt.bulk.keeping.recorder import Recorder
from stopwatt.bulk.pipeline.coordinator import Coordinator
from stopwatt.bulk.pipeline.crew import Crew
from stopwatt.bulk.pipeline.job import Job
from stopwatt.bulk.pipeline.layout import first_layout
from stopwatt.bulk.records import Bottleneck, Ceilings, Layout, Node, Record
from stopwatt.errors import StoreError
from stopwatt.images.source import Source, open_source
from stopwatt.measuring.load import usable_cores
from stopwatt.records import Scalar
from stopwatt.serving.contract import Contract
from stopwatt.sweeping.execute import Interrupted, stoppable
from stopwatt.text import counted

if TYPE_CHECKING:
    from stopwatt.bulk.cluster.joined import Joined


@dataclass(frozen=True, slots=True)
class _Part:
    """What this part of a run did."""

    layout: Layout
    contract: Contract
    done: int = 0
    failed: int = 0
    seconds: float = 0.0
    restarts: int = 0
    ceilings: Ceilings = NO_CEILINGS
    bottleneck: Bottleneck = NOTHING_DONE
    notes: tuple[str, ...] = ()
    nodes: tuple[Node, ...] = ()


class _Pipeline(Protocol):
    """What does the images: a coordinator here, or a fleet of them."""

    stops: int
    began: float
    contract: Contract | None

    @property
    def layout(self) -> Layout:
        """As it is."""
        ...

    @property
    def done(self) -> int:
        """Images with a result, of this part of the run."""
        ...

    @property
    def failed(self) -> int:
        """Images without."""
        ...

    @property
    def restarts(self) -> int:
        """Processes that died and were started again."""
        ...

    def run(self) -> None:
        """Do everything."""
        ...

    def stop(self) -> None:
        """One more request to stop."""
        ...


def run_bulk(asked: Asked, watching: Watching | None = None) -> Record:
    """Look at all images, or at those that an earlier part of the run has not done.

    Args:
        asked: The request.
        watching: Told how it goes.

    Raises:
        UsageError: The request cannot be met, or another run's results are in the folder.
        Interrupted: The user stopped it; the same command goes on.
        StoreError: The results cannot be written; the journal is intact.
        StopwattError: The model cannot be run.
    """
    check(asked)
    watching = watching or Nobody()
    source = open_source(asked.data, images=asked.images, limit=asked.limit)
    chosen = choose(asked, 0)
    folders.prepare(asked.out, fresh=asked.fresh)  # a model that is not there costs no earlier results
    for notice in chosen.notices:  # before any of that code runs
        watching.say(notice)
    chosen = _with_batch(chosen, asked, source, watching)
    identity = Identity(identity_of(chosen, source, asked), {"batch": chosen.load.setup.batch})
    with Journal.open(asked.out, identity, len(source.items)) as journal:
        folders.tidy(asked.out)
        chosen = choose(asked, int(journal.settings["batch"]))
        run = _Run(asked, source, chosen, journal, watching)
        try:
            return run.go()
        finally:
            watching.end()


def _with_batch(chosen: Chosen, asked: Asked, source: Source, watching: Watching) -> Chosen:
    """The model with the batch that suits it, where that may be chosen; a run that goes on keeps the batch it has."""
    known = asked.batch or (asked.out / JOURNAL).exists()
    if known or not asked.auto or asked.executor is not Executor.LOCAL or len(source.items) < FEW:
        return chosen
    layout = first_layout(asked, chosen.load.setup.batch, len(usable_cores()))
    return choose(asked, probed_batch(chosen, layout, source.items, watching, asked.timeout_s))


class _Run:
    def __init__(self, asked: Asked, source: Source, chosen: Chosen, journal: Journal, watching: Watching) -> None:
        self._asked = asked
        self._source = source
        self._chosen = chosen
        self._journal = journal
        self._watching = watching
        self._notes = (*source.notes, *chosen.notices, *_about(journal, chosen))
        self._resumed = sum(map(bool, journal.done))
        self._ticker: Ticker | None = None

    def go(self) -> Record:
        """Do it."""
        total = len(self._source.items)
        batch = self._chosen.load.setup.batch
        known = folders.contract_of(self._asked.out)
        complete = self._resumed == total and known is not None
        cluster = None if complete or self._asked.executor is Executor.LOCAL else self._join()
        layout = cluster.layout if cluster else first_layout(self._asked, batch, len(usable_cores()))
        self._watching.begin(total, self._resumed, layout)
        for note in self._notes:
            if note not in self._chosen.notices:
                self._watching.say(note)
        if complete and known is not None:
            part = _Part(layout, known)
        else:
            part = self._work(layout) if cluster is None else self._work_on(cluster)
        record = self._record(part)
        try:
            self._write(part, record)
        except StoreError as error:
            now = "free some space, then give the same command again: all images are done, only files are written"
            raise StoreError(error.what, when=error.when, now=now) from error
        return record

    def _write(self, part: _Part, record: Record) -> None:
        """The files that people read.

        Raises:
            StoreError: There is no space for them.
        """
        out, per_image = self._asked.out, self._asked.per_image
        writer.write_results(out, self._journal, self._source.items, part.contract, per_image=per_image)
        writer.write_summary(out, record_document(record))

    def _work(self, layout: Layout) -> _Part:
        asked, total = self._asked, len(self._source.items)
        load = threaded(self._chosen.load, layout.threads)
        job = Job(
            self._source.items, self._journal.done, load, layout, asked.queue is None, asked.auto, asked.timeout_s
        )  # fmt: skip
        ticks = asked.out / writer.TICKS
        with (
            Ticker(self._watching, file=ticks, device=device_of(layout.devices)) as ticker,
            Recorder(self._journal) as recorder,
            Crew() as crew,
        ):
            self._ticker = ticker
            overseer = Oversight(asked, ticker, self._watching, total - self._resumed)
            coordinator = Coordinator(job, crew, recorder, overseer)
            seconds = _carried_out(coordinator, recorder)
        return replace(
            self._part(coordinator, seconds),
            ceilings=overseer.ceilings,
            bottleneck=overseer.diagnosis(coordinator.layout),
            notes=ticker.trouble,
        )

    def _join(self) -> "Joined":
        from stopwatt.bulk.cluster.joined import Joined

        self._watching.say("joining the cluster")
        return Joined(self._asked, self._chosen.load.setup.batch)

    def _work_on(self, cluster: "Joined") -> _Part:
        from stopwatt.bulk.cluster.fleet import Charge, Fleet
        from stopwatt.bulk.cluster.gathered import Gathered
        from stopwatt.bulk.cluster.member import Members

        gathered = Gathered()
        members = Members(cluster, gathered)
        charge = Charge(self._asked, self._source.items, self._journal.done, self._chosen, self._watching.say)
        ticks = self._asked.out / writer.TICKS
        with (
            Ticker(self._watching, file=ticks, instruments=gathered) as ticker,
            Recorder(self._journal) as recorder,
        ):
            self._ticker = ticker
            fleet = Fleet(charge, cluster, members, recorder, ticker)
            seconds = _carried_out(fleet, recorder)
        return replace(
            self._part(fleet, seconds),
            ceilings=members.ceilings(),
            bottleneck=members.diagnosis(),
            notes=(*members.notes(), *ticker.trouble),
            nodes=members.nodes(seconds),
        )

    def _part(self, pipeline: _Pipeline, seconds: float) -> _Part:
        """What it did, if it was not stopped."""
        done, failed = pipeline.done, pipeline.failed
        if pipeline.stops:
            raise Interrupted(
                "stopped on request",
                when=f"{self._resumed + done + failed} of {len(self._source.items)} images are done",
                now="give the same command again: it goes on where it stopped",
            )
        assert pipeline.contract is not None  # noqa: S101  (known since the model was loaded)
        folders.keep_contract(self._asked.out, pipeline.contract)
        return _Part(pipeline.layout, pipeline.contract, done, failed, seconds, pipeline.restarts)

    def _record(self, part: _Part) -> Record:
        failed = Counter(str(entry["failed"][0]) for _, entry in self._journal.entries(failed=True))
        images = len(self._source.items)
        rate = (part.done + part.failed) / part.seconds if part.seconds else None
        return Record(
            images=images,
            done=images - failed.total(),
            failed=dict(failed),
            seconds=part.seconds,
            images_per_s=rate,
            layout=part.layout,
            bottleneck=part.bottleneck,
            ceilings=part.ceilings,
            ticks=self._ticker.ticks if self._ticker else (),
            resumed=self._resumed,
            restarts=part.restarts,
            energy=self._ticker.energy(part.done) if self._ticker else {},
            facts=self._facts(),
            notes=(*self._notes, *part.notes),
            nodes=part.nodes,
        )

    def _facts(self) -> Mapping[str, Scalar]:
        places = {"data.path": self._asked.data, "data.images": self._asked.images}
        found = {name: str(Path(place).absolute()) for name, place in places.items() if place is not None}
        return {**self._chosen.facts, "data": self._source.described, **found}  # to find the images again


def _carried_out(pipeline: _Pipeline, recorder: Recorder) -> float:
    """Let it do everything, and have it written; seconds from the first image on."""
    with stoppable(pipeline):
        pipeline.run()
    recorder.flush()
    return monotonic() - pipeline.began


def _about(journal: Journal, chosen: Chosen) -> Iterator[str]:
    """What somebody who goes on with a journal must know."""
    before, batch = journal.settings["batch"], chosen.load.setup.batch
    if before != batch:
        yield f"an earlier part of the run had batches of {before}, this one of {batch}: the last digits may differ"
    if journal.damaged:
        yield f"{counted(journal.damaged, 'line')} of the journal could not be read: those images are done again"
