"""Backends side by side: what each runs in one call of the same model, and how long that takes."""

from collections import Counter
from dataclasses import dataclass

from stopwatt.operators.capture import Capture
from stopwatt.operators.changes import is_fused
from stopwatt.operators.explain import Known
from stopwatt.operators.names import base_name
from stopwatt.operators.unnamed import unnamed


@dataclass(frozen=True, slots=True)
class Ran:
    """Kernels of one kind.

    Attributes:
        kind: What they are.
        count: Calls of them in one call of the model.
        seconds: Of all of them while the runtime's profiler watched; `None` for operators of eager.
    """

    kind: str
    count: float
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Compared:
    """One backend.

    Attributes:
        backend: Its label.
        calls: Operators or kernels in one call of the model.
        latency_s: Of the model; `None` where it was not measured.
        why: Why something is missing.
        ran: By falling time, else by falling count.
        fused: Names of groups that do the work of several operators.
        gone: Operators of eager, by name without shapes, that this backend runs under no name of its own, and how many
            calls of them.
    """

    backend: str
    calls: float
    latency_s: float | None
    why: str
    ran: tuple[Ran, ...]
    fused: tuple[str, ...] = ()
    gone: tuple[tuple[str, int], ...] = ()


def compared(capture: Capture, latency: Known | None, why: str, eager: Capture | None) -> Compared:
    """One backend's side.

    Args:
        capture: By that backend.
        latency: Of the model on it.
        why: Why there is none.
        eager: The same model's operators, as what others are seen against; `None` for eager itself.
    """
    ran = _kernels(capture) if capture.kernels else _operators(capture)
    fused = tuple(dict.fromkeys(one.name for one in capture.kernels if is_fused(one)))
    gone = unnamed(eager, capture) if eager is not None else ()
    if not ran and not why:
        why = "; ".join(capture.notes) or "the runtime tells nothing of what it runs"
    measured = None if latency is None else latency.value
    return Compared(capture.setup.backend_label, sum(one.count for one in ran), measured, why, ran, fused, gone)


def _kernels(capture: Capture) -> tuple[Ran, ...]:
    kinds: dict[str, tuple[float, float]] = {}
    for one in capture.kernels:
        count, seconds = kinds.get(one.kind, (0.0, 0.0))
        kinds[one.kind] = count + one.count, seconds + one.seconds
    ran = (Ran(kind, count, seconds) for kind, (count, seconds) in kinds.items())
    return tuple(sorted(ran, key=lambda one: one.seconds or 0.0, reverse=True))


def _operators(capture: Capture) -> tuple[Ran, ...]:
    names = Counter(base_name(capture.operators[place].name) for place in capture.sequence.tolist())
    return tuple(Ran(name, count, None) for name, count in names.most_common())
