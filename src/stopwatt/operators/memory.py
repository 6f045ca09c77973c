"""In which memory mode an operator of a model runs: where the model's other operators have left what it reads.

A replay finds its buffers in one place (`Mode`); in a model the weights of a call were last read one call of the model
ago, and its activations a few operators ago; what it writes goes into memory that an earlier activation has left. What
was touched in between decides which cache still holds them: the reuse distance (Mattson et al. 1970), in bytes.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from stopwatt.operators.capture import Capture
from stopwatt.operators.formulas.touched import element_bytes
from stopwatt.operators.operator import Operator, Role, Tensor
from stopwatt.operators.replay import Mode
from stopwatt.operators.work import Family, Work

Blend = tuple[tuple[Mode, float], ...]
"""Memory modes with their weights, which add up to 1: times between those of the modes."""

_Kind = tuple[tuple[int, ...], str]
_NEAR = (Mode.REUSE, Mode.RESIDENT, Mode.STREAM)
"""From the nearest to the farthest."""


class Rule(StrEnum):
    """How the mode of a call is chosen: by footprint, or one for all."""

    AUTO = "auto"
    REUSE = "reuse"
    RESIDENT = "resident"
    STREAM = "stream"
    CHAINED = "chained"


@dataclass(frozen=True, slots=True)
class Caches:
    """What a device keeps near.

    Attributes:
        near: Bytes of the caches that the threads of a call have for themselves (level 2 of their cores).
        last: Bytes of the last cache before memory, which all share.
        kept: Rising seconds, each with the share that caches still hold of what fits them, after that time
            (`devices.retention`): others use them, too. Empty for all of it, however late.
    """

    near: float
    last: float
    kept: tuple[tuple[float, float], ...] = ()

    def level(self, distance: float) -> Mode:
        """Where something fits after so many other bytes: in a core's caches, in the last one, in memory only."""
        if distance <= self.near:
            return Mode.REUSE
        return Mode.RESIDENT if distance <= self.last else Mode.STREAM

    def places(self, distance: float, elapsed_s: float) -> Mapping[Mode, float]:
        """Where something is found after so many other bytes and so much time: shares, which add up to 1."""
        level = self.level(distance)
        if level is Mode.STREAM or not self.kept:
            return {level: 1.0}
        seconds, shares = zip(*self.kept, strict=True)
        held = float(np.interp(elapsed_s, seconds, shares))
        return {mode: share for mode, share in ((level, held), (Mode.STREAM, 1.0 - held)) if share > 0}


def blends(capture: Capture, works: Sequence[Work], rule: Rule, caches: Caches) -> tuple[Blend, ...]:
    """The modes of every call, in the order of `Capture.sequence`.

    By footprint, weights and activations are placed by themselves. Weights were read one call of the model ago: since
    then all weights were, and what activations take beside them. An activation was written by the last operator that
    gave a tensor of its shape and type: since then whatever the calls in between touched. Inputs of the model and
    activations that nobody wrote are as far as weights. Outputs lie where an allocator puts them: in the memory of
    that size which was used last and is free. A call whose operands lie in different places has a blend of modes,
    weighted by bytes: reaching farther takes longer in proportion to the bytes that are there. Weights from memory
    with near activations are exactly what `chained` measures. How long ago something was touched follows from the
    time of a plain call, as if its bytes were moved evenly.

    Args:
        capture: Of the model.
        works: What each of its operators has to do.
        rule: How to choose.
        caches: Of the device; only needed by footprint.
    """
    if rule is not Rule.AUTO:
        return (((Mode(rule.value), 1.0),),) * int(capture.sequence.size)
    whole = footprint(capture, works)
    memory = _Memory()
    for _ in _distances(capture, works, whole, memory):
        pass  # the call before leaves its memory
    surroundings = _Surroundings(caches, whole, capture.seconds.get("forward", 0.0), memory.clock)
    calls = [(capture.operators[place], works[place]) for place in capture.sequence.tolist()]
    found = zip(calls, _distances(capture, works, whole, memory), strict=True)
    return tuple(_blend(operator, work, distances, surroundings) for (operator, work), distances in found)


def footprint(capture: Capture, works: Sequence[Work]) -> float:
    """Bytes that come between two readings of a weight.

    All weights that are read, each once, and the most that one operator moves beside them: freed activations are given
    out again, so those of a model's call overlap.
    """
    read = sum((works[place].weight_bytes for place in capture.sequence.tolist()), start=0.0)
    beside = max((one.bytes - one.weight_bytes for one in works), default=0.0)
    return min(read, capture.weight_bytes or read) + beside


def mixed(blend: Blend, times: Mapping[Mode, float]) -> float | None:
    """The time of a blend, from times by mode; of a mode without one the nearest that has one.

    Args:
        blend: Of one call.
        times: In any unit.

    Returns:
        In the same unit; `None` without any time.
    """
    if not times:
        return None
    return sum(weight * times[available(mode, times)] for mode, weight in blend)


def available(mode: Mode, times: Collection[Mode]) -> Mode:
    """The mode itself where it has a time, else the nearest one that has; there must be one."""
    if mode in times:
        return mode
    place = _NEAR.index(Mode.STREAM if mode is Mode.CHAINED else mode)
    candidates = sorted(_NEAR, key=lambda one: abs(_NEAR.index(one) - place))
    return next((one for one in candidates if one in times), Mode.CHAINED)


