"""One round of an ablation: the model opened cold in one way, warmed up, timed in the others beside the reference."""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stopwatt.backends.base import Runner
from stopwatt.devices.base import Device
from stopwatt.measuring import clock
from stopwatt.measuring.bundle import Bundle
from stopwatt.measuring.gate import Gate
from stopwatt.measuring.job import Answer
from stopwatt.measuring.round import Round, explained
from stopwatt.measuring.subject import Subject, assemble
from stopwatt.measuring.suspicion import LAZY
from stopwatt.measuring.trials import Trials
from stopwatt.measuring.ways.series import Extent, Series, reference_trials, take
from stopwatt.measuring.ways.stand import Stand, Unmeasurable
from stopwatt.records import Samples, Status, Unavailable
from stopwatt.ways import REFERENCE, Ablation, Load, Way, sample_name

COLD_FACTOR = 20
"""A cold series may take so many times as long as a warm one: its first calls are long."""
LATEST_CALLS = 100
LEAST_REFERENCES = 5
"""Series of the reference in a round, however few warm ways there are: a cold way is compared with all of them."""
PROMISES = "its calls return promises, and the first ones were not forced"
OPENED = "another way of measuring made the first calls of the process"


@dataclass(slots=True)
class Taken:
    """What one way has said in this round so far."""

    series: list[Series] = field(default_factory=list)
    reference_ns: list[float] = field(default_factory=list)


@dataclass(slots=True)
class ReferenceSeries:
    """All series of the reference in this round, as one."""

    latency_ns: list[NDArray[np.int64]] = field(default_factory=list)
    started_ns: list[NDArray[np.int64]] = field(default_factory=list)
    averages_ns: list[float] = field(default_factory=list)

    def add(self, trials: Trials, ended_ns: int) -> None:
        """Add a series that has just ended."""
        begin = ended_ns - int(trials.started_ns[-1] + trials.latency_ns[-1])
        self.latency_ns.append(trials.latency_ns)
        self.started_ns.append(trials.started_ns + begin)
        self.averages_ns.append(float(trials.latency_ns.mean()))

    def samples(self) -> dict[str, Samples]:
        """As an ordinary round has them."""
        started = np.concatenate(self.started_ns)
        return {
            "latency": Samples(np.concatenate(self.latency_ns), "ns"),
            "started": Samples(started - started[0], "ns"),
        }


class AblationRound(Round):
    """As `Round`, with other series."""

    def _measure(self, runner: Runner, device: Device, bundle: Bundle) -> Answer:
        ablation = self._ablation()
        opening, warm = ablation.of_round(self.job.round)
        taken: dict[Way, Taken] = defaultdict(Taken)
        if opening is not None:
            with self.phases.phase("cold way"), explained(runner):
                self._open(opening, assemble(runner, device, bundle.inputs, self.protocol.boundary), taken)
        subject = self._first_calls(runner, device, bundle)
        if opening is not None:
            self._disown_promises(opening, taken)
            for name in ("cold_start", "first_cold_start"):
                self.readings.pop(name, None)
            self.readings["cold_start"] = Unavailable(OPENED)
        gate = Gate(bundle, self.job.cell.setup, self.protocol)
        try:
            with self.phases.phase("check"):
                gate.check_all(subject)
            self._warm_up(subject)
            with self.phases.phase("ways"):
                last, references = self._side_by_side(Stand(subject, self.job.cell.setup), warm, taken)
            gate.check(subject.outputs(last.outputs), last.last_set, "on the last timed outputs")
        finally:
            self._deviation(gate, bundle)
        self._keep(taken, references)
        return self.answer(Status.OK)

    def _ablation(self) -> Ablation:
        ablation = self.protocol.ablation
        assert ablation is not None  # noqa: S101  (who asks for this kind of round has one)
        return ablation

    def _open(self, way: Way, subject: Subject, taken: dict[Way, Taken]) -> None:
        """The first calls of the process, counted; or all but the first ten."""
        rules, stand = self._ablation(), Stand(subject, self.job.cell.setup)
        extent = Extent(rules.calls, rules.least_calls, COLD_FACTOR * rules.seconds)
        try:
            taken[way].series.append(take(way, stand, extent, settle=0))
        except Unmeasurable as reason:
            self.readings[sample_name(way)] = Unavailable(str(reason))

    def _disown_promises(self, way: Way, taken: dict[Way, Taken]) -> None:
        """That a model returns promises shows after its first calls: nothing had forced them."""
        if LAZY in self.notes and taken.pop(way, None) is not None:
            self.readings[sample_name(way)] = Unavailable(PROMISES)

    def _side_by_side(
        self, stand: Stand, ways: tuple[Way, ...], taken: dict[Way, Taken]
    ) -> tuple[Trials, ReferenceSeries]:
        """Series of all ways in random order, each between two of the reference."""
        rules, references = self._ablation(), ReferenceSeries()
        generator = np.random.default_rng((self.protocol.seed, self.job.round))
        quality = clock.quality()
        self.facts |= {"clock_tick_ns": quality.tick_ns, "clock_overhead_ns": quality.overhead_ns}
        call_s = float(np.median(self.samples["warmup_latency"].values[-LATEST_CALLS:])) / 1e9

        def extent_of(way: Way) -> Extent:
            calls = int(rules.seconds / (call_s + stand.between_s(way)))
            # A series that is shorter than the scheduler's slices meets the load or misses it, by chance.
            most = rules.calls if way.load is Load.NONE else max(rules.calls, calls)
            return Extent(max(rules.least_calls, min(most, calls)), rules.least_calls)

        def reference() -> Trials:
            trials = reference_trials(stand, extent_of(REFERENCE))
            references.add(trials, clock.now_ns())
            return trials

        last = reference()
        while len(references.averages_ns) + rules.series * len(ways) < LEAST_REFERENCES:
            last = reference()
        for _ in range(rules.series):
            for place in generator.permutation(len(ways)):
                way = ways[place]
                if sample_name(way) in self.readings:
                    continue
                before = references.averages_ns[-1]
                try:
                    series = take(way, stand, extent_of(way))
                except Unmeasurable as reason:
                    self.readings[sample_name(way)] = Unavailable(str(reason))
                    continue
                last = reference()
                taken[way].series.append(series)
                taken[way].reference_ns.append(float(np.sqrt(before * references.averages_ns[-1])))
        return last, references

    def _keep(self, taken: dict[Way, Taken], references: ReferenceSeries) -> None:
        """Everything as samples, as `ways.sample_name` describes them."""
        whole = float(np.exp(np.log(references.averages_ns).mean()))
        for way, one in taken.items():
            beside = [whole] * len(one.series) if way.cold else one.reference_ns
            trials = np.concatenate([series.trials_ns for series in one.series]) if one.series else np.empty(0)
            kept = {
                "": (np.array([series.average_ns for series in one.series], dtype=np.float64), "ns"),
                "reference": (np.array(beside, dtype=np.float64), "ns"),
                "calls": (np.array([series.calls for series in one.series], dtype=np.int64), "calls"),
                "trials": (trials, "ns"),
            }
            self.samples |= {
                sample_name(way, part): Samples(values, unit) for part, (values, unit) in kept.items() if values.size
            }
        self.samples |= references.samples()
