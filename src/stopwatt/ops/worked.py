"""Operations and bytes of whole columns of sizes, by the formulas of `operators.formulas`.

Those read one captured operator; a table of others has sizes and types only, and millions of rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Worked:
    """Columns of `operators.table.Table`: what there is to do, in each row."""

    flops: Floats
    read_bytes: Floats
    write_bytes: Floats
    weight_bytes: Floats


def products(dims: Mapping[str, Floats], left: Floats, right: Floats, out: Floats, *, weights: bool) -> Worked:
    """`batch` products `[m, k] x [k, n]`: 2 m n k operations each, a multiply-add as two.

    Args:
        dims: As `Family.GEMM` has them.
        left: Bytes of an element of the first factor.
        right: Of the second.
        out: Of the result.
        weights: Whether the second factor is a weight.
    """
    m, n, k, batch = (dims[name] for name in ("m", "n", "k", "batch"))
    second = batch * k * n * right
    return Worked(
        2.0 * batch * m * n * k,
        batch * m * k * left + second,
        batch * m * n * out,
        second if weights else np.zeros_like(second),
    )


def attention(dims: Mapping[str, Floats], query: Floats, cache: Floats, out: Floats) -> Worked:
    """Two products over the pairs that are needed: 4 head_dim operations each; keys outside of all windows stay unread.

    Args:
        dims: As `Family.ATTENTION` has them.
        query: Bytes of an element of the queries.
        cache: Of keys and values.
        out: Of the result.
    """
    rows = dims["batch"] * dims["heads"] * dims["q_len"] * dims["head_dim"]
    last = dims["kv_len"]
    reach = np.where(dims["window"] > 0, dims["window"] + dims["q_len"] - 1, last)
    keys = dims["batch"] * dims["kv_heads"] * np.minimum(last, reach) * dims["head_dim"]
    return Worked(
        4.0 * dims["batch"] * dims["heads"] * dims["head_dim"] * needed_pairs(dims),
        rows * query + 2.0 * keys * cache,
        rows * out,
        np.zeros_like(rows),
    )


def needed_pairs(dims: Mapping[str, Floats]) -> Floats:
    """Pairs of a query and a key it sees. The last query is at the last key, as in a model with a cache.

    A causal query sees no key after its own; with a window it sees the `window` keys that end at its own.
    """
    q, kv = dims["q_len"], dims["kv_len"]
    ordered = (dims["causal"] > 0) | (dims["window"] > 0)
    past = np.maximum(kv - q, 0.0)
    causal = q * past + q * (q + 1) / 2
    # The last query would see `beyond` keys too many, the one before it one fewer, and so on.
    beyond = np.where(dims["window"] > 0, np.maximum(kv - dims["window"], 0.0), 0.0)
    shortened = np.minimum(q, beyond)
    excess = shortened * beyond - shortened * (shortened - 1) / 2
    return np.where(ordered, causal - excess, q * kv)
