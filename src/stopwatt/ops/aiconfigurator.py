"""Operator tables as NVIDIA's aiconfigurator publishes them (PyPI `aiconfigurator-core`, Apache-2.0).

One Parquet file holds one kind of operator: `latency` in ms by replaying a CUDA graph, sizes, element types, and with
some also `power` and `power_limit` in W. What the columns mean was read off the collectors of that project:

- `gemm`: `[m, k] x [k, n]`, `gemm_dtype` names a quantisation scheme; the time of `fp8` holds the quantisation of the
  activations.
- `context_attention`: `isl` queries of each sequence after `step` that are in the cache, causal: each sequence has
  `isl + step` keys. `window_size` 0 is none.
- `generation_attention`: one query after `isl + step - 1` others; `step` counts what is in the cache, `isl` is 1: again
  `isl + step` keys. `kv_cache_dtype` is the type of the keys and values in the cache.
- `encoder_attention`: `isl` queries see `isl` keys; nothing is causal, and each head has keys of its own.
- `mla_bmm`: for each head the product of a token's 128 numbers with a 128 x 512 matrix (`mla_gen_pre`), or of its 512
  with a 512 x 128 one (`mla_gen_post`).
- `scale_matrix`: `m x k` elements of 16 bits, scaled and rounded to 8.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.table import Table
from stopwatt.operators.work import Family
from stopwatt.ops.elements import OUT, SCHEMES, Scheme
from stopwatt.ops.sheet import Floats, Sheet, Texts
from stopwatt.ops.worked import Worked, attention, products
from stopwatt.store.costs import constant

_MS = 1e-3
_LATENT, _HEAD = (
    512.0,
    128.0,
)  # of multi-head latent attention: what a token's keys are compressed to, and a head's size

_ABOUT = ("framework", "version", "device", "op_name")
_MEASURED = ("latency", "power", "power_limit")


@dataclass(frozen=True, slots=True, eq=False)
class Sizes:
    """What a layout makes of a file: sizes, kinds and work, but no times."""

    dims: Mapping[str, Floats]
    kind: Texts
    dtype: Texts
    work: Worked


@dataclass(frozen=True, slots=True)
class Layout:
    """How the files of one operator are read.

    Attributes:
        family: Of their rows.
        columns: That must be there.
        read: Makes sizes of a file.
        optional: Columns that are read if they are there.
    """

    family: Family
    columns: tuple[str, ...]
    read: Callable[[Sheet], Sizes]
    optional: tuple[str, ...] = ()

    @property
    def all_columns(self) -> tuple[str, ...]:
        """All that is read of a file."""
        return (*self.columns, *self.optional, *_ABOUT, *_MEASURED)


def table_from(sheet: Sheet, layout: Layout, *, device: str, source: Texts) -> Table:
    """The rows of a file.

    Args:
        sheet: Of the file.
        layout: How to read it.
        device: Name of the hardware; empty takes that of the rows.
        source: Column of where the rows are from.

    Raises:
        UsageError: A column is missing, or holds what cannot be.
    """
    sheet.require((*layout.columns, "latency"))
    seconds = sheet.times("latency") * _MS
    power, limit = (_positive(sheet.numbers(name)) for name in ("power", "power_limit"))
    sizes = layout.read(sheet)
    if not device:
        sheet.require(["device"])
    return Table(
        layout.family,
        sizes.dims,
        kind=sizes.kind,
        dtype=sizes.dtype,
        device=constant(device, sheet.rows) if device else sheet.texts("device", "unknown"),
        source=source,
        mode=constant("", sheet.rows),
        group=constant("", sheet.rows),
        flops=sizes.work.flops,
        read_bytes=sizes.work.read_bytes,
        write_bytes=sizes.work.write_bytes,
        weight_bytes=sizes.work.weight_bytes,
        time_s=seconds,
        power_w=power,
        limit_w=limit,
    )


def _gemm(sheet: Sheet) -> Sizes:
    dims = {name: sheet.sizes(name, least=1) for name in ("m", "n", "k")} | {"batch": np.ones(sheet.rows)}
    schemes, codes = _schemes(sheet, "gemm_dtype")
    return Sizes(
        dims,
        _each([" ".join(filter(None, ("gemm", one.suffix))) for one in schemes], codes),
        _each([one.dtype for one in schemes], codes),
        products(
            dims,
            _bytes([one.activation for one in schemes], codes),
            _bytes([one.weight for one in schemes], codes),
            np.full(sheet.rows, OUT),
            weights=True,
        ),
    )


def _latent_products(sheet: Sheet) -> Sizes:
    before = np.char.endswith(sheet.texts("op_name"), "pre")
    dims = {
        "m": sheet.sizes("num_tokens", least=1),
        "n": np.where(before, _LATENT, _HEAD),
        "k": np.where(before, _HEAD, _LATENT),
        "batch": sheet.sizes("num_heads", least=1),
    }
    schemes, codes = _schemes(sheet, "bmm_dtype")
    left, right = (_bytes([getattr(one, name) for one in schemes], codes) for name in ("activation", "weight"))
    kind, dtype = constant("bmm", sheet.rows), _each([one.dtype for one in schemes], codes)
    return Sizes(dims, kind, dtype, products(dims, left, right, np.full(sheet.rows, OUT), weights=True))


def _cached_attention(phase: str) -> Callable[[Sheet], Sizes]:
    """Attention of a decoder: `context` (causal), or `generation` (one query, of which no key is hidden)."""

    def read(sheet: Sheet) -> Sizes:
        queries, past = sheet.sizes("isl", least=1), sheet.sizes("step")
        causal = phase == "context"
        dims = {
            "batch": sheet.sizes("batch_size", least=1),
            "heads": sheet.sizes("num_heads", least=1),
            "kv_heads": sheet.sizes("num_key_value_heads", least=1),
            "head_dim": sheet.sizes("head_dim", least=1),
            "q_len": queries if causal else np.ones(sheet.rows),
            "kv_len": queries + past,
            "causal": np.full(sheet.rows, float(causal)),
            "window": np.nan_to_num(sheet.numbers("window_size"), nan=0.0),
        }
        return _attention(sheet, dims, phase)

    return read


def _encoder_attention(sheet: Sheet) -> Sizes:
    length, heads = sheet.sizes("isl", least=1), sheet.sizes("num_heads", least=1)
    dims = {
        "batch": sheet.sizes("batch_size", least=1),
        "heads": heads,
        "kv_heads": heads,
        "head_dim": sheet.sizes("head_dim", least=1),
        "q_len": length,
        "kv_len": length,
        "causal": np.zeros(sheet.rows),
        "window": np.zeros(sheet.rows),
    }
    return _attention(sheet, dims, "context")


def _attention(sheet: Sheet, dims: Mapping[str, Floats], phase: str) -> Sizes:
    own, codes = _schemes(sheet, "attn_dtype")
    cached, places = _schemes(sheet, "kv_cache_dtype") if "kv_cache_dtype" in sheet else (own, codes)
    pairs = [phase if one.dtype == other.dtype else f"{phase} {other.dtype} cache" for one in own for other in cached]
    query, cache = _bytes([one.activation for one in own], codes), _bytes([one.activation for one in cached], places)
    return Sizes(
        dims,
        _each(pairs, codes * len(cached) + places),
        _each([one.dtype for one in own], codes),
        attention(dims, query, cache, np.full(sheet.rows, OUT)),
    )


def _quantised(sheet: Sheet) -> Sizes:
    elements = sheet.sizes("m", least=1) * sheet.sizes("k", least=1)
    schemes, codes = _schemes(sheet, "quant_dtype")
    dims = {"elements": elements, "operands": np.ones(sheet.rows), "run": elements}
    written = elements * _bytes([one.activation for one in schemes], codes)
    # A multiplication and a rounding each, read as 16 bits: the type that decides the speed is that of the input.
    work = Worked(2.0 * elements, elements * OUT, written, np.zeros(sheet.rows))
    kinds = [f"quantise {one.dtype}" for one in schemes]
    return Sizes(dims, _each(kinds, codes), constant("bfloat16", sheet.rows), work)


def _schemes(sheet: Sheet, name: str) -> tuple[list[Scheme], NDArray[np.int64]]:
    """The distinct schemes of a column, and each row's place among them."""
    for text, row in sheet.distinct(name):
        if text not in SCHEMES:
            raise sheet.flaw(f"{name} is {text!r}, an element type that is not known ({', '.join(SCHEMES)} are)", row)
    known, codes = sheet.coded(name)
    return [SCHEMES[text] for text in known], codes


