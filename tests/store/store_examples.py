"""Measurements to keep, with everything in them that a store could lose."""

import uuid

import numpy as np

from stopwatt.records import (
    Boundary,
    Cell,
    Measured,
    Measurement,
    Note,
    Precision,
    Protocol,
    Samples,
    Setup,
    Severity,
    Status,
    Trouble,
    Unavailable,
    Workload,
)

HOSTILE_NAMES = [
    "line\nbreak",
    "cr\rreturn",
    "emoji \N{FIRE}\N{PERSONAL COMPUTER}",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "+1",
    "-1",
    "@SUM(A1)",
    "\ttab",
    "'quoted",
    "x" * 300,
    "y" * 3000,
    "nul \0 byte",
    "../../etc/passwd",
    "[bold]markup[/bold] [/]",
    "\x1b[2Jescape",
    "%_wild",
    'semi; DROP TABLE rounds; --"',
]


def cell(source: str = "lstm", *, backend: str = "eager", batch: int = 1, rounds: int = 3) -> Cell:
    return Cell(
        Workload(source, {"hidden": 200, "dropout": 0.0, "bias": True, "mode": "1"}),
        Setup(backend, "max-autotune", Precision.BF16, batch, "cpu", 2),
        Protocol(rounds=rounds, trial_seconds=None, boundary=Boundary.HOST, timeout_s=12.5),
        code="c0de",
        software={"torch": "2.13.0"},
        machine="ma5c1ne",
    )


def measurement(
    source: str = "lstm",
    *,
    number: int = 0,
    status: Status = Status.OK,
    trials: int = 5,
    seed: int = 0,
    of: Cell | None = None,
) -> Measurement:
    values = np.random.default_rng(seed).integers(1_000_000, 2_000_000, trials)
    return Measurement(
        of or cell(source),
        number,
        status,
        trouble=None if status is Status.OK else Trouble("it broke", "trial 3", "mend it"),
        samples={"latency": Samples(values, "ns"), "throughput": Samples(np.array([10.0, 0.1, 1e300]), "samples/s")},
        readings={
            "host_memory": Measured(2.0**31, "B"),
            "deviation": Measured(float("inf"), "1"),
            "device_memory": Unavailable("a CPU has no memory of its own"),
        },
        phases={"build": 0.25, "trials": 1.5},
        facts={"cpu_model": "Imaginary 9000", "cores": 2, "load": 0.5, "turbo": True},
        notes=(Note("no-steady-state", "it drifts", Severity.WARNING, "measure longer"),),
        log="last words\n\x1b[31mred\0",
        id=uuid.UUID(bytes=np.random.default_rng([seed, number]).bytes(16)).hex,
        started_at="2026-01-02T03:04:05.678+00:00",
    )
