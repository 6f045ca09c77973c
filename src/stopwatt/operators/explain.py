"""Where a model's time and energy go: four numbers, what lies between them by name, and the operators by share."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.capture import Capture
from stopwatt.operators.compose import Composition, Launches, compose, compose_energy
from stopwatt.operators.costs import CallCosts, OperatorCost, call_costs, cost_of
from stopwatt.operators.groups import By, Group, Seen, groups, leaf_of_calls
from stopwatt.operators.memory import Caches, Rule, available, blends
from stopwatt.operators.replay import Mode, Replay
from stopwatt.operators.resampling import excess_of_median
from stopwatt.operators.roofs import roofs_of
from stopwatt.operators.statistics import samples_of
from stopwatt.operators.table import DeviceSpecs
from stopwatt.operators.work import Work
from stopwatt.records import Status
from stopwatt.units import quantity

ENERGY_ON_DEVICE, ENERGY_ON_CPU = "energy_gpu", "energy_package"
"""Readings of a replay: joules of a call."""
HOST_GAPS, PAGE_FAULTS, SLOW_CALLS = "host gaps", "page faults", "slow calls"
"""Parts between the plain sum and the composed time."""
_TELLING = 1e-3
"""Share of the plain sum from which on slow calls are a part of their own: draws are not more exact."""


@dataclass(frozen=True, slots=True)
class Known:
    """A figure of the whole model that was measured.

    Attributes:
        value: In seconds or joules, of one call.
        low, high: Its interval; `None` where there is none.
        method: How they came about.
    """

    value: float
    low: float | None = None
    high: float | None = None
    method: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """What is known of the whole model beside its operators.

    Attributes:
        latency: Of one call; `None` where it was not measured.
        energy: Of one call; `None` likewise.
        active_idle_w: Power of the ready device; `None` where nobody knows.
        page_faults: Pages that a call took from the system anew while the latency was measured; `None` for not known.
        no_latency, no_energy: Why not.
    """

    latency: Known | None = None
    energy: Known | None = None
    active_idle_w: float | None = None
    page_faults: float | None = None
    no_latency: str = "not measured"
    no_energy: str = "not measured"


@dataclass(frozen=True, slots=True)
class Basis:
    """By what operators are judged.

    Attributes:
        works: What each of the capture's operators has to do.
        caches: Of the device.
        rule: How memory modes are chosen.
        specs: Ceilings of the device; `None` where they were not measured.
        expected_s: Rough times of operators without a replay, by key: what is measured next, and how much is missing.
        target: Share of the time that operators with a replay shall account for.
    """

    works: Sequence[Work]
    caches: Caches
    rule: Rule = Rule.AUTO
    specs: DeviceSpecs | None = None
    expected_s: Mapping[str, float] = field(default_factory=dict)
    target: float = 0.9


class Place(StrEnum):
    """Where a part stands between the four numbers."""

    COMPOSED = "composed"  # between the plain sum and the composed time
    RESIDUAL = "residual"  # between the composed and the measured time; these add up to the residual
    BOUND = "bound"  # how far the composed time would move: does not add up with anything


@dataclass(frozen=True, slots=True)
class Part:
    """A named difference.

    Attributes:
        name: Of it.
        place: Between which numbers it stands.
        seconds: Its size; `None` where it is not known, or only its bounds are.
        low, high: Bounds.
        why: Where it comes from, or why it is not known.
    """

    name: str
    place: Place
    seconds: float | None
    low: float | None = None
    high: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """An operator without a time.

    Attributes:
        operator: Its key.
        label: For people.
        calls: How often the model calls it.
        why: Why it has none.
        expected_s: Rough time of all its calls, with all others no more than what is left of the measured time; `None`
            where nobody knows.
    """

    operator: str
    label: str
    calls: int
    why: str
    expected_s: float | None = None


@dataclass(frozen=True, slots=True)
class EnergySums:
    """The four numbers once more, in joules of one call; `None` where there is none, and then `why`."""

    sum_j: float | None = None
    composed_j: float | None = None
    measured_j: float | None = None
    residual_j: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What one call of a model consists of.

    Attributes:
        capture: Of the model.
        rule: How memory modes were chosen.
        groups: By operator, family, module and leaf module; each by falling time.
        costs: Of each call.
        composition: Of the calls with a time.
        measured: Latency of the whole model; `None` where it was not measured.
        parts: What lies between the numbers.
        missing: Operators without a time, by falling expected time.
        coverage: Share of the measured (or else the composed and expected) time that operators with a time sum up to.
        target: What it shall be.
        leaf_s: Plain sum of what happens inside leaf modules: all that watching modules alone can see.
        trimmed_s: Plain sum of 3-sigma-trimmed means instead of medians.
        energy: In joules.
        no_latency: Why `measured` is missing.
    """

    capture: Capture
    rule: Rule
    groups: Mapping[By, tuple[Group, ...]]
    costs: CallCosts
    composition: Composition
    measured: Known | None
    parts: tuple[Part, ...]
    missing: tuple[Missing, ...]
    coverage: float
    target: float
    leaf_s: float
    trimmed_s: float
    energy: EnergySums
    no_latency: str = ""

    @property
    def sum_s(self) -> float:
        """Plain sum of operators."""
        return self.composition.sum_s

    @property
    def composed_s(self) -> float:
        """What composing them gives."""
        return self.composition.composed_s

    @property
    def residual_s(self) -> float | None:
        """What is measured beyond the composed time."""
        return None if self.measured is None else self.measured.value - self.composed_s

    @property
    def reference_s(self) -> float:
        """What shares are shares of: the measured time, else the composed one."""
        return self.measured.value if self.measured is not None else self.composed_s


