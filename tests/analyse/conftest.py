"""Constructed measurements."""

import numpy as np
import pytest

from stopwatt.records import Cell, Measurement, Precision, Protocol, Samples, Setup, Status, Workload

PROTOCOL = Protocol()


def _measurement(
    number=0,
    latency=None,
    *,
    backend="eager",
    variant="",
    precision=Precision.FP32,
    batch=1,
    device="cpu",
    threads=1,
    workload="mlp",
    params=None,
    machine="here",
    protocol=PROTOCOL,
    status=Status.OK,
    samples=None,
    **fields,
):
    setup = Setup(backend, variant, precision, batch, device, threads)
    cell = Cell(Workload(workload, params or {"hidden": 8}), setup, protocol, machine=machine)
    found = dict(samples or {})
    if latency is not None:
        found["latency"] = Samples(np.asarray(latency), "ns")
    return Measurement(cell=cell, round=number, status=status, samples=found, **fields)


@pytest.fixture(scope="session")
def measurement():
    """`(round, latency in ns, **setup and fields)`: one round."""
    return _measurement


@pytest.fixture(scope="session")
def rounds():
    """`(medians in ms, **setup)`: one round per median; 301 different trials around each."""

    def make(medians, **setup):
        spread = np.arange(-150, 151)
        return [
            _measurement(number, np.rint(median * 1e6 + spread * 10).astype(np.int64), **setup)
            for number, median in enumerate(medians)
        ]

    return make
