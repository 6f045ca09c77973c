"""What an operator has to do: its family, its sizes, operations, and bytes that must be moved."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Family(StrEnum):
    """Operators whose cost follows from the same sizes."""

    GEMM = "gemm"  # m, n, k, batch
    ATTENTION = "attention"  # batch, heads, kv_heads, head_dim, q_len, kv_len, causal (0 or 1), window (0: none)
    # batch, in_channels, out_channels, groups, dims; products over them: in_size, out_size, kernel, stride, dilation
    CONVOLUTION = "convolution"
    RECURRENT = "recurrent"  # steps, batch, inputs, hidden, layers, directions, gates
    NORM = "norm"  # rows, columns
    SOFTMAX = "softmax"  # rows, columns
    REDUCTION = "reduction"  # elements, outputs
    ELEMENTWISE = "elementwise"  # elements, operands, run (elements that lie next to each other in every operand)
    POOLING = "pooling"  # batch, channels, in_size, out_size, kernel: products over the dimensions
    EMBEDDING = "embedding"  # lookups, width, rows
    MOVEMENT = "movement"  # elements, run: copies, concatenations, gathers, padding, resampling
    VIEW = "view"  # nothing moves: only the dispatch costs
    CREATION = "creation"  # elements
    ORDER = "order"  # elements, kept: sorting, top-k, non-zero
    OTHER = "other"  # not modelled: listed, never counted as nothing


DIMENSIONS: Mapping[Family, tuple[str, ...]] = {
    Family.GEMM: ("m", "n", "k", "batch"),
    Family.ATTENTION: ("batch", "heads", "kv_heads", "head_dim", "q_len", "kv_len", "causal", "window"),
    Family.CONVOLUTION: (
        "batch", "in_channels", "out_channels", "groups", "in_size", "out_size", "kernel", "stride", "dilation", "dims",
    ),
    Family.RECURRENT: ("steps", "batch", "inputs", "hidden", "layers", "directions", "gates"),
    Family.NORM: ("rows", "columns"),
    Family.SOFTMAX: ("rows", "columns"),
    Family.REDUCTION: ("elements", "outputs"),
    Family.ELEMENTWISE: ("elements", "operands", "run"),
    Family.POOLING: ("batch", "channels", "in_size", "out_size", "kernel"),
    Family.EMBEDDING: ("lookups", "width", "rows"),
    Family.MOVEMENT: ("elements", "run"),
    Family.VIEW: (),
    Family.CREATION: ("elements",),
    Family.ORDER: ("elements", "kept"),
    Family.OTHER: (),
}  # fmt: skip
"""Names of the sizes of each family, in order: the keys of `Work.dims` and the columns of its tables."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one call has to do, however it is done.

    Attributes:
        family: Its family.
        kind: What distinguishes it within the family: `linear`, `relu`, `context`.
        dtype: Element type that decides the speed: that of the largest floating input, else of the largest input.
        dims: Sizes by name, as the family has them.
        flops: Operations, a multiply-add as two; `None` where no formula knows them.
        read_bytes: Bytes of distinct inputs that must be read, each once (of a table only the rows that are looked up).
        write_bytes: Bytes of what is written.
        weight_bytes: Those of `read_bytes` that are weights of the model.
    """

    family: Family
    kind: str
    dtype: str
    dims: Mapping[str, float] = field(default_factory=dict)
    flops: float | None = None
    read_bytes: float = 0.0
    write_bytes: float = 0.0
    weight_bytes: float = 0.0

    @property
    def bytes(self) -> float:
        """The least that must be moved."""
        return self.read_bytes + self.write_bytes