def explain(capture: Capture, replays: Mapping[str, Sequence[Replay]], model: Model, basis: Basis) -> Explanation:
    """Put together what is known of a model's call.

    Args:
        capture: Of the model.
        replays: Of its operators at one place, by operator key.
        model: What was measured of the whole.
        basis: By what operators are judged.
    """
    energy = ENERGY_ON_DEVICE if on_device(capture) else ENERGY_ON_CPU
    found = [cost_of(one, replays.get(one.key, ()), energy) for one in capture.operators]
    caches = basis.caches if on_device(capture) else replace(basis.caches, kept=capture.cache_kept)
    costs = call_costs(capture, found, blends(capture, basis.works, basis.rule, caches))
    pages = capture.page_faults if model.page_faults is None else model.page_faults
    beyond = _Beyond(pages * capture.page_fault_s, 0.0 if on_device(capture) else _excess(capture, costs, replays))
    whole = _composed(capture, costs, costs.time_s, beyond)
    left_s = math.inf if model.latency is None else max(0.0, model.latency.value - whole.composed_s)
    missing = _within(left_s, _missing(capture, found, basis))
    expected = sum(one.expected_s or 0.0 for one in missing)
    reference = model.latency.value if model.latency is not None else whole.composed_s
    roofs = None if basis.specs is None else roofs_of(basis.works, basis.specs).take(capture.sequence)
    seen = Seen(capture, basis.works, costs, reference, roofs)
    inside = np.array(leaf_of_calls(capture), dtype=np.int64) >= 0
    against = reference if model.latency is not None else whole.composed_s + expected
    return Explanation(
        capture,
        basis.rule,
        {by: groups(seen, by) for by in By},
        costs,
        whole,
        model.latency,
        _parts(capture, costs, whole, model, missing),
        missing,
        coverage=whole.sum_s / against if against else 1.0,
        target=basis.target,
        leaf_s=float(np.nansum(costs.time_s[inside])),
        trimmed_s=float(np.nansum(costs.trimmed_s)),
        energy=_energy(capture, costs, whole, model),
        no_latency="" if model.latency is not None else model.no_latency,
    )


@dataclass(frozen=True, slots=True)
class _Beyond:
    """What comes to the operators and the gaps between them."""

    paging_s: float
    excess_s: float


def _excess(capture: Capture, costs: CallCosts, replays: Mapping[str, Sequence[Replay]]) -> float:
    """From the samples of each operator in the mode that most of its call is in."""
    mostly = [max(blend, key=lambda part: part[1])[0] for blend in costs.modes]
    counted = Counter(zip(capture.sequence.tolist(), mostly, strict=True))
    parts = []
    for (place, mode), calls in counted.items():
        good = {one.mode: one for one in replays.get(capture.operators[place].key, ()) if one.status is Status.OK}
        if good:
            parts.append((samples_of(good[available(mode, good)]), calls))
    found = excess_of_median(parts)
    return found if found >= _TELLING * float(np.nansum(costs.time_s)) else 0.0


def on_device(capture: Capture) -> bool:
    """Whether its operators run on a device with a queue of its own."""
    return capture.setup.device.partition(":")[0] != "cpu"


def _composed(capture: Capture, costs: CallCosts, times: NDArray[np.float64], beyond: "_Beyond") -> Composition:
    """Calls may differ though their operator is the same, so each is composed as one of its own."""
    own = np.arange(capture.sequence.size)
    gaps = np.maximum(capture.gaps_ns, 0.0) * 1e-9  # watching's own cost is taken off: less than nothing may be left
    times = np.nan_to_num(times, nan=0.0)
    device = on_device(capture)
    launches = Launches(costs.submit_s, costs.call_s, costs.waits)
    return compose(own, times, launches, gaps, on_device=device, paging_s=beyond.paging_s, excess_s=beyond.excess_s)


