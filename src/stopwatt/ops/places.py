"""Where operators are measured: this machine's hardware, with so many threads and these versions."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from stopwatt.backends import catalogue
from stopwatt.devices.facts import machine_identity, read_facts
from stopwatt.devices.resolve import kind_of, require_driver
from stopwatt.errors import UsageError
from stopwatt.operators.replay import Place
from stopwatt.operators.table import DeviceSpecs
from stopwatt.records import Cell, Precision, Protocol, Setup, Workload
from stopwatt.sweeping.coordinates import threads_of

if TYPE_CHECKING:
    from stopwatt.store.database import Store

SOURCE = "operators"
"""What stands in the place of a workload in the cell of a job of operators."""
_UNNAMED = "unknown"


def place_of(device: str = "cpu", threads: int = 0, precision: Precision = Precision.FP32) -> Place:
    """This machine as operators find it.

    Args:
        device: `cpu`, `cuda`, `cuda:1`.
        threads: Host threads; 0 for as many as the process may use cores.
        precision: `TF32` computes float32 products in it.

    Raises:
        UsageError: No such device or number of threads, or tf32 on a CPU.
        EnvironmentUnfit: There is no driver for it.
    """
    require_driver(device)
    if precision not in {Precision.FP32, Precision.TF32} or (precision is Precision.TF32 and kind_of(device) == "cpu"):
        raise UsageError(
            f"operators are not measured in {precision} on {device}: a captured operator says its own element types",
            now="capture the model in that precision; --precision tf32, on a GPU, is how float32 is multiplied",
        )
    facts = read_facts(device).values
    name = "cpu.model" if kind_of(device) == "cpu" else "gpu.name"
    return Place(
        device,
        str(facts.get(name, _UNNAMED)),
        machine_identity(facts),
        threads_of(threads, facts),
        precision,
        catalogue.software(catalogue.get("eager"), ()),
    )


def cell_of(place: Place, rules: Protocol) -> Cell:
    """The cell of a job of operators: device, threads and precision, and no workload."""
    setup = Setup(precision=place.precision, device=place.device, threads=place.threads)
    return Cell(Workload(SOURCE), setup, rules, software=place.software, machine=place.machine)


def specs_in(store: "Store", *others: Place) -> dict[str, DeviceSpecs]:
    """What somebody states of devices: by hardware, and by the label of each place of a store.

    Args:
        store: With the specifications, and the places that operators were measured at.
        *others: More places.
    """
    places = [place for place, _, _ in store.operators.places()]
    return _with_places(store.operators.specs(), (*places, *others))


def _with_places(specs: Mapping[str, DeviceSpecs], places: Iterable[Place]) -> dict[str, DeviceSpecs]:
    """Nothing is stated of a place of hardware of which nobody states anything: its rows tell what it reaches."""
    found = dict(specs)
    for place in places:
        if place.hardware in specs:
            found.setdefault(place.label, at_place(specs[place.hardware], place))
    return found


def at_place(specs: DeviceSpecs, place: Place) -> DeviceSpecs:
    """Specifications of hardware as they hold at a place: on a CPU as many units work as there are threads."""
    units = place.threads if kind_of(place.device) == "cpu" else specs.units
    return replace(specs, name=place.label, units=units)
