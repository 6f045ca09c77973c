"""What the store knows of a whole model: its latency and energy, and the ceilings of its device."""

from dataclasses import replace
from typing import TYPE_CHECKING

from stopwatt.analyse.ceilings import Ceiling, ceiling_for, ceilings_of
from stopwatt.analyse.energy import NOT_ASKED, own_energy
from stopwatt.analyse.estimate import Estimate
from stopwatt.analyse.row import Row
from stopwatt.analyse.summary import summarise
from stopwatt.devices.host import Host
from stopwatt.devices.resolve import kind_of
from stopwatt.measuring.ceilings import SOURCE
from stopwatt.meters.rapl import package_zones, why_none
from stopwatt.operators.explain import Known, Model
from stopwatt.operators.table import DeviceSpecs
from stopwatt.records import Boundary, Cell, Measurement, Precision, Status, Trouble
from stopwatt.store.model import Selection

if TYPE_CHECKING:
    from stopwatt.store.database import Store

LATENCY = "latency"
_DTYPES = {Precision.FP32: "float32", Precision.FP16: "float16", Precision.BF16: "bfloat16"}


def known_row(store: "Store", cell: Cell) -> Row | None:
    """The measured cell that does the same work in the same place, however it was measured.

    Of several protocols the one with the most rounds counts, of equal ones the latest.

    Args:
        store: Open.
        cell: Whose workload, setup, code, software and machine are meant.

    Returns:
        `None` where there is none with a latency.
    """
    setup = cell.setup
    wanted = Selection(
        workload=cell.workload.source,
        backend=setup.backend,
        precision=str(setup.precision),
        batch=setup.batch,
        device=setup.device,
        status=Status.OK,
    )
    found: dict[str, list[Measurement]] = {}
    for one in store.measurements(wanted):
        if _same(one.cell, cell) and LATENCY in one.samples:
            found.setdefault(one.cell.key, []).append(one)
    if not found:
        return None
    most = max(found.values(), key=lambda rounds: (len({one.round for one in rounds}), rounds[-1].started_at))
    return summarise(most)[0]


def model_of(row: Row) -> Model:
    """What a row says of one call of the model: its latency, and energy where that was measured."""
    latency = row.estimates[LATENCY]
    energy = row.estimates[own_energy(row.cell.setup.device)]
    idle = row.estimates[own_energy(row.cell.setup.device).replace("energy_", "power_active_idle_")]
    trouble = row.trouble or Trouble(latency.why or f"it ended as {row.status}")
    return Model(
        _known(latency, 1),
        _known(energy, row.cell.setup.batch),  # joules of a sample
        idle.measured,
        row.estimates["page_faults"].measured,
        no_latency=trouble.what,
        no_energy=_no_energy(row.cell, energy.why or energy.doubt),
    )


def specs_of(store: "Store", cell: Cell, hardware: str) -> DeviceSpecs | None:
    """Ceilings of the cell's device: those that were measured here, else those that somebody states of the hardware."""
    ceilings = ceilings_of(store.measurements(Selection(workload=SOURCE, status=Status.OK)))
    found: dict[str, Ceiling] = {}
    for precision, dtype in _DTYPES.items():
        one = ceiling_for(replace(cell, setup=replace(cell.setup, precision=precision)), ceilings)
        if isinstance(one, Ceiling):
            found[dtype] = one
    if not found:
        return store.operators.specs().get(hardware)
    flops = {dtype: one.matmul.value for dtype, one in found.items()}
    return DeviceSpecs(hardware, flops, max(one.copy.value for one in found.values()), source="stopwatt ceilings")


def _same(one: Cell, other: Cell) -> bool:
    """Whether two cells do the same work in the same place, one call after another."""
    rules = one.protocol
    plain = rules.ablation is None and not rules.idle_s and rules.boundary is Boundary.DEVICE
    return plain and all(
        getattr(one, name) == getattr(other, name) for name in ("workload", "setup", "code", "software", "machine")
    )


def _known(estimate: Estimate, times: int) -> Known | None:
    if estimate.measured is None:
        return None
    low, high = (None if bound is None else bound * times for bound in (estimate.low, estimate.high))
    return Known(estimate.measured * times, low, high, estimate.method)


def _no_energy(cell: Cell, why: str) -> str:
    """Why the model's energy is not known: where nobody asked for it, whether there would be a counter, and how."""
    if why != NOT_ASKED:
        return why
    host = Host()
    if kind_of(cell.setup.device) == "cpu" and not package_zones(host):
        return f"no RAPL: {why_none(host)}"
    return f"not measured: stopwatt bench {cell.workload.source} --energy screening, stopwatt ops measure --energy"
