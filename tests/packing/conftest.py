"""Packs of a few kilobytes, and packing without the start of a process for each step."""

import io
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stopwatt.measuring.worker import perform
from stopwatt.packing import archive, jobs, seal
from stopwatt.packing.manifest import Artifact, Manifest, Parity, Port
from stopwatt.packing.pack import Asked, run_pack
from stopwatt.records import Setup, Workload
from stopwatt.sweeping.executors.process import Outcome

PLAIN = f"{Path(__file__).parent}/packed_models.py:plain"
PARITY = Parity(inputs=2, deviation=1e-6, tolerance=1e-3, cosine=1.0)


@dataclass
class Diary:
    """A watcher that writes down what it sees."""

    announcements: list = field(default_factory=list)
    tasks: list = field(default_factory=list)
    preflights: list = field(default_factory=list)

    def announce(self, text):
        self.announcements.append(text)

    def task(self, text):
        self.tasks.append(text)

    def looked(self, preflight):
        self.preflights.append(preflight)

    def phase(self, name):
        pass


class InThisProcess:
    """An executor whose workers are this process."""

    def __init__(self, tell):
        self._tell = tell

    def run(self, job, timeout_s, group=""):
        return Outcome(perform(job, self._tell), "", 0.0)


def described(files, **changes):
    """A manifest of some files."""
    facts = {
        "workload": Workload("mlp", {"hidden": 8}),
        "setup": Setup("onnxruntime"),
        "contract": None,
        "artifacts": (Artifact(1, "batch1", (Port("input", "float32", (1, 4)),), (), PARITY),),
        "files": files,
        "software": {"onnxruntime": "1.20.0"},
        "tool_version": "0.1.0",
    }
    return Manifest(**facts | changes)


@pytest.fixture
def small(tmp_path):
    """Writes a pack of given files: `(path, content by name, **changes of the manifest)`."""

    def make(name="small.swpack", content=None, **changes):
        folder = Path(tempfile.mkdtemp(suffix="-files", dir=tmp_path))
        for place, data in (content or {"batch1/model.onnx": b"weights" * 4}).items():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).write_bytes(data)
        path = tmp_path / name
        archive.write(path, described(archive.files_in(folder), **changes), folder, overwrite=True)
        return path

    return make


@pytest.fixture
def forged(tmp_path):
    """A sealed archive of any members, as somebody could make one who wants to do harm: `[(ZipInfo | name, data)]`."""

    def make(members, compression=zipfile.ZIP_STORED):
        buffer = io.BytesIO()
        sealing = seal.Sealing(buffer)
        with zipfile.ZipFile(sealing, "w", compression) as made:
            made.comment = seal.PLACE
            for member, data in members:
                made.writestr(member, data)
        sealing.seal()
        path = tmp_path / "forged.swpack"
        path.write_bytes(buffer.getvalue())
        return path

    return make


@pytest.fixture(scope="session")
def plain(tmp_path_factory):
    """A pack that was made once, for batches 1 and 2, and what the watcher saw; tests leave it as it is."""
    diary = Diary()
    out = tmp_path_factory.mktemp("plain") / "model.swpack"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "ProcessExecutor", InThisProcess)
        return run_pack(Asked(PLAIN, out, batches=(2, 1), threads=1), diary), diary


@pytest.fixture
def quick(monkeypatch):
    """Steps of packing run in this process."""
    monkeypatch.setattr(jobs, "ProcessExecutor", InThisProcess)


@pytest.fixture
def pack(tmp_path, quick):
    """Packs a workload in this process: `(source, **asked)`; the pack and what the watcher saw."""

    def make(source, **asked):
        diary = Diary()
        facts = {"out": tmp_path / "model.swpack", "threads": 1} | asked
        return run_pack(Asked(source, **facts), diary), diary

    return make


@pytest.fixture
def manifest_of():
    """`(files, **changes)`: a manifest of some files."""
    return described
