"""How a run is laid out where nobody says: few assumptions, which `--auto` then corrects."""

from collections.abc import Sequence
from dataclasses import replace

from stopwatt.bulk.asked import Asked
from stopwatt.bulk.records import Layout

_QUEUE_BYTES = 512 * 2**20
"""Of decoded images that wait, at most; at least one batch may."""
_QUEUE_GROUPS = 4
"""Batches of each lane that may wait."""
_QUEUE_LEAST, _QUEUE_CHEAP_BYTES = 256, 8 * 2**20
"""Images that may wait in any case, and what they may take: tiny ones come and go many at once. Large ones that wait
long have left the caches when the model gets them, and at the end keep it busy when decoders have nothing to do."""
_CORES_FOR_A_GPU = 2
"""What a worker on a GPU uses of the host beside its decoders."""


def first_layout(asked: Asked, batch: int, cores: int) -> Layout:
    """What is asked for, and a guess for the rest.

    Args:
        asked: The request; 0 stands for a guess.
        batch: Images of a call.
        cores: That the run may use.
    """
    workers = asked.workers or len(asked.devices)
    lanes = max(workers, len(asked.devices))
    on_cpu = all(device == "cpu" for device in asked.devices)
    queue = _QUEUE_GROUPS * batch * lanes if asked.queue is None else asked.queue
    kept = (asked.decoders or cores // 2) if queue else 0  # cores for decoding, where nobody says otherwise
    threads = asked.threads or (max(1, (cores - kept) // lanes) if on_cpu else 1)
    decoders = (asked.decoders or _decoders(lanes, threads, cores, on_cpu=on_cpu)) if queue else 0
    return Layout(decoders, workers, _in_turn(asked.devices, workers), batch, queue, threads)


def fitting(layout: Layout, image_bytes: int) -> Layout:
    """The same with a queue of some hundred images, where they are tiny, and of half a gigabyte or one batch at most.

    Args:
        layout: Whose queue nobody asked for.
        image_bytes: Of one image as the model takes it.
    """
    least = min(_QUEUE_LEAST, _QUEUE_CHEAP_BYTES // image_bytes)
    most = max(layout.batch, _QUEUE_BYTES // image_bytes)
    return replace(layout, queue=min(max(layout.queue, least), most))


def spare_slots(used: int, image_bytes: int) -> int:
    """Slots of a layout that may grow: several times as many, within half a gigabyte."""
    return min(_QUEUE_GROUPS * used, _QUEUE_BYTES // image_bytes)


def _decoders(lanes: int, threads: int, cores: int, *, on_cpu: bool) -> int:
    """As many as there are cores where each model has one thread, else as the models leave cores.

    Processes of one thread share cores at no cost, and whoever has more to do gets more of them. A model of several
    threads waits at each of its barriers for the one that lost its core, so it has its cores for itself.
    """
    if not on_cpu:
        return max(1, cores - _CORES_FOR_A_GPU * lanes)
    return cores if threads == 1 else max(1, cores - threads * lanes)


def _in_turn(devices: Sequence[str], workers: int) -> tuple[str, ...]:
    """One device for each worker, where there are not more of them than workers."""
    if len(devices) > workers:
        return tuple(devices)
    return tuple(devices[place % len(devices)] for place in range(workers))
