"""A pack on the screen and as JSON: what it is, how it compares, what was found on the way."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from stopwatt import wire
from stopwatt.packing.check import Checked
from stopwatt.packing.manifest import Artifact, Parity, Port
from stopwatt.packing.opened import Opened
from stopwatt.packing.preflight import Preflight
from stopwatt.records import Calibration
from stopwatt.reporting.grid import Column, grid
from stopwatt.reporting.progress import ProgressLine
from stopwatt.serving.contract import Contract
from stopwatt.text import counted, printable
from stopwatt.units import percent, quantity

SCHEMA = 1
"""Version of what `--json` prints."""


class PackProgress(ProgressLine):
    """One line while a pack is made or checked."""

    def looked(self, preflight: Preflight) -> None:
        """The operators that a backend lacks, as a table; nothing where it lacks none."""
        if preflight.refusals:
            show_refusals(self._console, preflight)
        for note in preflight.notes:
            self.announce(note)


def show_refusals(console: Console, preflight: Preflight) -> None:
    """The operators that a backend has nothing for."""
    columns = (
        Column("operator", whole=True),
        "module",
        Column("calls", right=True),
        Column("share of time", right=True),
        "fallback",
    )
    fallback = " or ".join(preflight.fallbacks)
    rows = [
        (
            one.operator,
            f"{one.module} ({one.kind})" if one.module else one.kind,
            str(one.count),
            "" if one.share is None else percent(one.share),
            fallback,
        )
        for one in preflight.refusals
    ]
    console.print(grid(f"Operators that {preflight.setup.backend} cannot take", columns, rows))


def show_pack(console: Console, opened: Opened) -> None:
    """What a pack is."""
    manifest = opened.manifest
    size = sum(file.size for file in manifest.files.values())
    made = f"{manifest.created}, stopwatt {manifest.tool_version}".strip(", ")
    pairs = [
        ("workload", manifest.workload.label),
        ("backend", f"{manifest.setup.backend_label} {manifest.setup.precision} on {manifest.setup.device}"),
        ("serves", _served(manifest.contract)),
        *_calibrated(manifest.calibration),
        ("files", f"{len(manifest.files)}, {quantity(size, 'B')}, checksums hold"),
        ("native code", ", ".join(manifest.native) or "none"),
        ("made", made),
        ("made with", ", ".join(f"{name} {version}" for name, version in manifest.software.items())),
        ("made on", ", ".join(str(manifest.machine[name]) for name in _SHOWN if name in manifest.machine)),
        ("identity", opened.identity[:16]),
    ]
    console.print(grid(opened.path.name, ("name", "value"), pairs))
    console.print(grid("Compared with fp32 eager", _COLUMNS, map(_row, manifest.artifacts)))
    for text in (*manifest.notes, *opened.notices):
        console.print(Text(f"note: {printable(text)}", style="warning"))


def show_checked(console: Console, opened: Opened, checked: Sequence[Checked]) -> None:
    """What came of running a pack again, beside what was found when it was packed."""
    columns = (*_COMPARED, Column("deviation when packed", right=True))
    rows = [(*_compared(one.artifact, one.parity), _figure(one.artifact.parity.deviation)) for one in checked]
    console.print(grid(f"{opened.path.name}, run again here", columns, rows))


def pack_document(opened: Opened, checked: Sequence[Checked] = ()) -> dict[str, Any]:
    """A pack as plain values."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "path": str(opened.path),
        "identity": opened.identity,
        "notices": list(opened.notices),
        "manifest": wire.to_document(opened.manifest),
    }
    if checked:
        document["checked"] = [{"batch": one.artifact.batch, "parity": wire.to_document(one.parity)} for one in checked]
    return document


def preflight_document(preflight: Preflight) -> dict[str, Any]:
    """Why a conversion was not begun, as plain values."""
    found: Mapping[str, Any] = wire.to_document(preflight)
    return {"schema": SCHEMA, "preflight": dict(found)}


_SHOWN = ("arch", "cpu.model", "gpu.name")
_COMPARED = (
    Column("batch", right=True),
    Column("input sets", right=True),
    Column("deviation", right=True),
    Column("tolerance", right=True),
    Column("cosine", right=True),
    Column("same class", right=True),
)
_COLUMNS = (*_COMPARED, "inputs", "outputs")


def _row(artifact: Artifact) -> tuple[str, ...]:
    return (*_compared(artifact, artifact.parity), _ports(artifact.inputs), _ports(artifact.outputs))


def _compared(artifact: Artifact, parity: Parity) -> tuple[str, ...]:
    same = "" if parity.top1 is None else percent(parity.top1)
    figures = (_figure(parity.deviation), _figure(parity.tolerance), f"{parity.cosine:.6f}")
    return (str(artifact.batch), str(parity.inputs), *figures, same)


def _figure(value: float) -> str:
    return f"{value:.1e}"


def _ports(ports: Sequence[Port]) -> str:
    return ", ".join(f"{port.name} {port.dtype} {'x'.join(map(str, port.shape))}" for port in ports)


def _calibrated(calibration: Calibration | None) -> tuple[tuple[str, str], ...]:
    if calibration is None:
        return ()
    return (("calibrated on", f"{counted(calibration.samples, 'sample')} of {calibration.data}"),)


def _served(contract: Contract | None) -> str:
    if contract is None:
        return "tensors: it says nothing of images"
    pre = contract.preprocess
    takes = "bytes, normalised inside" if pre.inside else "normalised outside"
    classes = f", {len(contract.labels)} classes" if contract.labels else ""
    return f"{contract.task}: images {pre.width}x{pre.height} ({pre.fit}; {takes}){classes}"
