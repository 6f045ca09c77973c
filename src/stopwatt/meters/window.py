"""From what instruments said and what a round did to energy with a verdict. Pure: a recorded trace goes the same way.

A reading is `measured`, or `suspect` where the counter and the averaged power of the same instrument disagree, or
`unavailable` with the reason. It fails closed: what would make a figure wrong withholds it.

    | idle | ... | settling | window | window | window | active idle |
                  busy ------------------------------>
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import stdtrit

from stopwatt.devices.nvml import SLOWDOWNS
from stopwatt.energy import ACTIVE_IDLE, IDLE, SCOPES, SETTLING, WINDOW, EnergyRules, Scope, Span, Trace
from stopwatt.meters.quality import AGREEMENT, AVERAGING_S, FIELDS, Agreement, Laid, agreement, fault_in, fault_of
from stopwatt.meters.quality import LEAST_TICKS as LEAST_IDLE_TICKS
from stopwatt.records import Measured, Note, Reading, Scalar, Severity, Suspect, Unavailable
from stopwatt.stats import energy as counting
from stopwatt.stats.quantiles import CONFIDENCE
from stopwatt.units import percent, quantity

LEAST_TICKS = 20
"""In a window of energy, and in any time that is metered."""
SAME_TEMPERATURE = 2.0
"""Windows that begin further apart than this (in degrees) were not measured under the same conditions."""
EVEN = 0.01
"""Where slope and mean power of a window differ by more than this, the load was not even enough for a slope."""
WORST_EDGE = 0.01
"""Of the energy of any time, what its unaligned edges may hide before it is suspect."""
EDGE_TICKS = 5
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


@dataclass(frozen=True, slots=True)
class _Power:
    """Mean power of a scope in each of several spans, all of its instruments together.

    Attributes:
        spans: Where.
        watts, half: By span, with half the width of its 95 % interval.
        ticks: Fewest of any instrument in any span.
    """

    spans: tuple[Span, ...]
    watts: tuple[float, ...]
    half: tuple[float, ...]
    ticks: int

    @property
    def joules(self) -> float:
        return sum(watts * span.seconds for watts, span in zip(self.watts, self.spans, strict=True))

    @property
    def mean(self) -> float:
        return self.joules / sum(span.seconds for span in self.spans)

    @property
    def half_width(self) -> float:
        """Of the 95 % interval of the mean, relative to it: by the ticks or by what the windows differ, the wider."""
        seconds = np.array([span.seconds for span in self.spans])
        ticks = math.hypot(*(seconds * self.half)) / float(seconds.sum())
        n = len(self.watts)
        apart = float(np.std(self.watts, ddof=1)) / math.sqrt(n) if n > 1 else 0.0
        return max(ticks, float(stdtrit(max(1, n - 1), (1 + CONFIDENCE) / 2)) * apart) / self.mean


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
    return _Times(named(WINDOW), named(ACTIVE_IDLE), named(IDLE), min(busy, default=0), batch, rules)


def _of_scope(scope: Scope, laid: Sequence[Laid], times: _Times) -> EnergyOfRound:
    if not laid:
        return EnergyOfRound()
    loaded = _power(laid, times.windows, LEAST_TICKS, "energy window")
    if isinstance(loaded, _Power) and (times.samples <= 0 or loaded.joules <= 0):
        loaded = Unavailable("no call ended inside the energy windows")
    if isinstance(loaded, Unavailable):
        return EnergyOfRound(_nothing(scope, laid, times, loaded))
    checks = [found for one in laid if (found := agreement(one, times.windows, times.busy_ns)) is not None]
    why = "; ".join(filter(None, (*(found.why for found in checks), *(_uneven(one, times) for one in laid))))
    return EnergyOfRound(
        _readings(scope, laid, times, loaded, why),
        _notes(scope, laid, times, loaded),
        _facts(scope, laid, times, loaded, checks),
        {
            f"energy_{scope}": tuple(
                watts * span.seconds / (span.calls * times.batch)
                for watts, span in zip(loaded.watts, times.windows, strict=True)
                if span.calls
            )
        },
    )


def _power(laid: Sequence[Laid], spans: tuple[Span, ...], least: int, name: str) -> _Power | Unavailable:
    """Mean power of a scope in each of some spans, or what speaks against one of its instruments in one of them."""
    if not spans:
        return Unavailable(f"the round has no span of {name}")
    for one in laid:
        why = fault_of(one)
        if why:
            return Unavailable(why)
        for number, span in enumerate(spans, 1):
            why = fault_in(one, *one.ends(span), least)
            if why:
                which = f" {number} of {len(spans)}" if len(spans) > 1 else ""
                return Unavailable(f"{why} in {name}{which}")
    slopes = [
        [counting.slope(one.counter.between(*one.ends(span)), one.about.poll_s) for one in laid] for span in spans
    ]
    return _Power(
        spans,
        tuple(sum(found.watts for found in each) for each in slopes),
        tuple(math.hypot(*((found.high - found.low) / 2 for found in each)) for each in slopes),
        min(found.ticks for each in slopes for found in each),
    )


def _uneven(laid: Laid, times: _Times) -> str:
    """What speaks against a straight line through the ticks of some window."""
    off = [counting.unevenness(laid.counter.between(*laid.ends(span))) for span in times.windows]
    worst = max(off, key=abs)
    if abs(worst) <= EVEN:
        return ""
    where = f"energy window {off.index(worst) + 1} of {len(off)}"
    return f"the power of {laid.about.name} changed within {where}, so that its slope may err by {percent(abs(worst))}"


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


def _readings(scope: Scope, laid: Sequence[Laid], times: _Times, loaded: _Power, why: str) -> dict[str, Reading]:
    joules = loaded.joules / times.samples
    found: dict[str, Reading] = {
        f"energy_{scope}": _graded(joules, "J", why),
        f"power_{scope}": _graded(loaded.mean, "W", why),
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
            f"efficiency_{scope}": _graded(1 / joules, "samples/J", why),
            f"energy_delay_{scope}": _graded(joules * each, "J s", why),
        }
    )


def _graded(value: float, unit: str, why: str) -> Measured | Suspect:
    return Suspect(value, unit, why) if why else Measured(value, unit)


def _idle(scope: Scope, laid: Sequence[Laid], times: _Times, why: str) -> dict[str, Reading]:
    found: dict[str, Reading] = {}
    for name, spans in ((ACTIVE_IDLE, times.active_idle), (IDLE, times.idle)):
        power = _power(laid, spans, LEAST_IDLE_TICKS, name)
        metric = f"power_{name.replace(' ', '_')}_{scope}"
        found[metric] = power if isinstance(power, Unavailable) else _graded(power.mean, "W", why)
    return found


def _net(joules: float, seconds: float, idle: Reading, why: str) -> Reading:
    if isinstance(idle, Unavailable):
        return Unavailable(f"no active-idle power: {idle.why}")
    beyond = joules - idle.value * seconds
    if beyond <= 0:
        return Unavailable(f"no more than the active-idle power of {quantity(idle.value, 'W')}")
    return _graded(beyond, "J", why)


def _facts(
    scope: Scope, laid: Sequence[Laid], times: _Times, loaded: _Power, checks: Sequence[Agreement]
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
    starts = _start_temperatures(laid, times)
    if starts:
        facts |= {"temperature_start": min(starts), "temperature_spread": max(starts) - min(starts)}
    slowed = _slowed(laid, times)
    if slowed:
        facts |= {"capped_share": slowed.get(_CAPPED, 0.0)}
    return {f"energy.{scope}.{name}": value for name, value in facts.items()}


def _notes(scope: Scope, laid: Sequence[Laid], times: _Times, loaded: _Power) -> tuple[Note, ...]:
    board = SCOPES[scope]
    notes = []
    least, most = min(loaded.watts), max(loaded.watts)
    if most > (1 + AGREEMENT) * least:
        text = f"the energy windows differ: {quantity(least, 'W')} to {quantity(most, 'W')} ({board})"
        notes.append(Note("energy-windows-differ", text, now="measure more rounds, or with --energy reported"))
    starts = _start_temperatures(laid, times)
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


def _start_temperatures(laid: Sequence[Laid], times: _Times) -> list[float]:
    """The first reading in each window, of the instrument where they differ most."""
    each = [[one.inside("temperature", *one.ends(span))[:1] for span in times.windows] for one in laid]
    known = [[float(first[0]) for first in firsts if first.size] for firsts in each]
    return max(known, key=lambda values: max(values, default=0) - min(values, default=0), default=[])


def _slowed(laid: Sequence[Laid], times: _Times) -> dict[int, float]:
    """Reason of a lower clock -> share of the readings in the windows that gave it; empty where nobody looked."""
    bits = [one.inside("slowdown", *one.ends(span)) for one in laid for span in times.windows]
    seen = np.concatenate([np.empty(0), *bits]).astype(np.int64)
    return {bit: float((seen & bit != 0).mean()) for bit in SLOWDOWNS} if seen.size else {}


def energy_between(trace: Trace, begin_ns: int, end_ns: int) -> tuple[Reading, Reading]:
    """Energy and mean power of any time, whatever the device did in it.

    Between two arbitrary moments the counter errs by a part of a tick at either end. From the ticks inside, the power
    near each end is carried on to it; what that may be wrong by is judged by how much the power changes.

    Args:
        trace: What one instrument said.
        begin_ns: On the machine's monotonic clock.
        end_ns: The same.

    Returns:
        Joules and watts, with the same verdict.
    """
    laid = Laid(trace)
    begin, end = laid.seconds(begin_ns), laid.seconds(end_ns)
    why = fault_of(laid) or ("the time is empty" if end <= begin else fault_in(laid, begin, end, LEAST_TICKS))
    if why:
        return Unavailable(why), Unavailable(why)
    ticks = laid.counter.between(begin, end)
    first, last = counting.rates(ticks, EDGE_TICKS)[[0, -1]]
    edges = first * (ticks.seconds[0] - begin) + last * (end - ticks.seconds[-1])
    total = float(ticks.joules[-1] - ticks.joules[0] + edges)
    if total <= 0:
        return Unavailable("the counter hardly moved"), Unavailable("the counter hardly moved")
    doubts = "; ".join(filter(None, (_hidden(laid, ticks, total), _unlike(laid, begin, end))))
    return _graded(total, "J", doubts), _graded(total / (end - begin), "W", doubts)


def _hidden(laid: Laid, ticks: counting.Counter, total: float) -> str:
    """What the parts of a tick at both ends may hide, if that is too much.

    Of what happens within a tick nothing is seen; so the power is taken to vary there by half of its mean at least.
    """
    swing = max(float(np.ptp(counting.rates(ticks, 1))), total / float(np.ptp(ticks.seconds)) / 2)
    share = laid.tick_s * swing / total
    if share <= WORST_EDGE:
        return ""
    return f"the counter ticks every {quantity(round(laid.tick_s, 4), 's')}, so that the ends may hide {percent(share)}"


def _unlike(laid: Laid, begin: float, end: float) -> str:
    """What a power field has against the counter, its readings beside the counter's own mean over the second before.

    Where the field stood for a second, it does not matter over what part of a second it averages; where that is
    nowhere, it may, by as much as the field changes.
    """
    name = next((field for field in FIELDS if laid.field(field)[0].size), None)
    if name is None:
        return ""
    at, values = laid.field(name)
    inside = (at >= begin + AVERAGING_S) & (at <= end)
    earlier = np.array([np.interp(at - ago, at, values) for ago in (AVERAGING_S / 2, AVERAGING_S)])
    steady = inside & (abs(earlier - values) <= AGREEMENT * values).all(axis=0)
    stood = np.count_nonzero(steady) >= LEAST_IDLE_TICKS
    when = at[steady if stood else inside]
    if when.size < LEAST_IDLE_TICKS:
        return ""
    before, after = (np.interp(one, laid.counter.seconds, laid.counter.joules) for one in (when - AVERAGING_S, when))
    shown = values[steady if stood else inside]
    found = Agreement(name, float((after - before).mean()) / AVERAGING_S, float(shown.mean()))
    allowed = 0.0 if stood else AVERAGING_S * float(np.ptp(shown)) / (end - begin)
    return found.why if abs(found.counter_w - found.power_w) > AGREEMENT * found.power_w + allowed else ""
