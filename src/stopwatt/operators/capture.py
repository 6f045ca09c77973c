"""What a model does in one call, operator by operator, as a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stopwatt.arrays import Array
from stopwatt.operators.operator import Operator, Tensor
from stopwatt.records import Scalar, Setup, Workload


@dataclass(frozen=True, slots=True)
class Module:
    """A part of the model that was called: `torch.nn.Module`, or the function that stands for the whole.

    Attributes:
        path: As `named_modules` has it (`encoder.layer.0.attention`); empty for the model itself.
        kind: Name of its class.
        leaf: Whether it has no modules inside.
    """

    path: str
    kind: str
    leaf: bool


@dataclass(frozen=True, slots=True)
class LeafCall:
    """One call of a leaf module, as its forward hooks saw it.

    Attributes:
        module: Place in `Capture.modules`.
        inputs, outputs: Tensors of the call.
        begin, end: Places in `Capture.sequence`: the operators `begin <= i < end` ran inside.
    """

    module: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Kernel:
    """What a runtime ran in one call, under its own name: fused groups of a compiled graph, nodes of a session.

    Attributes:
        name: As the runtime names it (`cpp_fused_add_layer_norm_3`, `MatMul_17`).
        kind: What it is, without what numbers it (`fused add layer_norm`, `MatMul`).
        count: Calls of it in one call of the model.
        seconds: Of all of them together in one call of the model, while the runtime's own profiler watched.
        on_device: Whether the seconds are the device's.
        dtype: Element type of its first input (`float32`), or in which it computes, where the runtime says it; else
            empty.
    """

    name: str
    kind: str
    count: float
    seconds: float
    on_device: bool = False
    dtype: str = ""


@dataclass(frozen=True, slots=True)
class Capture:
    """One call of a workload by a backend, taken apart.

    Attributes:
        workload: With its complete parameters.
        setup: As which it was called.
        operators: The distinct ones, in the order of their first call.
        sequence: int64, shape (calls,): which operator each call is, in order.
        places: int64, shape (calls,): in which module (innermost, of `modules`) each call was made.
        gaps_ns: float64, shape (calls + 1,): time on the host before each call and after the last one that is neither
            in an operator nor the watching's own; empty where it was not measured.
        modules: All that were called, in the order of their first call; the first is the model itself.
        leaves: Calls of leaf modules in order.
        kernels: What the runtime ran, under its own names; empty for eager, whose kernels are its operators.
        parameters: Numbers in the model's parameters.
        weight_bytes: Bytes of parameters and buffers.
        page_faults: Pages of memory that a plain call took from the system anew.
        page_fault_s: What each of them cost, in that process.
        cache_kept: Rising seconds, each with the share that the last-level cache still held after them; empty where
            that was not measured.
        seconds: What capturing took: `forward` (a plain call, the median of a few), `capture` (the whole rest).
        code: Digest of the workload's source code.
        software: Versions of the packages it ran on.
        machine: Digest of the machine's identity.
        facts: What the runner says it computed.
        notes: What a reader must know (control flow that depends on data: another input may take another path).
    """

    workload: Workload
    setup: Setup
    operators: tuple[Operator, ...]
    sequence: Array
    places: Array
    gaps_ns: Array
    modules: tuple[Module, ...]
    leaves: tuple[LeafCall, ...] = ()
    kernels: tuple[Kernel, ...] = ()
    parameters: int = 0
    weight_bytes: int = 0
    page_faults: float = 0.0
    page_fault_s: float = 0.0
    cache_kept: tuple[tuple[float, float], ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    code: str = ""
    software: Mapping[str, str] = field(default_factory=dict)
    machine: str = ""
    facts: Mapping[str, Scalar] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def paging_s(self) -> float:
        """What a plain call spent on pages that it took from the system anew."""
        return self.page_faults * self.page_fault_s

    @property
    def label(self) -> str:
        """`bert(size=mini) · eager fp32 batch 1 cpu`."""
        return f"{self.workload.label} · {self.setup.label}"