def _missing(capture: Capture, found: Sequence[OperatorCost], basis: Basis) -> tuple[Missing, ...]:
    calls = np.bincount(capture.sequence, minlength=len(capture.operators))
    missing = []
    for operator, cost, count in zip(capture.operators, found, calls.tolist(), strict=True):
        if cost.obstacle:
            each = basis.expected_s.get(operator.key)
            expected = None if each is None else each * count
            missing.append(Missing(operator.key, operator.label, count, cost.obstacle, expected))
    return tuple(sorted(missing, key=lambda one: one.expected_s or 0.0, reverse=True))


def _within(left_s: float, missing: tuple[Missing, ...]) -> tuple[Missing, ...]:
    """What is expected, with no more in all than what is left of the measured time: rough times may be far off."""
    expected = sum(one.expected_s or 0.0 for one in missing)
    if expected <= left_s:
        return missing
    return tuple(
        one if one.expected_s is None else replace(one, expected_s=one.expected_s * left_s / expected)
        for one in missing
    )


def _parts(
    capture: Capture, costs: CallCosts, whole: Composition, model: Model, missing: Sequence[Missing]
) -> tuple[Part, ...]:
    parts = [_between(capture, whole), *_paging(capture, whole), *_unlucky(whole)]
    expected = sum(one.expected_s or 0.0 for one in missing)
    unknown = sum(one.expected_s is None for one in missing)
    if missing:
        calls = sum(one.calls for one in missing)
        why = f"operators: {len(missing)}, calls: {calls}" + (f", of unknown size: {unknown}" if unknown else "")
        size = expected if unknown < len(missing) else None
        parts.append(Part("operators without a time", Place.RESIDUAL, size, why=f"{why}; the size is expected"))
    if model.latency is not None:
        rest = model.latency.value - whole.composed_s - expected
        parts.append(Part("rest", Place.RESIDUAL, rest, why="what operators and gaps leave open"))
    return (*parts, _cache_state(capture, costs, whole))


def _between(capture: Capture, whole: Composition) -> Part:
    if not capture.gaps_ns.size:
        return Part(HOST_GAPS, Place.COMPOSED, None, why="the capture holds no gaps")
    if on_device(capture):
        why = "the device waits for the host: dispatch and Python that no running operator hides"
        return Part(HOST_GAPS, Place.COMPOSED, whole.waiting_s, why=why)
    return Part(HOST_GAPS, Place.COMPOSED, whole.waiting_s, why="Python and modules between operators")


def _paging(capture: Capture, whole: Composition) -> tuple[Part, ...]:
    if not whole.paging_s:
        return ()
    pages = round(whole.paging_s / capture.page_fault_s)
    why = f"{pages:,} pages a call are taken from the system anew, each for {quantity(capture.page_fault_s, 's')}"
    return (Part(PAGE_FAULTS, Place.COMPOSED, whole.paging_s, why=why),)


def _unlucky(whole: Composition) -> tuple[Part, ...]:
    if not whole.excess_s:
        return ()
    why = "medians do not add up: of many operators some are always among the slow calls of theirs"
    return (Part(SLOW_CALLS, Place.COMPOSED, whole.excess_s, why=why),)


def _cache_state(capture: Capture, costs: CallCosts, whole: Composition) -> Part:
    """How far the composed time moves if every operator runs in the same mode."""
    if not costs.several_modes:
        return Part("cache state", Place.BOUND, None, why="operators were measured in one memory mode")
    beyond = _Beyond(whole.paging_s, whole.excess_s)
    composed = [_composed(capture, costs, costs.in_mode[mode], beyond).composed_s for mode in Mode]
    low, high = min(composed) - whole.composed_s, max(composed) - whole.composed_s
    return Part("cache state", Place.BOUND, None, low, high, why="all operators in the fastest or slowest mode")


def _energy(capture: Capture, costs: CallCosts, whole: Composition, model: Model) -> EnergySums:
    measured = None if model.energy is None else model.energy.value
    known = costs.known & np.isfinite(costs.energy_j)
    if not known.any():
        return EnergySums(
            measured_j=measured, why=model.no_energy if measured is None else "no operator's energy was measured"
        )
    total = float(costs.energy_j[known].sum())
    if model.active_idle_w is None:
        return EnergySums(total, None, measured, why="the power of the ready device is not known")
    if on_device(capture):  # whose energy is measured while its queue is kept full
        wall = whole.interval_s
    else:
        wall = whole.composed_s if model.latency is None else model.latency.value
    times = costs.time_s[known]
    composed = compose_energy(times, costs.energy_j[known] / times, wall, model.active_idle_w)
    left = int((~known).sum())
    why = f"{left} of {capture.sequence.size} calls without a measured energy" if left else ""
    residual = None if measured is None else measured - composed
    return EnergySums(total, composed, measured, residual, why)
