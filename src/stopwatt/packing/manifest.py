"""What a pack says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stopwatt.records import Calibration, Scalar, Setup, Workload
from stopwatt.serving.contract import Contract

FORMAT = 1
"""Of the manifest and of the layout of the archive. A reader refuses higher ones."""


@dataclass(frozen=True, slots=True)
class Port:
    """An input or an output.

    Attributes:
        name: As the exporter has it.
        dtype: As numpy names it.
        shape: With the batch of the artifact in the first dimension.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Parity:
    """How the packed model compared with fp32 eager, the last step of packing.

    Attributes:
        inputs: Input sets that both were given.
        deviation: Largest absolute difference over the reference's largest absolute value; the worst output counts.
        tolerance: What passes for this precision; where a technique changed the function, that beyond `deviation`.
        cosine: Least cosine similarity of an output with its reference.
        top1: Share of samples whose highest class agrees; `None` for what is no classifier.
    """

    inputs: int
    deviation: float
    tolerance: float
    cosine: float
    top1: float | None = None


@dataclass(frozen=True, slots=True)
class Artifact:
    """One converted model of a pack: a runtime's own files for one batch size.

    Attributes:
        batch: Of every call.
        folder: Where its files lie in the pack.
        inputs, outputs: Of a call.
        parity: How it compared.
        computed: What its runner says it computes.
    """

    batch: int
    folder: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    parity: Parity
    computed: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class File:
    """A file of a pack: its size in bytes and the SHA-256 of its content."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A pack.

    Attributes:
        workload: That was packed, with its complete parameters.
        setup: As what: backend, precision, device, threads. Its batch is the first artifact's.
        contract: What it takes to serve it; `None` for a model of tensors.
        artifacts: By rising batch size, one at least.
        files: All files but the manifest, by path in the pack.
        native: Names of files that hold native code of this machine; loading them runs it.
        code: Digest of the workload's source code.
        software: Versions of the packages that it was made with.
        machine: Facts that native code depends on (`cpu.model`, `gpu.name`, `gpu.capability`, `arch`).
        created: ISO 8601 in UTC.
        tool_version: Of stopwatt.
        notes: What was found while packing (operators that fell back, nodes left in another type).
        calibration: Data that int8 was calibrated on; `None` for inputs of the workload's own, or another precision.
        format: Of this document.
    """

    workload: Workload
    setup: Setup
    contract: Contract | None
    artifacts: tuple[Artifact, ...]
    files: Mapping[str, File]
    native: tuple[str, ...] = ()
    code: str = ""
    software: Mapping[str, str] = field(default_factory=dict)
    machine: Mapping[str, Scalar] = field(default_factory=dict)
    created: str = ""
    tool_version: str = ""
    notes: tuple[str, ...] = ()
    calibration: Calibration | None = None
    format: int = FORMAT
