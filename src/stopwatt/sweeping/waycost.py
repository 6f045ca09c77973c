"""How long the rounds of an ablation take, from its own budgets and from rounds that were measured before."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from stopwatt.measuring.ways.round import COLD_FACTOR
from stopwatt.records import Cell, Protocol
from stopwatt.sweeping.forecast import least_s
from stopwatt.ways import REFERENCE, Ablation, Load, Way

ROOM_S = 10.0
"""Time that a round may take beyond the usual limit, for each of its series."""
_NOT_OF_WAYS = ("trials", "device time", "throughput", "energy", "paced", "occupancy", "ways", "cold way")
"""Phases that an ablation does not have, or that its ways decide."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a round that was measured says about the time of rounds of an ablation.

    Attributes:
        rest_s: Everything but its calls: start, build, load, warm-up, checks.
        call_s: Of a call; `None` where it does not say.
        whole_s: All of it, where it is a round of the very same cell.
    """

    rest_s: float
    call_s: float | None = None
    whole_s: float | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds that rounds take, one after another; `likely` is `None` where only the least is known."""

    low: float
    likely: float | None = None

    def __add__(self, other: "Span") -> "Span":
        both = None if self.likely is None or other.likely is None else self.likely + other.likely
        return Span(self.low + other.low, both)


def with_room(rules: Protocol) -> Protocol:
    """The same rules with a time limit that grows with the series of a round."""
    ablation = rules.ablation
    if ablation is None:
        return rules
    return replace(rules, timeout_s=rules.timeout_s + ROOM_S * sum(map(len, _series(ablation, 0))))


def time_of(cell: Cell, rounds: int, known: Sequence[Known]) -> Span:
    """How long so many rounds of an ablation take.

    Args:
        cell: With the ablation.
        rounds: Still to be measured.
        known: Rounds of the same workload and setup.
    """
    ablation = cell.protocol.ablation or Ablation(())
    rules = replace(cell.protocol, throughput_windows=0, ablation=None)
    low = rounds * (least_s(replace(cell, protocol=rules)) + _mean_block_s(ablation, 0.0))
    whole = [one.whole_s for one in known if one.whole_s is not None]
    if whole:
        return Span(min(low, rounds * min(whole)), rounds * sum(whole) / len(whole))
    calls = [one.call_s for one in known if one.call_s is not None]
    if not calls:
        return Span(low)
    rest_s = sum(one.rest_s for one in known) / len(known)
    likely = rounds * (rest_s + _mean_block_s(ablation, sum(calls) / len(calls)))
    return Span(min(low, likely), likely)


def what_is_known(cell: Cell, earlier: Iterable[tuple[Cell, int, Mapping[str, float]]]) -> list[Known]:
    """What rounds of a results database say about a cell with an ablation.

    Args:
        cell: With the ablation.
        earlier: The cell of each, its trials, and the seconds of its phases.
    """
    found = []
    for other, trials, phases in earlier:
        same = (other.workload, other.setup, other.code, other.machine) == (
            cell.workload, cell.setup, cell.code, cell.machine,
        )  # fmt: skip
        if not same or "round" not in phases:
            continue
        rest_s = phases["round"] - sum(phases.get(name, 0.0) for name in _NOT_OF_WAYS)
        found.append(Known(rest_s, _call_s(other, trials, phases), phases["round"] if other.key == cell.key else None))
    return found


def _call_s(cell: Cell, trials: int, phases: Mapping[str, float]) -> float | None:
    """Of an ordinary round its trials; of an ablation's all of its series, of which half are of the reference."""
    ablation = cell.protocol.ablation
    if ablation is None:
        return phases["trials"] / trials - cell.protocol.idle_s if trials and "trials" in phases else None
    if not trials or "ways" not in phases:
        return None
    return max(0.0, phases["ways"] - _mean_block_s(ablation, 0.0)) / (2 * trials)


def _series(ablation: Ablation, number: int) -> tuple[list[Way], list[Way]]:
    """Of one round: the cold one, and the warm ones with those of the reference around them."""
    cold, warm = ablation.of_round(number)
    beside = [one for way in warm for one in (way, REFERENCE)] * ablation.series
    return ([cold] if cold is not None else []), [REFERENCE, *beside]


def _mean_block_s(ablation: Ablation, call_s: float) -> float:
    """Seconds of all series of a round, on average over a cycle."""
    total = 0.0
    for number in range(ablation.cycle):
        cold, warm = _series(ablation, number)
        total += sum(_series_s(ablation, way, call_s) for way in (*cold, *warm))
    return total / ablation.cycle


def _series_s(ablation: Ablation, way: Way, call_s: float) -> float:
    each = way.idle_s + call_s
    budget_s = ablation.seconds * (COLD_FACTOR if way.cold else 1)
    calls = budget_s / each if each else ablation.calls
    most = ablation.calls if way.load is Load.NONE else max(ablation.calls, calls)
    return each * max(ablation.least_calls, min(most, calls))
