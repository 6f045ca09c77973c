"""The paced series of a round: its conditions, its load, and what it leaves in the record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.devices.fitness import judge
from stopwatt.devices.usage import CpuUsage, Usage
from stopwatt.errors import StopwattError
from stopwatt.measuring.load import BackgroundLoad, background_load
from stopwatt.measuring.paced import SPIN_NS, Ending, PacedTrials, Schedule, run_paced
from stopwatt.measuring.realtime import Conditions, conditions
from stopwatt.measuring.trials import Call
from stopwatt.records import Measured, Note, Paced, Reading, Samples, Scalar
from stopwatt.units import quantity
from stopwatt.ways import Load

LATEST_CALLS = 100
REALTIME_SPIN_SHARE = 4
"""A real-time thread that never sleeps is stopped by the kernel (`sched_rt_runtime_us`), and it is woken early enough
anyway: its loop takes at most a quarter of the period."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """A paced series as a part of a round's answer.

    Attributes:
        trials: The series itself.
        samples: `response`, `service`, `wake_late`.
        readings: `overruns`.
    """

    trials: PacedTrials
    samples: Mapping[str, Samples]
    readings: Mapping[str, Reading]
    facts: Mapping[str, Scalar]
    notes: tuple[Note, ...]


def refuse_short_period(paced: Paced, latency_ns: NDArray[np.int64]) -> None:
    """Refuse a schedule that the model cannot keep up with, once calls have shown how long they take.

    Args:
        paced: The schedule.
        latency_ns: Calls one after another; the latest count.

    Raises:
        StopwattError: More than half of them took longer than the period: the queue would only grow.
    """
    median_s = float(np.median(latency_ns[-LATEST_CALLS:])) / 1e9
    if median_s <= paced.period_s:
        return
    raise StopwattError(
        f"the period of {quantity(paced.period_s, 's')} is shorter than a call, which takes {quantity(median_s, 's')}",
        when=f"after {latency_ns.size} calls of warm-up: at that rate every request would wait longer than the last",
        now=f"use a longer period (--period {round(median_s * 1.5e6)}us leaves a third of the time free), "
        "or make the model faster",
    )


def schedule_of(paced: Paced) -> Schedule:
    """Number of requests, and where the load begins: at half of them."""
    whole = paced.cycles if paced.seconds is None else min(paced.cycles, int(paced.seconds / paced.period_s))
    cycles = max(1, whole)
    return Schedule(round(paced.period_s * 1e9), cycles, None if paced.load is Load.NONE else cycles // 2)


def run_arrivals(call: Call, sets: Sequence[Any], paced: Paced, threads: int = 1) -> Arrivals:
    """Run the series under the conditions that were asked for.

    Args:
        call: Returns when the work is done.
        sets: Staged inputs that take turns.
        paced: What was asked for.
        threads: Of the setup.

    Raises:
        StopwattError: The background load cannot be started.
    """
    wanted = schedule_of(paced)
    with background_load(paced.load) as load, conditions(realtime=paced.realtime) as given:
        schedule = replace(wanted, spin_ns=_spin_ns(wanted.period_ns, given))
        before = CpuUsage.read()
        trials = run_paced(call, sets, schedule, begin_load=load.begin)
        usage = CpuUsage.read().since(before)
        lost = load.ended_early()
    return Arrivals(
        trials,
        samples={
            "response": Samples(trials.response_ns, "ns"),
            "service": Samples(trials.service_ns, "ns"),
            "wake_late": Samples(trials.wake_late_ns, "ns"),
        },
        readings={"overruns": Measured(trials.overruns(schedule.period_ns), "cycles")},
        facts=_facts(trials, schedule, load, given, usage),
        notes=_notes(trials, schedule, given, usage, lost=lost, load=paced.load, threads=threads),
    )


def _spin_ns(period_ns: int, given: Conditions) -> int:
    return min(SPIN_NS, period_ns // REALTIME_SPIN_SHARE) if given.is_realtime else SPIN_NS


def _facts(
    trials: PacedTrials, schedule: Schedule, load: BackgroundLoad, given: Conditions, usage: Usage
) -> dict[str, Scalar]:
    facts: dict[str, Scalar] = {
        "paced_cycles": trials.response_ns.size,
        "paced_planned": schedule.cycles,
        "paced_stopped": trials.ending.value,
        "paced_spin_ns": schedule.spin_ns,
        **given.facts(),
        **{name.replace("round.", "paced."): value for name, value in usage.facts().items()},
    }
    if schedule.load_from is not None and trials.response_ns.size > schedule.load_from:
        facts |= {"load": load.kind.value, "load_from": schedule.load_from, "load_processes": len(load.processes)}
    return facts


def _notes(
    trials: PacedTrials,
    schedule: Schedule,
    given: Conditions,
    usage: Usage,
    *,
    lost: int,
    load: Load,
    threads: int,
) -> tuple[Note, ...]:
    ours = {"foreign-cpu"} if load is not Load.NONE else set()
    machine = [note for note in judge({}, {}, usage=usage, threads=threads).notes if note.kind not in ours]
    behind = _behind(trials, schedule) if trials.ending is Ending.BEHIND else None
    return tuple(note for note in (given.note(), behind, _lost(lost) if lost else None, *machine) if note is not None)


def _behind(trials: PacedTrials, schedule: Schedule) -> Note:
    return Note(
        "behind-schedule",
        f"calls took longer than the period, so requests waited ever longer; the series was closed after "
        f"{trials.response_ns.size} of {schedule.cycles}: how long they waited says more about its length than about "
        "the model",
        now="use a longer --period",
    )


def _lost(processes: int) -> Note:
    return Note(
        "load-lost",
        f"{processes} processes of the background load ended before the series did: a part of it ran under less load "
        "than declared",
        now="look whether memory was short, and repeat",
    )
