"""From what instruments said and what a round did to energy with a verdict. Pure: a recorded trace goes the same way.

A reading is `measured`, or `suspect` where the counter and the averaged power of the same instrument disagree, or
`unavailable` with the reason. It fails closed: what would make a figure wrong withholds it.

    | idle | ... | settling | window | window | window | active idle |
                  busy ------------------------------>
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from stopwatt.devices.nvml import SLOWDOWNS
from stopwatt.energy import ACTIVE_IDLE, IDLE, SCOPES, SENTINEL, SETTLING, WINDOW, EnergyRules, Scope, Span, Trace
from stopwatt.meters.anytime import energy_between as energy_between  # noqa: PLC0414  (what a round and any time used)
from stopwatt.meters.anytime import graded
from stopwatt.meters.laid import LEAST_IDLE_TICKS, LEAST_TICKS, Laid
from stopwatt.meters.meanpower import MeanPower, mean_power
from stopwatt.meters.quality import AGREEMENT, Agreement, agreement
from stopwatt.meters.sentinel import SAME_TEMPERATURE
from stopwatt.meters.spread import HALF_WIDTH, half_widths
from stopwatt.records import Note, Reading, Scalar, Severity, Suspect, Unavailable
from stopwatt.units import percent, quantity

_CAPPED = 0x04


@dataclass(frozen=True, slots=True)
class EnergyOfRound:
    """Energy of one round.

    Attributes:
        readings: By name of the metric; J and s are a sample.
        notes: What a reader of them must know.
        facts: How they came about: `energy.gpu.ticks`, ...
        windows: Energy a sample in each window, by name of the metric, for an interval within one process.
    """

    readings: Mapping[str, Reading] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    facts: Mapping[str, Scalar] = field(default_factory=dict)
    windows: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Times:
    """When the round did what, and how much."""

    windows: tuple[Span, ...]
    sentinel: tuple[Span, ...]
    active_idle: tuple[Span, ...]
    idle: tuple[Span, ...]
    busy_ns: int
    batch: int
    rules: EnergyRules

    @property
    def seconds(self) -> float:
        return sum(span.seconds for span in self.windows)

    @property
    def samples(self) -> int:
        return self.batch * sum(span.calls for span in self.windows)


def energy_of_round(traces: Sequence[Trace], spans: Sequence[Span], batch: int, rules: EnergyRules) -> EnergyOfRound:
    """What a round used, of every scope that its traces are about.

    Args:
        traces: What instruments said while the round ran. Several of one scope (packages) add up.
        spans: What the round did, `IDLE` included where the machine was alone before.
        batch: Samples a call.
        rules: How it was to be measured.
    """
    times = _times(spans, batch, rules)
    parts = [_of_scope(scope, [Laid(one) for one in traces if one.about.scope is scope], times) for scope in SCOPES]
    return EnergyOfRound(
        {name: reading for part in parts for name, reading in part.readings.items()},
        tuple(note for part in parts for note in part.notes),
        {name: fact for part in parts for name, fact in part.facts.items()},
        {name: values for part in parts for name, values in part.windows.items()},
    )


def _times(spans: Sequence[Span], batch: int, rules: EnergyRules) -> _Times:
    def named(name: str) -> tuple[Span, ...]:
        return tuple(span for span in spans if span.name == name)

    busy = [span.begin_ns for span in (*named(SETTLING), *named(WINDOW))]
    spared = (named(SENTINEL), named(ACTIVE_IDLE), named(IDLE))
    return _Times(named(WINDOW), *spared, min(busy, default=0), batch, rules)


def _of_scope(scope: Scope, laid: Sequence[Laid], times: _Times) -> EnergyOfRound:
    if not laid:
        return EnergyOfRound()
    loaded = mean_power(laid, times.windows, LEAST_TICKS, "energy window")
    if isinstance(loaded, MeanPower) and (times.samples <= 0 or loaded.joules <= 0):
        loaded = Unavailable("no call ended inside the energy windows")
    if isinstance(loaded, Unavailable):
        return EnergyOfRound(_nothing(scope, laid, times, loaded))
    checks = [found for one in laid if (found := _check(one, times)) is not None]
    why = "; ".join(filter(None, (*(found.why for found in checks), loaded.why)))
    return EnergyOfRound(
        _readings(scope, laid, times, loaded, why),
        _notes(scope, laid, times, loaded),
        _facts(scope, laid, times, loaded, checks) | _support(scope, laid, times, loaded),
        {
            f"energy_{scope}": tuple(
                watts * span.seconds / (span.calls * times.batch)
                for watts, span in zip(loaded.watts, times.windows, strict=True)
                if span.calls
            )
        },
    )


def _check(laid: Laid, times: _Times) -> Agreement | None:
    """The counter of one instrument beside its power field."""
    alone = mean_power([laid], times.windows, LEAST_TICKS, "energy window")
    return None if isinstance(alone, Unavailable) else agreement(laid, times.windows, alone.watts, times.busy_ns)


def _names(scope: Scope) -> tuple[str, ...]:
    basic = (f"energy_{scope}", f"power_{scope}")
    if scope is Scope.DRAM:
        return basic
    more = ("energy_net", "efficiency", "energy_delay", "power_active_idle", "power_idle")
    return (*basic, *(f"{name}_{scope}" for name in more))


def _nothing(scope: Scope, laid: Sequence[Laid], times: _Times, why: Unavailable) -> dict[str, Reading]:
    """No energy; the idle powers may still be known."""
    found: dict[str, Reading] = dict.fromkeys(_names(scope), why)
    return found if scope is Scope.DRAM else found | _idle(scope, laid, times, "")


def _readings(scope: Scope, laid: Sequence[Laid], times: _Times, loaded: MeanPower, why: str) -> dict[str, Reading]:
    joules = loaded.joules / times.samples
    found: dict[str, Reading] = {
        f"energy_{scope}": graded(joules, "J", why),
        f"power_{scope}": graded(loaded.mean, "W", why),
    }
    if scope is Scope.DRAM:
        return found
    idle = _idle(scope, laid, times, why)
    each = times.seconds / times.samples
    return (
        found
        | idle
        | {
            f"energy_net_{scope}": _net(joules, each, idle[f"power_active_idle_{scope}"], why),
            f"efficiency_{scope}": graded(1 / joules, "samples/J", why),
            f"energy_delay_{scope}": graded(joules * each, "J s", why),
        }
    )


def _idle(scope: Scope, laid: Sequence[Laid], times: _Times, why: str) -> dict[str, Reading]:
    found: dict[str, Reading] = {}
    for name, spans in ((ACTIVE_IDLE, times.active_idle), (IDLE, times.idle)):
        power = mean_power(laid, spans, LEAST_IDLE_TICKS, name)
        metric = f"power_{name.replace(' ', '_')}_{scope}"
        if isinstance(power, MeanPower):
            found[metric] = graded(power.mean, "W", "; ".join(filter(None, (why, power.why))))
        else:
            found[metric] = power
    return found


def _net(joules: float, seconds: float, idle: Reading, why: str) -> Reading:
    if isinstance(idle, Unavailable):
        return Unavailable(f"no active-idle power: {idle.why}")
    beyond = joules - idle.value * seconds
    if beyond <= 0:
        return Unavailable(f"no more than the active-idle power of {quantity(idle.value, 'W')}")
    return graded(beyond, "J", idle.why if isinstance(idle, Suspect) else why)


def _facts(
    scope: Scope, laid: Sequence[Laid], times: _Times, loaded: MeanPower, checks: Sequence[Agreement]
) -> dict[str, Scalar]:
    facts: dict[str, Scalar] = {
        "source": ", ".join(dict.fromkeys(one.about.source for one in laid)),
        "windows": len(times.windows),
        "window_s": min(span.seconds for span in times.windows),
        "ticks": loaded.ticks,
        "tick_s": max(one.tick_s for one in laid),
        "half_width": loaded.half_width,
        "checked_by": checks[0].field if checks else "nothing: the instrument has no power field",
    }
    if checks:
        facts["difference"] = max((found.difference for found in checks), key=abs)
    facts |= _sentinel(laid, times)
    starts = _start_temperatures(laid, times.windows)
    if starts:
        facts |= {"temperature_start": min(starts), "temperature_spread": max(starts) - min(starts)}
    slowed = _slowed(laid, times)
    if slowed:
        facts |= {"capped_share": slowed.get(_CAPPED, 0.0)}
    return {f"energy.{scope}.{name}": value for name, value in facts.items()}


def _support(scope: Scope, laid: Sequence[Laid], times: _Times, loaded: MeanPower) -> dict[str, Scalar]:
    """How far this one process supports each of its figures."""
    idle = mean_power(laid, times.active_idle, LEAST_IDLE_TICKS, ACTIVE_IDLE)
    found = half_widths(scope, loaded, times.batch, idle if isinstance(idle, MeanPower) else None)
    return {f"{HALF_WIDTH}{name}": half for name, half in found.items() if name in _names(scope)}


def _sentinel(laid: Sequence[Laid], times: _Times) -> dict[str, Scalar]:
    """What the fixed work took, or why that is not known; nothing where there was none."""
    if not times.sentinel:
        return {}
    power = mean_power(laid, times.sentinel, LEAST_IDLE_TICKS, "sentinel")
    calls = sum(span.calls for span in times.sentinel)
    if isinstance(power, Unavailable) or not calls:
        return {"sentinel_why": power.why if isinstance(power, Unavailable) else "it has no call"}
    facts: dict[str, Scalar] = {
        "sentinel_w": power.mean,
        "sentinel_j": power.joules / calls,
        "sentinel_half_width": power.half_width,
    }
    facts |= {"sentinel_why": power.why} if power.why else {}
    starts = _start_temperatures(laid, times.sentinel)
    return facts | ({"sentinel_temperature": max(starts)} if starts else {})


def _notes(scope: Scope, laid: Sequence[Laid], times: _Times, loaded: MeanPower) -> tuple[Note, ...]:
    board = SCOPES[scope]
    notes = []
    least, most = min(loaded.watts), max(loaded.watts)
    if most > (1 + AGREEMENT) * least:
        text = f"the energy windows differ: {quantity(least, 'W')} to {quantity(most, 'W')} ({board})"
        notes.append(Note("energy-windows-differ", text, now="measure more rounds, or with --energy reported"))
    starts = _start_temperatures(laid, times.windows)
    if starts and max(starts) - min(starts) > SAME_TEMPERATURE:
        text = f"the energy windows began at {min(starts):.0f} to {max(starts):.0f} °C, so that leakage changed"
        notes.append(Note("energy-temperature", f"{text} ({board})", now="measure again now that it is warm"))
    for bit, share in _slowed(laid, times).items():
        if share:
            text = f"{SLOWDOWNS[bit]} in {percent(share)} of the energy windows: the power is that of a lower clock"
            notes.append(Note("energy-capped" if bit == _CAPPED else "energy-throttled", text, Severity.INFO))
    if loaded.ticks < times.rules.ticks:
        text = f"an energy window of {board} has {loaded.ticks} ticks, {times.rules.ticks} were asked for"
        notes.append(Note("energy-few-ticks", text, Severity.INFO))
    return tuple(notes)


def _start_temperatures(laid: Sequence[Laid], spans: Sequence[Span]) -> list[float]:
    """The first reading in each span, of the instrument where they differ most."""
    each = [[one.inside("temperature", *one.ends(span))[:1] for span in spans] for one in laid]
    known = [[float(first[0]) for first in firsts if first.size] for firsts in each]
    return max(known, key=lambda values: max(values, default=0) - min(values, default=0), default=[])


def _slowed(laid: Sequence[Laid], times: _Times) -> dict[int, float]:
    """Reason of a lower clock -> share of the readings in the windows that gave it; empty where nobody looked."""
    bits = [one.inside("slowdown", *one.ends(span)) for one in laid for span in times.windows]
    seen = np.concatenate([np.empty(0), *bits]).astype(np.int64)
    return {bit: float((seen & bit != 0).mean()) for bit in SLOWDOWNS} if seen.size else {}
