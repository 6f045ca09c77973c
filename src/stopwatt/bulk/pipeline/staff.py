"""Who works in a run: decoders and workers by their names, those who come and those who leave."""

import os
from collections.abc import Sequence
from time import monotonic

from stopwatt.bulk.pipeline import orders
from stopwatt.bulk.pipeline.crew import DECODER, WORKER, Crew, Member
from stopwatt.bulk.pipeline.groups import Begin
from stopwatt.bulk.pipeline.schedule import Schedule
from stopwatt.bulk.pipeline.serve import Load
from stopwatt.bulk.records import Layout
from stopwatt.serving.contract import Preprocess


class Staff:
    """The members of a crew and their names.

    Args:
        crew: Empty.
        load: What workers load.
        threads: Host threads of a worker.

    Attributes:
        decoders, lanes: Members by name; a worker with several lanes stands for each.
    """

    def __init__(self, crew: Crew, load: Load, threads: int) -> None:
        self._crew = crew
        self._load = load
        self._threads = threads
        self._names = 0
        self._leaving: set[int] = set()  # processes, by their numbers
        self._first: orders.Begin | None = None
        self.decoders: dict[int, Member] = {}
        self.lanes: dict[int, Member] = {}

    @property
    def workers(self) -> list[Member]:
        """Each once, the oldest first."""
        return list({id(member): member for member in self.lanes.values()}.values())

    @property
    def loading(self) -> bool:
        """Whether any worker is not ready."""
        return not all(member.is_ready for member in self.lanes.values())

    def hire_worker(self, devices: tuple[str, ...]) -> None:
        """Start a worker with a lane for each device; it says when they are ready."""
        self._start_worker(self._new_names(len(devices)), devices)

    def hire_decoders(self, count: int, schedule: Schedule) -> None:
        """Start decoders; `equip` has said what they do."""
        for name in self._new_names(count):
            self._start_decoder(name, schedule)

    def equip(self, slots: str, preprocess: Preprocess) -> None:
        """From now on there can be decoders.

        Args:
            slots: Name of the slots.
            preprocess: What the model takes.
        """
        self._first = orders.Begin(os.getpid(), slots, preprocess)

    def again(self, member: Member, schedule: Schedule) -> None:
        """Start another process in a dead one's place."""
        if self.is_decoder(member):
            self._start_decoder(member.names[0], schedule)
        else:
            self._start_worker(member.names, member.devices)

    def resize(self, layout: Layout, schedule: Schedule) -> None:
        """Let as many come or leave as the layout says; the youngest leave first, once they have nothing to do."""
        self.hire_decoders(max(0, layout.decoders - len(self.decoders)), schedule)
        workers = self.workers
        for place in range(len(workers), layout.workers):
            self.hire_worker((layout.devices[place % len(layout.devices)],))
        surplus = [self.decoders[name] for name in sorted(self.decoders)[layout.decoders :]]
        self._retire([*surplus, *workers[layout.workers :]], schedule)

    def see_off(self, schedule: Schedule) -> Sequence[int]:
        """Let those go who were to leave and have nothing more to do; the names of their lanes."""
        if not self._leaving:
            return ()
        decoders, lanes = schedule.left()
        members = [self.decoders[name] for name in decoders]
        members += [self.lanes[name] for name in lanes]  # a worker with several lanes was asked for: it never leaves
        for member in members:
            self.forget(member)
            self._crew.dismiss(member)
        return lanes

    def is_decoder(self, member: Member) -> bool:
        """Or a worker."""
        return self.decoders.get(member.names[0]) is member

    def has_others(self, member: Member) -> bool:
        """Whether a worker other than this one is at work."""
        return any(one.is_ready and one is not member and not self.leaves(one) for one in self.lanes.values())

    def leaves(self, member: Member) -> bool:
        """Whether it was to leave."""
        return member.child.pid in self._leaving

    def forget(self, member: Member) -> None:
        """It is gone, and nobody comes in its place."""
        self._leaving.discard(member.child.pid)
        for name in member.names:
            self.decoders.pop(name, None)
            self.lanes.pop(name, None)

    def end_the_stuck(self, worker_s: float, decoder_s: float) -> None:
        """End processes that owe an answer for longer than this; their death is heard like any other."""
        now = monotonic()
        for member in self._crew.members:
            most_s = decoder_s if self.is_decoder(member) else worker_s
            if member.busy_since is not None and now - member.busy_since > most_s:
                self._crew.end(member, f"it gave no answer for {most_s:g} s and was ended")

    def _retire(self, members: Sequence[Member], schedule: Schedule) -> None:
        for member in members:
            self._leaving.add(member.child.pid)
            if self.is_decoder(member):
                schedule.leave(decoders=member.names)
            elif member.is_ready:
                schedule.leave(lanes=member.names)
            else:
                self.forget(member)
                self._crew.dismiss(member)

    def _new_names(self, count: int) -> tuple[int, ...]:
        self._names += count
        return tuple(range(self._names - count, self._names))

    def _start_worker(self, names: tuple[int, ...], devices: tuple[str, ...]) -> None:
        begin = Begin(os.getpid(), self._load, devices)
        member = self._crew.hire(WORKER, self._threads, names, begin, devices)
        self.lanes.update(dict.fromkeys(names, member))

    def _start_decoder(self, name: int, schedule: Schedule) -> None:
        assert self._first is not None  # noqa: S101  (the first model has said what an image is)
        self.decoders[name] = self._crew.hire(DECODER, 1, (name,), self._first)
        self.decoders[name].busy_since = None
        schedule.decoder_came(name)