def _each(texts: list[str], codes: NDArray[np.int64]) -> Texts:
    return constant(texts[0], codes.size) if len(set(texts)) == 1 else np.array(texts, dtype=np.str_)[codes]


def _bytes(sizes: list[float], codes: NDArray[np.int64]) -> Floats:
    return np.array(sizes, dtype=np.float64)[codes]


def _positive(values: Floats) -> Floats:
    """Watts; a power that is not above 0 was not measured."""
    return np.where(values > 0, values, np.nan)


_HEADS = ("num_heads", "num_key_value_heads", "head_dim", "attn_dtype", "kv_cache_dtype")
_OF_ATTENTION = ("batch_size", "isl", "step", *_HEADS)

LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        "gemm": Layout(Family.GEMM, ("gemm_dtype", "m", "n", "k"), _gemm),
        "mla_bmm": Layout(Family.GEMM, ("op_name", "bmm_dtype", "num_tokens", "num_heads"), _latent_products),
        "context_attention": Layout(
            Family.ATTENTION, _OF_ATTENTION, _cached_attention("context"), optional=("window_size",)
        ),
        "generation_attention": Layout(
            Family.ATTENTION, _OF_ATTENTION, _cached_attention("generation"), optional=("window_size",)
        ),
        "encoder_attention": Layout(
            Family.ATTENTION, ("batch_size", "isl", "num_heads", "head_dim", "attn_dtype"), _encoder_attention
        ),
        "scale_matrix": Layout(Family.ELEMENTWISE, ("quant_dtype", "m", "k"), _quantised),
    }
)
"""By the operator's name: that of the file without `_perf`."""

