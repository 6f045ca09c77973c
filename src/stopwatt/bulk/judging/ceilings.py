"""What this machine does at most: the files alone, decoding alone, the model alone, by the processes of the run itself.

Measured when all processes are ready and before the first image is theirs, in turns, so that a machine that becomes
slower becomes so for all three; each ceiling is the median of its turns. In a turn every process always has its next
work at hand (`saturation`).

    | read | decode | model | read | decode | model | read | decode | model |  -> the run
"""

import random
from collections.abc import Sequence

from stopwatt.bulk.judging.reading import cached_share, files_a_second, within
from stopwatt.bulk.judging.saturation import Decoding, Inference, Lost, Turns, work_a_turn
from stopwatt.bulk.pipeline.stand import Stand
from stopwatt.bulk.records import Ceilings, Layout
from stopwatt.text import counted
from stopwatt.units import exact, percent

TURNS = 3
TURN_S = 1.2
_SAMPLE = 512
"""Different images that are decoded."""
_STUCK_S = 60.0
"""That reading these may take; not tried again where it took longer."""
_STUCK = f"a file was not read within {_STUCK_S:g} s"
_FILES, _FILES_SHARE = 32, 0.01
"""Files of a turn of reading: so few that the run finds its files where they were, on the disk or in the cache."""


def measure_ceilings(stand: Stand, turns: int = TURNS, turn_s: float = TURN_S) -> Ceilings:
    """Measure all three; a process that dies meanwhile ends the measuring, and what was measured by then counts.

    Args:
        stand: Ready, with nothing to do; the same afterwards.
        turns: Of each kind of work.
        turn_s: Seconds of each turn.
    """
    sample = random.Random(0).sample(range(len(stand.items)), min(len(stand.items), _SAMPLE))  # noqa: S311  (no secret)
    storage, decode, model = Turns(), Turns(), Turns()
    why: dict[str, str] = {}
    shares: list[float] = []
    try:
        decoding = Decoding(stand, sample)
        for _ in range(turns):
            _read(stand, storage, shares, why)
            work_a_turn(stand, decoding, decode, turn_s)
            work_a_turn(stand, Inference(stand, decoding.filled), model, turn_s)
    except Lost as lost:
        why |= dict.fromkeys(("decode", "model"), f"a process died while it was measured: {lost}")
    missing = "workers read and decode for themselves" if stand.slots is None else "no image could be decoded"
    found = {"storage": storage.rate, "decode": decode.rate, "model": model.rate}
    return Ceilings(
        model=model.rate,
        decode=decode.rate,
        storage=storage.rate,
        shared=_shared(stand.layout, stand.cores),
        why={name: why.get(name, missing) for name, rate in found.items() if rate is None},
        together=_together(decode, model, stand.cores),
        cached=_cached(shares),
        layout=stand.layout,
    )


def _read(stand: Stand, turns: Turns, shares: list[float], why: dict[str, str]) -> None:
    """Files that were not read before, and how many of them were in the page cache."""
    if why.get("storage") == _STUCK:
        return
    total = len(stand.items)
    number = min(total, max(_FILES, round(_FILES_SHARE * total)))
    numbers = random.Random(len(turns.rates) + 1).sample(range(total), number)  # noqa: S311  (no secret)
    items = [stand.items[one] for one in numbers]
    if any(item.frame is not None for item in items):
        why["storage"] = "the frames of a video are read while they are decoded"
        return
    paths = [item.path for item in items]
    try:
        share = within(_STUCK_S, lambda: cached_share(paths))
        rate, read = within(_STUCK_S, lambda: files_a_second(paths, max(stand.layout.decoders, 1)))
    except TimeoutError:
        why["storage"] = _STUCK
        return
    if not read:
        why["storage"] = "no file could be read"
        return
    turns.rates.append(rate)
    turns.images += read
    shares += [] if share is None else [share]


def _together(decode: Turns, model: Turns, cores: float) -> float | None:
    if decode.cpu_each_s is None or model.cpu_each_s is None:
        return None
    return cores / (decode.cpu_each_s + model.cpu_each_s)


def _shared(layout: Layout, cores: float) -> str:
    on_cpu = any(device == "cpu" for device in layout.devices)
    wanted = layout.decoders + layout.workers * (layout.threads if on_cpu else 1)
    workers = counted(layout.workers, "worker")
    threads = f" of {counted(layout.threads, 'thread')}" if on_cpu else ""
    said = f"{counted(layout.decoders, 'decoder')} and {workers}{threads} on {exact(cores, '1')} cores"
    if wanted <= cores:
        return f"{said}: a core for each"
    return f"{said}: in its ceiling each of the two had them for itself, in the run they share them"


def _cached(shares: Sequence[float]) -> str:
    if not shares:
        return "whether the files came from the disk or from the page cache is not known"
    share = sum(shares) / len(shares)
    if share == 1:
        return "all files came from the page cache: the disk itself may be slower"
    if share == 0:
        return "no file was in the page cache"
    return f"{percent(round(share, 3))} of the files were in the page cache: the disk itself may be slower"
