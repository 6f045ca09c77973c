"""Planted tables: a known law of products of matrices, with known noise."""

import numpy as np

from stopwatt.operators.table import DeviceSpecs, Table
from stopwatt.operators.work import Family

SPECS = {
    "planted": DeviceSpecs("planted", {"bfloat16": 1e14}, 1e12, 100, 4e7, 300.0),
    "other": DeviceSpecs("other", {"bfloat16": 3e14}, 2e12, 120, 4e7, 500.0),
}


def products(rows, *, seed=0, device="planted", noise=0.02, largest=13, factor=1.0, powered=False):
    """Rows of a rounded roofline with a floor of 5 us, and a power that follows the share of the peak."""
    rng = np.random.default_rng(seed)
    m, n, k = (2.0 ** rng.integers(4, largest, rows) for _ in range(3))
    m += rng.integers(0, 8, rows)
    flops, read, write = 2 * m * n * k, 2 * (m * k + n * k), 2 * m * n
    specs = SPECS[device]
    compute, memory = flops / specs.flops["bfloat16"] * 1.4, (read + write) / specs.bandwidth * 1.2
    odd = np.where(m % 2 == 1, 1.15, 1.0)
    exact = factor * (odd * (compute**3 + memory**3) ** (1 / 3) + 5e-6)
    power = specs.power_w * (0.3 + 0.6 * compute / (compute + memory))

    def column(text):
        return np.array([text] * rows, dtype=np.str_)

    return Table(
        Family.GEMM,
        {"m": m, "n": n, "k": k, "batch": np.ones(rows)},
        kind=column("linear"),
        dtype=column("bfloat16"),
        device=column(device),
        source=column("planted products"),
        mode=column(""),
        group=column(""),
        flops=flops,
        read_bytes=read,
        write_bytes=write,
        weight_bytes=2 * n * k,
        time_s=exact * np.exp(noise * rng.standard_normal(rows)),
        power_w=power * np.exp(0.01 * rng.standard_normal(rows)) if powered else np.full(rows, np.nan),
        limit_w=np.full(rows, specs.power_w),
    )
