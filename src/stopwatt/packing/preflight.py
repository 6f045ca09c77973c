"""Whether a backend will take a model, said before the conversion starts to fail.

Which operators it lacks, and what would take them. Pure: an inspection was made elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from stopwatt.backends import catalogue
from stopwatt.backends.exporters import AOTI, ONNX
from stopwatt.backends.requests import device_kind
from stopwatt.errors import Unsupported
from stopwatt.operators.inspection import Inspection, Refusal
from stopwatt.records import Setup, Trouble
from stopwatt.units import percent

EXPORTERS = {"onnxruntime": ONNX, "openvino": ONNX, "tensorrt": ONNX, "aoti": AOTI}
"""Through which exporter each backend takes a model; others run or trace the module and lack nothing that torch has."""
_NAMES = {ONNX: "the ONNX exporter", AOTI: "AOTInductor", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO",
          "tensorrt": "TensorRT"}  # fmt: skip
_PORTABLE = ("onnxruntime", "openvino", "aoti", "torchscript")
_PARTITIONS = "onnxruntime:tensorrt (it partitions the graph: what TensorRT lacks runs on CUDA)"


@dataclass(frozen=True, slots=True)
class Preflight:
    """What is known before a conversion.

    Attributes:
        setup: To which it shall be converted.
        operators: Calls of operators in the graph; 0 where there is none.
        kinds: Different operators among them.
        refusals: What the backend lacks, or the exporter through which it takes the model.
        by: Which of both lacks it; empty where nothing is lacking.
        trouble: Why there is no graph, where the backend needs one.
        fallbacks: What takes the model instead.
        notes: What a reader must know though the conversion can begin.
    """

    setup: Setup
    operators: int = 0
    kinds: int = 0
    refusals: tuple[Refusal, ...] = ()
    by: str = ""
    trouble: Trouble | None = None
    fallbacks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def clear(self) -> bool:
        """Whether the conversion can begin."""
        return not self.refusals and self.trouble is None


class Refused(Unsupported):
    """A conversion that was not begun.

    Attributes:
        preflight: Why.
    """

    def __init__(self, preflight: Preflight) -> None:
        now = f"use {' or '.join(preflight.fallbacks)}" if preflight.fallbacks else "write the model without them"
        where = preflight.trouble.when if preflight.trouble is not None else ""
        when = "; ".join(part for part in (preflight.setup.label, where) if part)
        super().__init__(_sentence(preflight), when=when, now=now)
        self.preflight = preflight


def judge(setup: Setup, inspection: Inspection) -> Preflight:
    """What an inspection means for a backend.

    Args:
        setup: To which the model shall be converted.
        inspection: What the exporters have for it.
    """
    exporter = EXPORTERS.get(setup.backend, "")
    about = (setup, inspection.operators, inspection.kinds)
    if not exporter:
        return Preflight(*about, notes=_baked_in(inspection))
    if inspection.trouble is not None:
        return Preflight(*about, trouble=inspection.trouble, fallbacks=_others(setup, inspection))
    if inspection.operators and exporter not in inspection.refusals:
        unknown = f"{_NAMES[exporter]} of this torch cannot be asked beforehand: the conversion will tell"
        return Preflight(*about, notes=(unknown,))
    by, refusals = _refused_by(setup.backend, inspection)
    fallbacks = _others(setup, inspection) if refusals else ()
    return Preflight(*about, refusals=refusals, by=by, fallbacks=fallbacks)


def _refused_by(backend: str, inspection: Inspection) -> tuple[str, tuple[Refusal, ...]]:
    """Who lacks something on the way into a backend, its exporter or the runtime itself, and what."""
    for name in (EXPORTERS.get(backend, ""), backend):
        if refusals := inspection.refusals.get(name, ()):
            return _NAMES.get(name, name), refusals
    return "", ()


def _baked_in(inspection: Inspection) -> tuple[str, ...]:
    if inspection.trouble is None:
        return ()
    where = f" ({inspection.trouble.when})" if inspection.trouble.when else ""
    return (f"{inspection.trouble.what}{where}; a trace keeps only the way that its example takes",)


def _others(setup: Setup, inspection: Inspection) -> tuple[str, ...]:
    """Other backends that would take the whole model in this precision on this device; part of it, for TensorRT."""
    kind = device_kind(setup.device)
    able = [
        name
        for name in _PORTABLE
        if setup.precision in catalogue.get(name).precisions(kind) and _takes(name, inspection)
    ]
    partitions = setup.backend == "tensorrt" and inspection.trouble is None
    return (*((_PARTITIONS,) if partitions else ()), *able)


def _takes(backend: str, inspection: Inspection) -> bool:
    exporter = EXPORTERS.get(backend)
    if inspection.file and exporter != ONNX:
        return False
    if exporter is None:
        return True
    return inspection.trouble is None and not _refused_by(backend, inspection)[1]


def _sentence(preflight: Preflight) -> str:
    if preflight.trouble is not None:
        return preflight.trouble.what
    names = list(dict.fromkeys(one.operator for one in preflight.refusals))
    calls = sum(one.count for one in preflight.refusals)
    share = _share(preflight.refusals)
    of_time = f", {percent(share)} of its time" if share is not None else ""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""  # noqa: PLR2004  (one line)
    return (
        f"{preflight.by} has nothing for {', '.join(names[:3])}{more}: "
        f"{calls} of {preflight.operators} operator calls of this model{of_time}; the conversion was not begun"
    )


def _share(refusals: Sequence[Refusal]) -> float | None:
    shares = [one.share for one in refusals]
    return None if None in shares else sum(share for share in shares if share is not None)
