"""The sentences of a diagnosis: for each bottleneck its evidence, and what a change is worth at most. Pure."""

import math

from stopwatt.bulk.judging.bounds import LIMITS, WORTH, Bounds, Worth, at_most
from stopwatt.bulk.judging.stations import Seen, Station
from stopwatt.bulk.records import Bottleneck, Layout, Stage
from stopwatt.text import counted
from stopwatt.units import percent

NONE = "none"
TIE = 0.03
"""Shares of time that differ by less are alike, however many seconds were seen."""


def decode_bound(found: Seen, layout: Layout, bounds: Bounds) -> Bottleneck:
    """Decoders are the slowest; by reading, where that is most of their work."""
    reading, decoding = found.spent(Stage.READ), found.spent(Stage.DECODE)
    share = reading / (reading + decoding) if reading + decoding else 0.0
    empty = percent(round(found.queue_empty or 0.0, 3))
    waited = percent(round(1 - found.busy("model"), 3))
    evidence = f"the model waited {waited} of the time for images, the queue was empty {empty} of it"
    more = bounds.needed("decode", layout.decoders)
    worth = bounds.worth(decode=1 + more / layout.decoders)
    remedy = _advice(more, "more decoder", worth, found, bounds)
    if share <= 0.5:  # noqa: PLR2004  (the larger part)
        return Bottleneck("decode", f"decode-bound: {evidence}{_against(found, bounds, 'decode')}", remedy)
    spent = f"decoders spent {percent(round(share, 3))} of their work on reading files"
    faster = bounds.worth(decode=math.inf if share == 1 else 1 / (1 - share), storage=math.inf)
    return Bottleneck(
        "storage",
        f"storage-bound: {evidence}, and {spent}{_against(found, bounds, 'storage')}",
        f"{remedy}; files that are read in no time are worth up to {at_most(faster.times)}",
    )


def model_bound(found: Seen, layout: Layout, bounds: Bounds) -> Bottleneck:
    """The model is."""
    busy, waited = percent(round(found.busy("model"), 3)), percent(round(1 - found.busy("decode"), 3))
    gpu = f", the GPU had a kernel {percent(round(found.gpu, 3))} of it" if found.gpu is not None else ""
    evidence = f"model-bound: the model was busy {busy} of the time, decoders waited {waited} of it{gpu}"
    workers = max(layout.workers, 1)
    more = bounds.needed("model", workers)
    worth = bounds.worth(model=1 + more / workers)
    remedy = _advice(more, "more worker", worth, found, bounds)
    faster = bounds.worth(model=math.inf)
    if worth.times < WORTH <= faster.times and worth.limit != "cores":
        remedy += f"; a faster model (backend, precision) up to {at_most(faster.times)}"
    return Bottleneck("model", evidence + _against(found, bounds, "model"), remedy)


def write_bound(found: Seen, _: Layout, bounds: Bounds) -> Bottleneck:
    """The writer is."""
    busy, waiting = percent(round(found.busy("write"), 3)), counted(round(found.unwritten), "result")
    worth = bounds.worth(write=math.inf)
    return Bottleneck(
        "write",
        f"write-bound: the writer was busy {busy} of the time, {waiting} waited for it on average",
        f"a faster disk, or fewer and smaller results, are worth up to {at_most(worth.times)}",
    )


def balanced(first: Station, second: Station, bounds: Bounds) -> Bottleneck:
    """Two stations are alike."""
    names = f"{LIMITS[first.name]} was busy {percent(round(first.busy, 3))} of the time"
    names += (
        f" and {LIMITS[second.name]} {percent(round(second.busy, 3))}: no difference that could be told from chance"
    )
    worth = bounds.worth(**{first.name: math.inf, second.name: math.inf})
    if worth.limit == "cores" and worth.times < WORTH:
        remedy = _full(bounds)
    else:
        remedy = f"only more of both is worth anything, up to {at_most(worth.times)}"
    return Bottleneck(NONE, f"balanced: {names}", remedy)


def nobody_busy(found: Seen, layout: Layout, bounds: Bounds) -> Bottleneck:
    """All waited for each other."""
    parts = ", ".join(f"{LIMITS[one.name]} {percent(round(one.busy, 3))}" for one in found.stations)
    worth = bounds.worth()
    return Bottleneck(
        NONE,
        f"nobody was busy all the time: {parts}",
        f"a longer queue (it has {counted(layout.queue, 'place')}) is worth up to {at_most(worth.times)}",
    )


def without_queue(found: Seen, bounds: Bounds) -> Bottleneck:
    """Each worker reads and decodes for itself: what it spends most of its time on."""
    spent = {
        "storage": found.spent(Stage.READ),
        "decode": found.spent(Stage.DECODE),
        "model": found.spent(Stage.MODEL, Stage.POSTPROCESS),
    }
    whole = sum(spent.values())
    if not whole:
        return Bottleneck(NONE, "the times of the stages were not counted")
    name, next_one = sorted(spent, key=lambda one: -spent[one])[:2]
    shares = {one: percent(round(seconds / whole, 3)) for one, seconds in spent.items()}
    said = f"without a queue, workers spent {shares[name]} of their work on {LIMITS[name]}"
    alone = bounds.worth(model=whole / spent["model"] if spent["model"] else math.inf)
    remedy = f"decoders with a queue (--queue) are worth up to {at_most(alone.times)}"
    if alone.times < WORTH:
        remedy = f"decoders with a queue are worth nothing here{_because(alone, bounds)}"
    if (spent[name] - spent[next_one]) / whole < TIE:
        return Bottleneck(NONE, f"balanced: {said} and {shares[next_one]} on {LIMITS[next_one]}", remedy)
    return Bottleneck(name, f"{name}-bound: {said}", remedy)


def _advice(number: int, what: str, worth: Worth, found: Seen, bounds: Bounds) -> str:
    """`4 more decoders are worth up to 1.9 x, then the model is in the way`."""
    if worth.times < WORTH:
        queue = 1 / max(one.busy for one in found.stations)
        longer = f"; a longer queue up to {at_most(queue)}" if queue >= WORTH else ""
        return f"{what}s are worth nothing{_because(worth, bounds)}{longer}"
    verb = "is" if number == 1 else "are"
    then = f"then {LIMITS[worth.limit]} would be in the way"
    return f"{counted(number, what)} {verb} worth up to {at_most(worth.times)}, {then}"


def _because(worth: Worth, bounds: Bounds) -> str:
    if worth.limit == "cores":
        return f": {_full(bounds)}"
    return f": {LIMITS[worth.limit]} would be in the way"


def _full(bounds: Bounds) -> str:
    if bounds.ceilings.together is None and bounds.cores_busy is not None:
        return f"the cores were busy {percent(round(bounds.cores_busy, 3))} of the time"
    return "the cores are shared by decoding and the model, and do no more"


def _against(found: Seen, bounds: Bounds, name: str) -> str:
    """How near the run came to the ceiling of what holds it back."""
    ceiling: float | None = getattr(bounds.ceilings, name)
    if not ceiling or not bounds.ceilings.holds(name, bounds.layout):
        return ""
    return f"; {percent(round(found.rate / ceiling, 2))} of the {name} ceiling"
