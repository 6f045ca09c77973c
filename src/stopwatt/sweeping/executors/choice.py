"""Who measures a plan: this machine, or the nodes of a cluster."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from stopwatt.errors import UsageError
from stopwatt.extensions import unknown
from stopwatt.sweeping.plan import Plan
from stopwatt.sweeping.rounds import Rounds

PROCESS = "process"
RAY = "ray"


@dataclass(frozen=True, slots=True)
class Executor:
    """Who measures.

    Attributes:
        kind: `process` (here, one round after another) or `ray`.
        address: Of the cluster; empty for one of this machine's own.
        machines: Kinds of machines that shall measure every cell, by digest, node name or label; empty for the only
            one that there is.
    """

    kind: str = PROCESS
    address: str = ""
    machines: Sequence[str] = ()

    @classmethod
    def read(cls, text: str, machines: Sequence[str] = ()) -> "Executor":
        """`process`, `ray` or `ray:ADDRESS`.

        Raises:
            UsageError: Something else, or machines to choose from where there is only this one.
        """
        kind, _, address = text.partition(":")
        if kind not in (PROCESS, RAY) or (kind == PROCESS and address):
            raise unknown("executor", text, (PROCESS, RAY, f"{RAY}:ADDRESS"))
        if machines and kind == PROCESS:
            raise UsageError("there is only this machine", when=f"machine {machines[0]}", now="add --executor ray")
        return cls(kind, address, machines)


@contextmanager
def placed(plan: Plan, executor: Executor) -> Iterator[tuple[Plan, Rounds | None]]:
    """The plan as the executor measures it, and its rounds (`None`: those of this machine).

    On a cluster the cells are those of its machines, as their keys say.

    Raises:
        UsageError: The cells need different devices, or several kinds of machines and no wish.
        EnvironmentUnfit: The cluster does not answer, has no room, or has other versions of the software.
    """
    if executor.kind == PROCESS:
        yield plan, None
        return
    from stopwatt.sweeping.executors.ray_rounds import Cluster, RayRounds, check_software

    devices = sorted({cell.setup.device for cell in plan.cells})
    if len(devices) > 1:
        raise UsageError(
            f"a sweep on a cluster has one device, not {' and '.join(devices)}", now="sweep each of them by itself"
        )
    threads = max(cell.setup.threads for cell in plan.cells)
    cluster = Cluster(executor.address, devices[0], threads, plan.protocol.timeout_s)
    try:
        cluster.open()
        chosen = cluster.choose(executor.machines)
        check_software(cluster, plan.cells)
        cells = tuple(replace(cell, machine=machine) for machine in chosen for cell in plan.cells)
        yield replace(plan, cells=cells, facts=next(iter(chosen.values()))), RayRounds(cluster)
    finally:
        cluster.close()
