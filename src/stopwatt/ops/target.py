"""The device that a model is predicted for: this machine, or any hardware that the operator database has rows of."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stopwatt.devices.facts import read_facts
from stopwatt.devices.resolve import kind_of
from stopwatt.errors import UsageError
from stopwatt.extensions import unknown
from stopwatt.operators.memory import Caches, Rule
from stopwatt.operators.replay import Place
from stopwatt.operators.table import DeviceSpecs
from stopwatt.ops.places import place_of
from stopwatt.ops.setting import caches_for
from stopwatt.records import Precision

if TYPE_CHECKING:
    from stopwatt.store.database import Store

_CPU = "cpu"


@dataclass(frozen=True, slots=True)
class Target:
    """A device to predict for.

    Attributes:
        hardware: As rows of the database name it.
        here: Whether it is in this machine, so that operators can be measured on it.
        device: As captures name it: `cpu`, `cuda`.
        place: Where its operators were, or would be, measured; `None` where there are only tables of others.
        caches: Of it.
        rule: How memory modes are chosen.
        modes: Whether its rows say their memory mode.
        note: What there is to say of that; may be empty.
    """

    hardware: str
    here: bool
    device: str
    place: Place | None
    caches: Caches
    rule: Rule = Rule.AUTO
    modes: bool = True
    note: str = ""

    @property
    def label(self) -> str:
        """As rows that were measured there are named: other threads are another place."""
        return self.hardware if self.place is None else self.place.label

    @property
    def on_gpu(self) -> bool:
        """Whether operators run on a device with a queue of its own; devices of imported tables are taken for such."""
        return kind_of(self.device) != _CPU


def target_of(store: "Store", name: str, threads: int = 0, precision: Precision = Precision.FP32) -> Target:
    """Find the device that a name means.

    Args:
        store: With the operator database.
        name: `cpu`, `cuda`, `cuda:1`, or hardware as `stopwatt ops list` names it; case does not matter.
        threads: Host threads; 0 for as many as the process may use cores, or as most rows of another machine have.
        precision: Of the model; only `TF32` decides about the place.

    Raises:
        UsageError: No such device.
        EnvironmentUnfit: There is no driver for it.
    """
    precision = Precision.TF32 if precision is Precision.TF32 else Precision.FP32
    if _is_device(name):
        return _here(place_of(name, threads, precision))
    if name.casefold() == str(read_facts(_CPU).values.get("cpu.model", "")).casefold():
        return _here(place_of(_CPU, threads, Precision.FP32))
    known = hardware_in(store)
    found = next((one for one in known if one.casefold() == name.casefold()), None)
    if found is None:
        error = unknown("device", name, (_CPU, "cuda", *known))
        raise UsageError(error.what, now=f"{error.now}; `stopwatt ops import` brings tables of others")
    return _elsewhere(store, found, threads, precision)


def hardware_in(store: "Store") -> list[str]:
    """All hardware that operators were measured on, or that tables or specifications were imported of; sorted."""
    return sorted({*hardware_with_rows(store), *store.operators.specs()})


def hardware_with_rows(store: "Store") -> list[str]:
    """All hardware that operators were measured on, or that tables were imported of; sorted."""
    shelf = store.operators
    return sorted({place.hardware for place, _, _ in shelf.places()} | {one.device for one in shelf.sources()})


def _is_device(name: str) -> bool:
    try:
        kind_of(name)
    except UsageError:
        return False
    return True


def _here(place: Place) -> Target:
    return Target(
        place.hardware, here=True, device=place.device, place=place, caches=caches_for(place.device, place.threads)
    )


def _elsewhere(store: "Store", hardware: str, threads: int, precision: Precision) -> Target:
    specs = store.operators.specs().get(hardware, DeviceSpecs(hardware))
    place = _place(store, hardware, threads, precision)
    if place is None:
        caches = Caches(specs.cache_bytes, specs.cache_bytes)
        return Target(hardware, here=False, device="cuda", place=None, caches=caches, rule=Rule.REUSE, modes=False)
    if specs.cache_bytes:
        return Target(
            hardware, here=False, device=place.device, place=place, caches=Caches(specs.cache_bytes, specs.cache_bytes)
        )
    note = f"the caches of {hardware} are not known: every operator is taken to read from memory"
    return Target(
        hardware, here=False, device=place.device, place=place, caches=Caches(0.0, 0.0), rule=Rule.STREAM, note=note
    )


def _place(store: "Store", hardware: str, threads: int, precision: Precision) -> Place | None:
    """Of several places with that hardware the one with the most operators."""
    found = [
        (sum(good for good, _ in modes.values()), place)
        for place, modes, _ in store.operators.places()
        if place.hardware == hardware and place.precision is precision and threads in {0, place.threads}
    ]
    return max(found, key=lambda one: one[0])[1] if found else None
