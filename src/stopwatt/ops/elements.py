"""Element types as tables of others name them, and the bytes that each of them takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a product is computed.

    Attributes:
        dtype: Element type in which it is computed, as torch names it.
        activation: Bytes of an element of the first factor.
        weight: Bytes of an element of the second, with its share of the scales.
        suffix: Added to the kind of the row where the type alone does not say how it is computed.
    """

    dtype: str
    activation: float
    weight: float
    suffix: str = ""


SCHEMES: Mapping[str, Scheme] = MappingProxyType(
    {
        "bfloat16": Scheme("bfloat16", 2.0, 2.0),
        "float16": Scheme("float16", 2.0, 2.0),
        "fp8": Scheme("float8_e4m3fn", 1.0, 1.0),
        "fp8_static": Scheme("float8_e4m3fn", 1.0, 1.0, "static"),
        "fp8_block": Scheme("float8_e4m3fn", 1.0, 1.0, "block"),
        "int8_wo": Scheme("bfloat16", 2.0, 1.0, "int8 weights"),
        "int4_wo": Scheme("bfloat16", 2.0, 0.5, "int4 weights"),
        "sq": Scheme("int8", 1.0, 1.0),
        # 16 elements of 4 bits share a scale of 8 bits.
        "nvfp4": Scheme("float4_e2m1fn", 9 / 16, 9 / 16),
        "nvfp4_wo": Scheme("bfloat16", 2.0, 9 / 16, "float4 weights"),
        "w4a16_nvfp4": Scheme("bfloat16", 2.0, 9 / 16, "float4 weights"),
    }
)
"""Quantisation schemes of aiconfigurator by their names there."""

BYTES: Mapping[str, float] = MappingProxyType(
    {
        "float64": 8.0, "float32": 4.0, "tf32": 4.0, "float16": 2.0, "bfloat16": 2.0,
        "float8_e4m3fn": 1.0, "float8_e5m2": 1.0, "float8_e4m3fnuz": 1.0, "float8_e5m2fnuz": 1.0, "float8_e8m0fnu": 1.0,
        "float4_e2m1fn": 0.5, "float4_e2m1fn_x2": 1.0,
        "int64": 8.0, "int32": 4.0, "int16": 2.0, "int8": 1.0, "int4": 0.5, "bool": 1.0,
        "uint64": 8.0, "uint32": 4.0, "uint16": 2.0, "uint8": 1.0,
        "qint8": 1.0, "quint8": 1.0, "qint32": 4.0, "complex64": 8.0, "complex128": 16.0,
    }
)  # fmt: skip
"""Bytes of an element by the names of the documented table: those of torch."""

OUT = 2.0
"""Bytes of an element of the result: 16 bits, whatever the operands are."""
