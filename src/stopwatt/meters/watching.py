"""Look at all instruments for a moment: what they are, what they read, and whether that may be believed."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stopwatt.energy import CHANNELS, About, Scope, Trace
from stopwatt.errors import UsageError
from stopwatt.meters import catalogue
from stopwatt.meters.anytime import unlike
from stopwatt.meters.laid import Laid
from stopwatt.meters.quality import Quality, Trust, quality_of
from stopwatt.meters.sampling import Sampling
from stopwatt.meters.window import energy_between
from stopwatt.records import Reading, Unavailable

_NO_ENERGY = Unavailable("it reads no energy")


@dataclass(frozen=True, slots=True)
class Watched:
    """One instrument.

    Attributes:
        quality: What its trace says of it; `None` for one without energy.
        power: Mean power by its counter while it was watched.
        now: The last value of each channel; of those that count, by how much they grew.
    """

    about: About
    quality: Quality | None
    power: Reading
    now: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Look:
    """The instruments of a device.

    Attributes:
        seconds: How long they were watched.
        why: For each scope of the device without an instrument, the reason.
        missing: For each meter without an instrument, the reason.
        unverified: Meters that their authors never ran.
    """

    device: str
    seconds: float
    watched: tuple[Watched, ...]
    why: Mapping[Scope, str]
    missing: Mapping[str, str]
    unverified: tuple[str, ...]


def watch(device: str = "", *, seconds: float = 2.5, meters: Sequence[str] | None = None) -> Look:
    """Watch the instruments of a device.

    Args:
        device: `cpu`, `cuda`, `cuda:1`; empty for all of the machine.
        seconds: For how long; the slowest counters known tick every 0.1 s, and 20 ticks give a power.
        meters: Which to use; by default `catalogue.wanted()`.

    Raises:
        UsageError: No such device, or no such meter.
    """
    names = catalogue.wanted() if meters is None else tuple(meters)
    unverified = tuple(name for name in names if _is_unverified(name))
    with Sampling(device, energy=True, meters=names) as sampling:
        begin_ns = time.monotonic_ns()
        time.sleep(seconds)
        end_ns = time.monotonic_ns()
        traces = sampling.take(begin_ns, end_ns)
        watched = tuple(_watched(trace, begin_ns, end_ns) for trace in traces)
        return Look(device, seconds, watched, sampling.why, sampling.missing, unverified)


def _is_unverified(name: str) -> bool:
    """Whether its authors never ran a meter. One that cannot even be loaded is missing, with the reason."""
    try:
        return not catalogue.get(name).verified
    except UsageError:
        raise
    except Exception:  # noqa: BLE001  (code of another package)
        return False


def _watched(trace: Trace, begin_ns: int, end_ns: int) -> Watched:
    has_energy = trace.about.scope is not Scope.NONE
    return Watched(
        trace.about,
        _quality(trace, begin_ns, end_ns) if has_energy else None,
        energy_between(trace, begin_ns, end_ns)[1] if has_energy else _NO_ENERGY,
        {name: value for name in trace.channels if name != "energy" and (value := _now(trace, name)) is not None},
    )


def _quality(trace: Trace, begin_ns: int, end_ns: int) -> Quality:
    """What the trace says of its instrument, whose power field is heard too: nobody knows here what the device did."""
    quality, laid = quality_of(trace), Laid(trace)
    if quality.trust is not Trust.BELIEVED:
        return quality
    doubt = unlike(laid, laid.seconds(begin_ns), laid.seconds(end_ns))
    return replace(quality, trust=Trust.SUSPECT, why=doubt) if doubt else quality


def _now(trace: Trace, name: str) -> float | None:
    values = trace.channels[name][~np.isnan(trace.channels[name])]
    if not values.size:
        return None
    return float(values[-1] - values[0]) if CHANNELS[name].counts else float(values[-1])