@dataclass(frozen=True, slots=True)
class _Distances:
    """Bytes since the tensors of a call were touched, and since the memory was into which it writes."""

    read: list[float]
    wrote: float


def _distances(capture: Capture, works: Sequence[Work], whole: float, memory: "_Memory") -> Iterator[_Distances]:
    """Of every call of the model."""
    written: dict[_Kind, float] = {}
    for place in capture.sequence.tolist():
        operator, work = capture.operators[place], works[place]
        since = [_written(one, written, memory.clock - whole) for one in operator.tensors]
        here = {one.storage: one for one in operator.tensors if _kind(one) in written and one.role is Role.ACTIVATION}
        memory.clock += work.bytes
        read = [memory.clock - then for then in since]
        yield _Distances(read, min(memory.clock - memory.write(operator, here.values()), whole))
        _remember(operator, work, since, memory.clock, written)


def _written(tensor: Tensor, written: Mapping[_Kind, float], long_ago: float) -> float:
    """What the clock of bytes said when this tensor was touched last."""
    return written.get(_kind(tensor), long_ago) if tensor.role is Role.ACTIVATION else long_ago


def _kind(tensor: Tensor) -> _Kind:
    return tensor.shape, tensor.dtype


def _remember(operator: Operator, work: Work, since: list[float], clock: float, written: dict[_Kind, float]) -> None:
    """Outputs were touched now; views when that was which they show."""
    shown = {one.storage: then for one, then in zip(operator.tensors, since, strict=True)}
    for one in operator.outputs:
        then = shown.get(one.storage, clock) if work.family is Family.VIEW else clock
        written[_kind(one)] = then


class _Memory:
    """When memory was touched last that an allocator gives to new tensors: of what is free, what was used last.

    Attributes:
        clock: Bytes that were touched so far.
    """

    def __init__(self) -> None:
        self.clock = 0.0
        self._touched: dict[float, list[float]] = {}

    def write(self, operator: Operator, inputs: Collection[Tensor]) -> float:
        """When the memory of an operator's largest output was touched before; it is touched now, as its inputs are.

        Args:
            operator: That is called.
            inputs: Those of its tensors that were written in this call of the model, each storage once.
        """
        in_use = Counter(_bytes(one) for one in inputs)
        for size, count in in_use.items():
            there = self._touched.get(size, [])
            last = min(len(there), count)
            there[len(there) - last :] = [self.clock] * last
        own = {one.storage for one in operator.tensors}
        new = sorted((_bytes(one) for one in operator.outputs if one.storage not in own), reverse=True)
        before = [self._take(size, in_use[size]) for size in new]
        return before[0] if before else self.clock

    def _take(self, size: float, in_use: int) -> float:
        there = self._touched.setdefault(size, [])
        free = len(there) - 1 - in_use
        before = there.pop(free) if free >= 0 else float("-inf")
        there.append(self.clock)
        return before


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """In which calls find their operands.

    Attributes:
        caches: Of the device.
        whole: Bytes between two readings of a weight.
        call_s: Time of a call of the model.
        moved: Bytes that it moves.
    """

    caches: Caches
    whole: float
    call_s: float
    moved: float

    def put(self, bytes_at: dict[Mode, float], size: float, distance: float) -> None:
        """So many bytes, which were touched so many bytes ago."""
        elapsed_s = self.call_s * min(1.0, distance / self.moved) if self.moved else 0.0
        for mode, share in self.caches.places(distance, elapsed_s).items():
            bytes_at[mode] += share * size

    def put_weights(self, bytes_at: dict[Mode, float], size: float) -> None:
        """So many bytes, which were read a call of the model ago."""
        for mode, share in self.caches.places(self.whole, self.call_s).items():
            bytes_at[mode] += share * size


def _blend(operator: Operator, work: Work, distances: _Distances, around: _Surroundings) -> Blend:
    if not work.bytes:
        return ((Mode.REUSE, 1.0),)
    others = [place for place, one in enumerate(operator.tensors) if one.role is not Role.WEIGHT]
    shares = _shares([math.prod(operator.tensors[place].shape) for place in others])
    bytes_at = dict.fromkeys(_NEAR, 0.0)
    for place, share in zip(others, shares, strict=True):
        around.put(bytes_at, share * (work.read_bytes - work.weight_bytes), distances.read[place])
    if work.weight_bytes and around.caches.level(around.whole) is Mode.STREAM and not bytes_at[Mode.STREAM]:
        return ((Mode.CHAINED, 1.0),)
    around.put_weights(bytes_at, work.weight_bytes)
    around.put(bytes_at, work.write_bytes, distances.wrote)
    parts = _shares(list(bytes_at.values()))
    return tuple((mode, part) for mode, part in zip(bytes_at, parts, strict=True) if part) or ((Mode.REUSE, 1.0),)


def _bytes(tensor: Tensor) -> float:
    return float(math.prod(tensor.shape) * element_bytes(tensor.dtype))


def _shares(sizes: list[float]) -> list[float]:
    total = sum(sizes)
    return [size / total if total else 0.0 for size in sizes]
