"""Rounds on the machines of a Ray cluster, as many at once as have cores or GPUs of their own.

On each node live keepers (`executors.keeper`), actors that own a share of it: some cores, or a whole GPU. A round goes
to a free keeper of the cell's machine, which measures it in a fresh worker process, as at home, and returns the record;
the driver saves it. A keeper that dies, with its node or alone, loses nothing but its running round, which another
keeper then measures.
"""

import contextlib
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stopwatt import wire
from stopwatt.devices.resolve import kind_of
from stopwatt.errors import EnvironmentUnfit, UsageError
from stopwatt.measuring.job import Answer, Job, JobKind
from stopwatt.records import Cell, Scalar, Status, Trouble
from stopwatt.sweeping.executors.joining import join, ray_module
from stopwatt.sweeping.executors.keeper import Keeper
from stopwatt.sweeping.rounds import Finished
from stopwatt.sweeping.turns import Turn

MOST_TRIES = 3
"""Keepers that may die of the same round before the round is held to be the cause."""
_LISTEN_S = 1.0  # between two looks at whether the user asked to stop
_START_S = 120.0  # for a keeper to come to life


@dataclass(slots=True)
class Share:
    """A keeper and what it does.

    Attributes:
        node: Id of its node.
        machine: Digest of the machine's identity.
        turn: What it measures now.
    """

    keeper: Any
    node: str
    machine: str
    facts: Mapping[str, Scalar]
    turn: Turn | None = None


@dataclass(slots=True)
class Cluster:
    """The machines that a plan may use.

    Args:
        address: Of the cluster (`auto`, `host:6379`, `ray://host:10001`); empty for one of this machine's own.
        device: `cpu` or `cuda`.
        threads: Cores of a share.
        timeout_s: Longest time for a round.

    Raises:
        EnvironmentUnfit: Ray is not installed, the cluster does not answer, or no node has room for a share.
    """

    address: str
    device: str
    threads: int
    timeout_s: float
    shares: list[Share] = field(default_factory=list)

    def open(self) -> None:
        """Connect, and claim shares of all nodes."""
        join(self.address)
        self.claim()
        if not self.shares:
            raise EnvironmentUnfit(
                f"no node of the cluster has {self._needs()} free",
                when=self.address or "a cluster of this machine alone",
                now="ask for fewer --threads, or add nodes",
            )

    def claim(self) -> None:
        """A keeper for every share of every living node that has none yet."""
        ray = ray_module()
        taken = Counter(share.node for share in self.shares)
        for node in ray.nodes():
            ident = str(node["NodeID"])
            room = self._room(node["Resources"]) if node["Alive"] else 0
            self.shares += self._start(ident, room - taken[ident])

    def drop(self, share: Share) -> None:
        """Forget a share whose keeper died."""
        self.shares.remove(share)
        with contextlib.suppress(Exception):
            ray_module().kill(share.keeper)

    def machines(self) -> dict[str, Mapping[str, Scalar]]:
        """Facts of each kind of machine, by the digest of its identity."""
        return {share.machine: share.facts for share in self.shares}

    def choose(self, wanted: Sequence[str]) -> dict[str, Mapping[str, Scalar]]:
        """The kinds of machines that a user asks for, by digest or its beginning, node name, or node label.

        Without a wish there must be one kind only: cells measured on different machines are different cells.

        Raises:
            UsageError: No such machine, or several kinds and no wish.
        """
        found = self.machines()
        if not wanted:
            if len(found) > 1:
                raise UsageError(
                    f"the cluster has {len(found)} kinds of machines: {_listed(found)}",
                    now="name one or several of them: --machine DIGEST",
                )
            return found
        chosen: dict[str, Mapping[str, Scalar]] = {}
        for word in wanted:
            fitting = {s.machine: s.facts for s in self.shares if word in self._names(s) or s.machine.startswith(word)}
            if not fitting:
                raise UsageError(f"no machine {word!r} in the cluster", now=f"there are: {_listed(found)}")
            chosen |= fitting
        return chosen

    def close(self) -> None:
        """Give all shares back."""
        ray = ray_module()
        for share in self.shares:
            with contextlib.suppress(Exception):
                ray.get(share.keeper.close.remote(), timeout=5)
            with contextlib.suppress(Exception):
                ray.kill(share.keeper)
        self.shares.clear()

    def _start(self, node: str, count: int) -> list[Share]:
        """New keepers on a node; those that find no cores of their own are not counted."""
        ray = ray_module()
        gpus = 0 if kind_of(self.device) == "cpu" else 1
        actor = ray.remote(num_cpus=self.threads, num_gpus=gpus, max_concurrency=2, max_restarts=0)(Keeper)
        place = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node, soft=False)
        started = [
            actor.options(scheduling_strategy=place).remote(self.threads, self.device, self.timeout_s)
            for _ in range(count)
        ]
        shares = []
        for keeper in started:
            try:
                machine, facts = ray.get(keeper.about.remote(), timeout=_START_S)
            except (ray.exceptions.RayError, ray.exceptions.GetTimeoutError):
                with contextlib.suppress(Exception):
                    ray.kill(keeper)
            else:
                shares.append(Share(keeper, node, machine, facts))
        return shares

    def _room(self, resources: Mapping[str, float]) -> int:
        by_cores = int(resources.get("CPU", 0)) // self.threads
        return by_cores if kind_of(self.device) == "cpu" else min(by_cores, int(resources.get("GPU", 0)))

    def _names(self, share: Share) -> set[str]:
        for node in ray_module().nodes():
            if node["NodeID"] == share.node:
                labels = node.get("Labels") or {}
                return {str(node.get("NodeName")), str(node.get("NodeManagerHostname")), *map(str, labels.values())}
        return set()

    def _needs(self) -> str:
        cores = f"{self.threads} core{'s' if self.threads > 1 else ''}"
        return cores if kind_of(self.device) == "cpu" else f"{cores} and a GPU"


