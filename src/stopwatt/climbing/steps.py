"""The rungs of a ladder: single changes of a setup, in the order in which an engineer would try them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stopwatt.backends import catalogue as backends
from stopwatt.devices.resolve import kind_of
from stopwatt.errors import Unsupported
from stopwatt.extensions import unknown
from stopwatt.records import Precision, Setup
from stopwatt.techniques import catalogue as techniques


@dataclass(frozen=True, slots=True)
class Step:
    """One change.

    Attributes:
        name: As tables show it and users write it.
        meaning: One line.
        slot: Steps of one slot exclude each other (two runtimes); the best of them goes on. Empty for none.
        fields: What it sets in a setup.
        technique: What it adds to the techniques of a setup; empty for nothing.
        without: What it takes away from them; empty for nothing.
    """

    name: str
    meaning: str
    slot: str = ""
    fields: tuple[tuple[str, Any], ...] = ()
    technique: str = ""
    without: str = ""


RUNTIME, PRECISION = "runtime", "precision"
INFERENCE_MODE, _THREADS = "inference-mode", "threads"
CARELESS = "eager:grad"
_FUSED, _UNFUSED = "attention:fused", "attention:unfused"


def base_of(batch: int, device: str, label: str = CARELESS) -> Setup:
    """Where a ladder begins: a careless script, which records gradients, on one thread, in fp32.

    Args:
        batch: Samples of a call.
        device: Where it runs.
        label: Another backend to begin with, and techniques that it has already.

    Raises:
        UsageError: Unknown names in the label.
        Unsupported: The backend does not offer that.
    """
    setup = replace(backends.read(label), precision=Precision.FP32, batch=batch, device=device, threads=1)
    backends.check_combination(backends.get(setup.backend), setup)
    return setup


def steps_for(base: Setup, threads: int, *, labelled: bool = False) -> tuple[Step, ...]:
    """All steps that a device has, from the least to the most intrusive one.

    Args:
        base: Where the ladder begins.
        threads: That the process may use.
        labelled: Whether the accuracy on labelled data will say what a smaller model loses.
    """
    on_gpu = kind_of(base.device) != "cpu"
    changes = ("no-dropout", "fold-batchnorm", "channels-last", *(("prune:0.5",) if labelled else ()), "fold-constants")
    floats = (Precision.TF32, Precision.FP16, Precision.BF16) if on_gpu else (Precision.BF16, Precision.FP16)
    runtimes = ("compile", "cudagraph", "aoti", "tensorrt") if on_gpu else ("compile", "onnxruntime", "openvino")
    return (
        Step(INFERENCE_MODE, "no gradients are recorded", fields=(("variant", ""),)),
        *([Step(_FUSED, "attention in one kernel", without=_UNFUSED)] if _UNFUSED in base.techniques else []),
        *(Step(*_of_technique(text)) for text in changes if text.partition(":")[0] in techniques.names()),
        *([] if on_gpu or threads == 1 else [_threads(threads)]),
        *(_precision(one) for one in floats),
        *(_runtime(name) for name in runtimes if name in backends.names()),
        *([] if on_gpu else [_precision(Precision.INT8)]),
    )


def named(wanted: Sequence[str], offered: Sequence[Step]) -> tuple[Step, ...]:
    """Steps by name, in the order in which they are wanted; any technique is one, and any number of threads.

    Raises:
        UsageError: No such step, or no such technique.
    """
    known = {one.name: one for one in offered}
    found = []
    for name in wanted:
        head, _, value = name.partition(":")
        if name in known:
            found.append(known[name])
        elif head == _THREADS and value.isdecimal() and int(value):
            found.append(_threads(int(value)))
        elif head in techniques.names():
            found.append(Step(*_of_technique(name)))
        else:
            raise unknown("step of a ladder", name, sorted({*known, *techniques.names()}))
    return tuple(found)


def setup_of(base: Setup, chosen: Iterable[Step]) -> Setup:
    """The setup with steps applied one after another.

    Raises:
        Unsupported: No backend offers that combination.
    """
    setup = base
    for step in chosen:
        setup = replace(setup, **dict(step.fields))
        kept = tuple(one for one in setup.techniques if one != step.without)
        setup = replace(setup, techniques=_with(step.technique, kept) if step.technique else kept)
    if setup.backend != base.backend:
        setup = replace(setup, variant="")  # how eager keeps its books means nothing to others
    backends.check_combination(backends.get(setup.backend), setup)
    return setup


def _with(added: str, techniques: Sequence[str]) -> tuple[str, ...]:
    """One more technique; one of the same name with another argument gives way."""
    head = added.partition(":")[0]
    return (*(one for one in techniques if one.partition(":")[0] != head), added)


def why_not(base: Setup, chosen: Iterable[Step]) -> str:
    """Why steps cannot go together; empty where they can."""
    try:
        setup_of(base, chosen)
    except Unsupported as refusal:
        return refusal.what
    return ""


def _of_technique(text: str) -> tuple[str, str, str, tuple[tuple[str, Any], ...], str]:
    (name,) = techniques.canonical((text,))
    return name, techniques.get(name.partition(":")[0]).summary, "", (), name


def _threads(count: int) -> Step:
    meaning = f"{count} host {'thread' if count == 1 else 'threads'}"
    return Step(f"{_THREADS}:{count}", meaning, _THREADS, (("threads", count),))


def _precision(precision: Precision) -> Step:
    return Step(str(precision), f"computes in {precision}", PRECISION, (("precision", precision),))


def _runtime(name: str) -> Step:
    return Step(name, backends.get(name).summary, RUNTIME, (("backend", name),))
