"""What the operator database holds."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from stopwatt.operators.replay import Mode, Place
from stopwatt.operators.table import DeviceSpecs
from stopwatt.store import Store
from stopwatt.store.operators import PredictorInfo, SourceInfo
from stopwatt.wire import to_document


@dataclass(frozen=True, slots=True)
class MeasuredPlace:
    """Where operators were measured.

    Attributes:
        place: Device, hardware, threads, software.
        operators: By memory mode, how many have a time, and how many were tried.
        latest: When the last was saved, ISO 8601 in UTC.
    """

    place: Place
    operators: Mapping[Mode, tuple[int, int]]
    latest: str


@dataclass(frozen=True, slots=True)
class CaptureInfo:
    """The newest capture of a workload and setup.

    Attributes:
        workload: With its parameters, as people write them.
        setup: Backend, precision, batch, device.
        distinct: Operators that differ.
        calls: Calls of operators in one call of the model.
        parameters: Numbers in the model's parameters.
    """

    workload: str
    setup: str
    distinct: int
    calls: int
    parameters: int


@dataclass(frozen=True, slots=True)
class Listing:
    """What there is."""

    where: str
    places: tuple[MeasuredPlace, ...]
    captures: tuple[CaptureInfo, ...]
    sources: tuple[SourceInfo, ...]
    specs: tuple[DeviceSpecs, ...]
    predictors: tuple[PredictorInfo, ...]


def list_operators(store: Store) -> Listing:
    """What the operator database of a store holds.

    Raises:
        StoreError: The database cannot be read.
    """
    shelf = store.operators
    captures = (
        CaptureInfo(one.workload.label, one.setup.label, len(one.operators), int(one.sequence.size), one.parameters)
        for one in shelf.captures()
    )
    return Listing(
        store.where,
        tuple(MeasuredPlace(*found) for found in shelf.places()),
        tuple(captures),
        tuple(shelf.sources()),
        tuple(shelf.specs().values()),
        tuple(shelf.predictors()),
    )


def listing_document(listing: Listing) -> dict[str, Any]:
    """A listing as plain values."""
    return {
        "store": listing.where,
        "places": [
            {
                "place": to_document(one.place),
                "operators": {
                    str(mode): {"with_time": good, "tried": tried} for mode, (good, tried) in one.operators.items()
                },
                "latest": one.latest,
            }
            for one in listing.places
        ],
        "captures": [asdict(one) for one in listing.captures],
        "sources": [asdict(one) for one in listing.sources],
        "specs": [to_document(one) for one in listing.specs],
        "predictors": [asdict(one) | {"summary": dict(one.summary)} for one in listing.predictors],
    }