class RayRounds:
    """Rounds on a cluster (`rounds.Rounds`).

    Args:
        cluster: Opened.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._waiting: deque[Turn] = deque()
        self._running: dict[Any, Share] = {}
        self._tries: Counter[tuple[str, int]] = Counter()
        self._stopping = False
        self._told = False

    def capacity(self) -> int:
        """Shares that are alive."""
        return max(1, len(self._cluster.shares))

    def start(self, turn: Turn) -> None:
        """Give a round to a free share of its machine, now or when there is one."""
        self._waiting.append(turn)
        self._hand_out()

    def finished(self) -> Finished:
        """Sleep until a round is over; one whose keeper died goes to another keeper.

        Raises:
            EnvironmentUnfit: No share of the cell's machine is left, and none comes back.
        """
        ray = ray_module()
        while True:
            self._hand_out()
            if not self._running:
                return self._nowhere()
            done, _ = ray.wait(list(self._running), timeout=_LISTEN_S)
            if self._stopping and not self._told:
                self._told = True
                for share in self._running.values():
                    share.keeper.interrupt.remote()
            for reference in done:
                share = self._running.pop(reference)
                turn, share.turn = share.turn, None
                assert turn is not None  # noqa: S101  (it was running)
                try:
                    return wire.from_json(Finished, ray.get(reference))
                except ray.exceptions.RayTaskError:
                    raise  # a fault of ours, with its traceback
                except ray.exceptions.RayError as error:
                    self._cluster.drop(share)
                    lost = self._lost(turn, error)
                    if lost is not None:
                        return lost

    def interrupt(self) -> None:
        """Close the running rounds. Only takes note: `finished` tells the keepers, outside the signal handler."""
        self._stopping = True

    def kill(self) -> None:
        """End everything; the keepers' workers die with them."""
        self._stopping = True

    def close(self) -> None:
        """Give the shares back."""
        self._cluster.close()

    def _hand_out(self) -> None:
        for turn in [] if self._stopping else list(self._waiting):
            free = (s for s in self._cluster.shares if s.turn is None and s.machine == turn.cell.machine)
            share = next(free, None)
            if share is not None:
                self._waiting.remove(turn)
                share.turn = turn
                self._running[share.keeper.measure.remote(wire.to_json(turn))] = share

    def _lost(self, turn: Turn, error: Exception) -> Finished | None:
        """A round whose keeper died: again, unless keepers keep dying of it or the user asked to stop."""
        self._tries[turn.key, turn.round] += 1
        if self._stopping:
            return _finished(
                turn, Status.INTERRUPTED, "interrupted", "start the same command again: it goes on from here"
            )
        if self._tries[turn.key, turn.round] >= MOST_TRIES:
            what = f"{MOST_TRIES} nodes or their processes died while they measured this: {str(error).splitlines()[0]}"
            return _finished(turn, Status.KILLED, what, "look at the nodes' logs (ray logs); then repeat")
        self._waiting.appendleft(turn)
        return None

    def _nowhere(self) -> Finished:
        """Nothing runs, though something should: the user asked to stop, or the machine is gone."""
        turn = self._waiting[0]
        if self._stopping:
            self._waiting.popleft()
            return _finished(
                turn, Status.INTERRUPTED, "interrupted", "start the same command again: it goes on from here"
            )
        self._cluster.claim()  # a node may have come back, or a new one joined
        self._hand_out()
        if self._running:
            return self.finished()
        raise EnvironmentUnfit(
            f"no node of the kind {turn.cell.machine[:8]} is left in the cluster",
            when=turn.cell.label,
            now="everything measured is saved: mend the cluster and start the same command again; it goes on",
        )


def check_software(cluster: Cluster, cells: Sequence[Cell]) -> None:
    """Refuse nodes whose packages differ from those that the plan was made with: they would measure something else.

    Raises:
        EnvironmentUnfit: Names the first node and package that differ.
    """
    ray = ray_module()
    for cell in {(cell.workload.source, cell.setup.backend): cell for cell in cells}.values():
        for share in cluster.shares:
            there = ray.get(share.keeper.software.remote(wire.to_json(cell)))
            for package in sorted({*cell.software, *there}):
                here, other = cell.software.get(package, "none"), there.get(package, "none")
                if here != other:
                    raise EnvironmentUnfit(
                        f"{package} is {other} on a node of the cluster and {here} where the plan was made",
                        when=f"node {share.node[:8]}, for {cell.setup.backend}",
                        now="install the same versions on all nodes",
                    )


def _finished(turn: Turn, status: Status, what: str, now: str) -> Finished:
    answer = Answer(status, Trouble(what, now=now))
    job = Job(JobKind.MEASURE, turn.cell, bundle="", round=turn.round)
    return Finished(turn, answer.measurement(job), 0.0)


def _listed(machines: Mapping[str, Mapping[str, Scalar]]) -> str:
    return "; ".join(f"{digest[:8]} ({facts.get('cpu.model', 'unknown CPU')})" for digest, facts in machines.items())