FILES: Mapping[str, str] = MappingProxyType({"mla_gen_pre": "mla_bmm", "mla_gen_post": "mla_bmm"})
"""Operators whose rows stand in a file of another name."""

_MODULE = "a whole module: several operators in one time"
_DEVICES = "between several devices, which no family is about"
_EXPERTS = "products with many experts, unevenly used: no family has these sizes"
_LEFT_OUT: tuple[tuple[tuple[str, ...], str], ...] = (
    (("computescale",), "differences of two times, many of them 0 or negative"),
    (("nccl", "oneccl", "custom_allreduce", "moe_a2a", "trtllm_alltoall", "wideep_deepep"), _DEVICES),
    (("dsv4_megamoe",), "products with experts and communication in one time"),
    (("moe", "wideep_moe", "wideep_context_moe", "wideep_generation_moe"), _EXPERTS),
    (("gdn", "kda", "mamba2"), "linear attention and state spaces: no family has these sizes"),
    (("context_mla", "generation_mla"), "attention whose keys and values differ in size: no family has these sizes"),
    (("dsv4_csa_topk", "glm5_topk"), "selections within sparse attention: no family has these sizes"),
    (("wideep", "mla", "dsa", "dsv4", "msa", "glm5", "mhc"), _MODULE),
)


def why_left_out(name: str) -> str:
    """Why the rows of an operator without a layout are not imported."""
    return next((why for starts, why in _LEFT_OUT if name.startswith(starts)), "no family is known for it")


def sources(sheet: Sheet, name: str, operator: str) -> Texts:
    """Column of where rows are from: the collection's name, framework and version of each row, and the operator."""
    codes = np.zeros(sheet.rows, dtype=np.int64)
    names = [name]
    for column in ("framework", "version"):
        known, places = sheet.coded(column)
        names = [f"{one} {text.lower()}".rstrip() for one in names for text in known]
        codes = codes * len(known) + places
    return _each([f"{one} {operator}" for one in names], codes)
