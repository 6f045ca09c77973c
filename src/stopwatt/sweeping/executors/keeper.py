"""A share of one machine of a cluster: some cores or a GPU, claimed for as long as the sweep lasts."""

import os
import socket
from collections.abc import Mapping
from dataclasses import replace

from stopwatt import wire
from stopwatt.backends import catalogue
from stopwatt.devices.facts import machine_identity, read_facts
from stopwatt.records import Cell, Scalar
from stopwatt.sweeping.cores import Cores
from stopwatt.sweeping.rounds import LocalRounds
from stopwatt.sweeping.turns import Turn
from stopwatt.workloads.resolve import resolve


class Keeper:
    """Measures rounds on its share of a machine; lives in a process of the cluster.

    Args:
        cores: Cores of the share; its processes run on no others.
        device: `cpu` or `cuda`.
        timeout_s: Longest time for a round.
    """

    def __init__(self, cores: int, device: str, timeout_s: float) -> None:
        self._facts = read_facts(device).values  # before the affinity changes what can be seen
        self._cores = Cores(cores)
        os.sched_setaffinity(0, self._cores.numbers)
        self._rounds = LocalRounds(timeout_s, divided=True)

    def about(self) -> tuple[str, Mapping[str, Scalar]]:
        """Digest of the machine's identity, and its facts."""
        return machine_identity(self._facts), self._facts

    def software(self, document: bytes) -> Mapping[str, str]:
        """Versions on which a cell would run here."""
        cell = wire.from_json(Cell, document)
        family = resolve(cell.workload.source)
        return catalogue.software(catalogue.get(cell.setup.backend), family.packages)

    def measure(self, document: bytes) -> bytes:
        """Measure one round."""
        self._rounds.start(wire.from_json(Turn, document))
        done = self._rounds.finished()
        place: dict[str, Scalar] = {
            "executor": "ray",
            "node": socket.gethostname(),
            "cores": ",".join(map(str, self._cores.numbers)),
        }
        measurement = replace(done.measurement, facts={**done.measurement.facts, **place})
        return wire.to_json(replace(done, measurement=measurement))

    def interrupt(self) -> None:
        """Close the running round."""
        self._rounds.interrupt()

    def close(self) -> None:
        """Leave nothing behind."""
        self._rounds.close()
