"""Planted attention: times that follow the law of attention with known parameters and known noise."""

import numpy as np

from stopwatt.operators.table import DeviceSpecs, Table
from stopwatt.operators.work import Family
from stopwatt.ops.worked import attention
from stopwatt.predicting.attending import NAMES, USUAL, blocks_of, seconds_of
from stopwatt.predicting.ceilings import ceilings_of

SPECS = {"planted": DeviceSpecs("planted", {"bfloat16": 1e15}, 5e12, 132, 5e7, 700.0)}
PLANTED = dict(zip(NAMES, USUAL, strict=True)) | {"block": 0.5, "memory": 0.2, "start": np.log(4e-6)}


def rows(**sizes):
    """A table of these sizes without times; whatever is not named is 1, or 0 for `causal` and `window`."""
    count = max(np.size(one) for one in sizes.values())
    names = ("batch", "heads", "kv_heads", "head_dim", "q_len", "kv_len", "causal", "window")
    usual = dict.fromkeys(names, 1.0) | {"causal": 0.0, "window": 0.0}
    dims = {name: np.broadcast_to(np.float64(sizes.get(name, usual[name])), count).copy() for name in names}
    two = np.full(count, 2.0)
    work = attention(dims, two, two, two)

    def column(text):
        return np.array([text] * count, dtype=np.str_)

    kind = np.where(dims["q_len"] == 1, "generation", "context").astype(np.str_)
    texts = {"dtype": column("bfloat16"), "device": column("planted"), "source": column("planted attention")}
    empty = {"mode": column(""), "group": column("")}
    bytes_ = {"read_bytes": work.read_bytes, "write_bytes": work.write_bytes, "weight_bytes": work.weight_bytes}
    nothing = {"time_s": np.ones(count), "power_w": np.full(count, np.nan), "limit_w": np.full(count, 700.0)}
    return Table(Family.ATTENTION, dims, kind=kind, **texts, **empty, flops=work.flops, **bytes_, **nothing)


def planted_s(table):
    """Seconds by the planted law."""
    return seconds_of(np.array(list(PLANTED.values())), blocks_of(table, ceilings_of(table, SPECS)))


def decoding(count, *, seed=0, longest=15):
    """Single queries of many batches, heads and lengths."""
    rng = np.random.default_rng(seed)
    kv_heads = 2.0 ** rng.integers(0, 4, count)
    return rows(
        batch=2.0 ** rng.integers(0, 9, count),
        heads=kv_heads * 2.0 ** rng.integers(0, 4, count),
        kv_heads=kv_heads,
        head_dim=rng.choice([64.0, 128.0], count),
        kv_len=2.0 ** rng.integers(4, longest, count),
    )
