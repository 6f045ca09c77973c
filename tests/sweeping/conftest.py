"""Running plans of the synthetic workload in real worker processes, with a store."""

from dataclasses import dataclass, field

import pytest

from stopwatt import running
from stopwatt.records import Measurement
from stopwatt.store import Selection, open_store
from stopwatt.sweeping.plan import Request


@dataclass
class Diary(running.Silent):
    """A watcher that writes down what it sees."""

    phases: list = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    announcements: list = field(default_factory=list)
    began: tuple = ()

    def begin(self, total, done):
        self.began = (total, done)

    def announce(self, text):
        self.announcements.append(text)

    def phase(self, name):
        self.phases.append(name)

    def saved(self, measurement, done, failed, left_s):
        self.measurements.append(measurement)


@pytest.fixture
def store(tmp_path):
    """Path of a results database of the test's own."""
    return str(tmp_path / "results.db")


@pytest.fixture
def run(short, store):
    """Measure the synthetic workload on eager and return `(result, diary)`."""

    def go(*sources, params=None, watcher=None, batches=(1,), backends=("eager",), changes=None):
        diary = watcher or Diary()
        asked = Request(
            workloads=sources or ("synthetic",),
            params={"duration": "100us", **(params or {})},
            backends=backends,
            batches=batches,
            threads=1,
            protocol=short(**(changes or {})),
        )
        return running.run_request(asked, store=store, watcher=diary, allow=True), diary

    return go


@pytest.fixture
def stored(store):
    """All measurements in the test's database."""

    def read():
        with open_store(store) as database:
            return list(database.measurements(Selection()))

    return read
