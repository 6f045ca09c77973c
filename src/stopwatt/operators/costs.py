"""What each call of a model costs, from the replays of its operators and the memory modes in which they run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.capture import Capture
from stopwatt.operators.memory import Blend, mixed
from stopwatt.operators.operator import Operator
from stopwatt.operators.replay import Mode, Replay
from stopwatt.operators.statistics import time_of, trimmed_mean_of
from stopwatt.records import Measured, Status

Floats = NDArray[np.float64]
ByMode = Mapping[Mode, float]
CALL, DEVICE, SUBMIT = "call", "device", "submit"


@dataclass(frozen=True, slots=True)
class OperatorCost:
    """What the replays of one operator say, by memory mode.

    Attributes:
        time_s: Median of the replays' typical times.
        trimmed_s: The same of means without what lies beyond three standard deviations.
        submit_s: Until a call returned to the host; empty on a CPU.
        energy_j: Of a call; empty where none was measured.
        obstacle: Why there is no time; empty where there is one.
        call_s: Until the device of a call by itself was waited for; empty on a CPU.
        waits: Whether the host waits for the device inside of it: there is no time of the device alone.
    """

    time_s: ByMode = field(default_factory=dict)
    trimmed_s: ByMode = field(default_factory=dict)
    submit_s: ByMode = field(default_factory=dict)
    energy_j: ByMode = field(default_factory=dict)
    obstacle: str = ""
    call_s: ByMode = field(default_factory=dict)
    waits: bool = False


def cost_of(operator: Operator, replays: Sequence[Replay], energy: str) -> OperatorCost:
    """One operator's cost.

    Args:
        operator: It.
        replays: All of it at one place.
        energy: Name of the reading that holds the energy of a call.
    """
    good = [one for one in replays if one.status is Status.OK and one.samples]
    if not good:
        return OperatorCost(obstacle=_obstacle(operator, replays))
    submitted = [one for one in good if SUBMIT in one.samples]
    return OperatorCost(
        _typical((one.mode, time_of(one)) for one in good),
        _typical((one.mode, trimmed_mean_of(one)) for one in good),
        _typical((one.mode, _median_s(one, SUBMIT)) for one in submitted),
        _typical(
            (one.mode, reading.value) for one in good if isinstance(reading := one.readings.get(energy), Measured)
        ),
        call_s=_typical((one.mode, _median_s(one, CALL)) for one in submitted),
        waits=bool(submitted) and not any(DEVICE in one.samples for one in submitted),
    )


def _median_s(replay: Replay, series: str) -> float:
    return float(np.median(replay.samples[series].values)) * 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class CallCosts:
    """Columns over the calls of a model, shape (calls,); NaN where nothing is known.

    Attributes:
        time_s: Where the operator runs, in the call's own memory modes.
        trimmed_s: The same from trimmed means.
        submit_s: On the host of a GPU; 0 on a CPU.
        call_s: By itself, with the wait for the device; 0 on a CPU.
        waits: Whether the host waits for the device inside of the call.
        energy_j: Of the call. Where energy was measured in other modes than time, by the power that it had there.
        in_mode: The times as if all calls ran in one mode.
        modes: The memory modes of each call.
        several_modes: Whether some operator was measured in more than one.
    """

    time_s: Floats
    trimmed_s: Floats
    submit_s: Floats
    call_s: Floats
    waits: NDArray[np.bool_]
    energy_j: Floats
    in_mode: Mapping[Mode, Floats]
    modes: tuple[Blend, ...]
    several_modes: bool

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which calls have a time."""
        return np.asarray(np.isfinite(self.time_s))


def call_costs(capture: Capture, costs: Sequence[OperatorCost], modes: Sequence[Blend]) -> CallCosts:
    """Costs of every call.

    Args:
        capture: Of the model.
        costs: Of each of its operators.
        modes: Of each of its calls.
    """
    calls = [(costs[place], blend) for place, blend in zip(capture.sequence.tolist(), modes, strict=True)]

    def column(name: str) -> Floats:
        return _floats(mixed(blend, getattr(cost, name)) for cost, blend in calls)

    time_s = column("time_s")
    energy_j = time_s * _floats(mixed(blend, _powers(cost)) for cost, blend in calls)
    fixed = {mode: _floats(mixed(((mode, 1.0),), cost.time_s) for cost, _ in calls) for mode in Mode}
    several = any(len(cost.time_s) > 1 for cost in costs)
    submit_s, call_s = (np.nan_to_num(column(name), nan=0.0) for name in ("submit_s", "call_s"))
    waits = np.array([cost.waits for cost, _ in calls], dtype=np.bool_)
    return CallCosts(
        time_s,
        column("trimmed_s"),
        submit_s,
        call_s,
        waits,
        energy_j,
        fixed,
        tuple(modes),
        several_modes=several,
    )


def _powers(cost: OperatorCost) -> dict[Mode, float]:
    """Watts in each mode whose energy was measured."""
    return {mode: joules / cost.time_s[mode] for mode, joules in cost.energy_j.items() if cost.time_s.get(mode)}


def _floats(values: Iterable[float | None]) -> Floats:
    return np.array([np.nan if one is None else one for one in values], dtype=np.float64)


def _typical(pairs: Iterable[tuple[Mode, float]]) -> dict[Mode, float]:
    """The median of each mode: replays of one operator in several processes stand side by side."""
    found: dict[Mode, list[float]] = {}
    for mode, value in pairs:
        found.setdefault(mode, []).append(value)
    return {mode: float(np.median(values)) for mode, values in found.items()}


def _obstacle(operator: Operator, replays: Sequence[Replay]) -> str:
    if operator.obstacle:
        return operator.obstacle
    failed = next((one for one in replays if one.status is not Status.OK), None)
    if failed is None:
        return "not measured yet"
    return failed.trouble.what if failed.trouble is not None else f"its replay ended as {failed.status}"
