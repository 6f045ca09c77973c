"""Which nodes of a cluster take part, and how the run is laid out on each. Pure.

Threads of a worker are the same on all nodes, since they are part of what a model computes to the last digit; a node
with more cores has more workers.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stopwatt.bulk.asked import Asked
from stopwatt.bulk.pipeline.layout import first_layout
from stopwatt.bulk.records import Layout
from stopwatt.errors import UsageError

_CPU, _CUDA = "cpu", "cuda"


@dataclass(frozen=True, slots=True)
class Place:
    """A node that can take part.

    Attributes:
        node: Ray's id of it.
        name: For people, different for each.
        cores, gpus: That it offers.
    """

    node: str
    name: str
    cores: int
    gpus: int


def places_of(nodes: Sequence[Mapping[str, Any]], gpus: int) -> list[Place]:
    """Living nodes that offer a core and so many GPUs.

    Args:
        nodes: As `ray.nodes()` says.
        gpus: That each must have.
    """
    living = [node for node in nodes if node["Alive"]]
    names = Counter(str(node["NodeManagerHostname"]) for node in living)
    found = []
    for node in living:
        ident, host, offers = str(node["NodeID"]), str(node["NodeManagerHostname"]), node["Resources"]
        place = Place(
            node=ident,
            name=host if names[host] == 1 else f"{host}-{ident[:6]}",
            cores=int(offers.get("CPU", 0)),
            gpus=int(offers.get("GPU", 0)),
        )
        if place.cores >= 1 and place.gpus >= gpus:
            found.append(place)
    return found


def gpus_of(devices: Sequence[str]) -> int:
    """GPUs that each node must have.

    Raises:
        UsageError: They are not numbered from 0, as a node numbers those that it is given.
    """
    wanted = {device for device in devices if device != _CPU}
    numbers = sorted(int(device.partition(":")[2] or 0) for device in wanted)
    if any(not device.startswith(_CUDA) for device in wanted) or numbers != list(range(len(numbers))):
        raise UsageError(
            f"on a cluster each node numbers its GPUs from 0, and {', '.join(sorted(wanted))} do not begin there",
            now=f"write --device {','.join(f'{_CUDA}:{number}' for number in range(len(numbers)))}",
        )
    return len(numbers)


def threads_of(asked: Asked, batch: int, places: Sequence[Place]) -> int:
    """Threads of a worker that the smallest node, too, has cores for."""
    return first_layout(asked, batch, min(place.cores for place in places)).threads


def layout_of(asked: Asked, batch: int, place: Place, threads: int) -> Layout:
    """How the run is laid out on a node."""
    wanted = replace(asked, threads=threads)
    if not asked.workers and all(device == _CPU for device in asked.devices):
        kept = 0 if asked.queue == 0 else asked.decoders or place.cores // 2  # as one machine shares its cores out
        wanted = replace(wanted, workers=max(len(asked.devices), (place.cores - kept) // threads))
    return first_layout(wanted, batch, place.cores)


def together(layouts: Sequence[Layout]) -> Layout:
    """What nodes have in all; one layout at least."""
    first = layouts[0]
    return Layout(
        decoders=sum(one.decoders for one in layouts),
        workers=sum(one.workers for one in layouts),
        devices=tuple(device for one in layouts for device in one.devices),
        batch=first.batch,
        queue=sum(one.queue for one in layouts),
        threads=first.threads,
    )
