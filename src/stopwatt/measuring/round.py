"""One round of one cell, from nothing to a measurement. Reads like the story of measuring."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from stopwatt.backends.base import ArtifactBackend, ModuleBackend, Runner
from stopwatt.backends.catalogue import get
from stopwatt.devices.base import Device
from stopwatt.devices.fitness import judge
from stopwatt.devices.memory import HostMemory
from stopwatt.devices.paging import note_on
from stopwatt.devices.resolve import device as find_device
from stopwatt.devices.resolve import kind_of
from stopwatt.devices.usage import CpuUsage
from stopwatt.energy import PACED, TRIALS, Span
from stopwatt.errors import StopwattError
from stopwatt.measuring import clock
from stopwatt.measuring.arrivals import refuse_short_period, run_arrivals
from stopwatt.measuring.artifact import conversion
from stopwatt.measuring.building import build_for
from stopwatt.measuring.bundle import Bundle
from stopwatt.measuring.calibration import calibration_of
from stopwatt.measuring.conditions import changed_conditions, recompilations
from stopwatt.measuring.devicetime import run_device_trials
from stopwatt.measuring.energy import METRICS_OF, estimated, run_energy
from stopwatt.measuring.faults import translate, write_down
from stopwatt.measuring.gate import Gate, WrongAnswers
from stopwatt.measuring.job import Answer, Job
from stopwatt.measuring.occupancy import NOT_ASKED, estimate_occupancy
from stopwatt.measuring.paced import Ending
from stopwatt.measuring.phases import Phases
from stopwatt.measuring.subject import Subject, assemble
from stopwatt.measuring.suspicion import LAZY, LAZY_LATER, cached_results, is_lazy
from stopwatt.measuring.throughput import saturate
from stopwatt.measuring.trials import SETTLE_CALLS, Stop, Trials, pause, run_trials
from stopwatt.measuring.warmup import warm_up
from stopwatt.metrics import CPU_ESTIMATE
from stopwatt.records import Measured, Note, Protocol, Reading, Samples, Scalar, Status, Trouble, Unavailable

NOT_FRESH = "the process had measured other cells before"
NOT_ALONE = "processes that measure other cells hold memory of the device too"
_TO_END_S = 10.0
"""Of the round's time limit that is kept for judging and for its end."""
COLD_START_PHASES = ("import", "build", "load", "first call")


def measure_round(job: Job, kind: "type[Round]", tell: Callable[[str], None]) -> Answer:
    """Measure a cell once, in this process. Whatever goes wrong is part of the answer.

    Args:
        job: The round.
        kind: What is timed in it.
        tell: Called with the name of each phase as it begins.
    """
    story = kind(job, Phases(tell))
    try:
        return story.run()
    except WrongAnswers as wrong:
        return story.answer(Status.INVALID, wrong.trouble)
    except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001  (foreign code may raise anything)
        write_down(error)
        return story.answer(*translate(error, story.phases.current))


class Round:
    """The state of a round: what has been learnt so far is kept, whatever happens next."""

    def __init__(self, job: Job, phases: Phases) -> None:
        self.job = job
        self.phases = phases
        self.samples: dict[str, Samples] = {}
        self.readings: dict[str, Reading] = {}
        self.facts: dict[str, Scalar] = {}
        self.notes: list[Note] = []
        self.spans: list[Span] = []

    @property
    def protocol(self) -> Protocol:
        """The rules of the cell."""
        return self.job.cell.protocol

    def run(self) -> Answer:
        """Load, check, warm up, time, check again."""
        with self.phases.phase("inputs"):
            bundle = Bundle.load(Path(self.job.bundle))
        device = self._open_device()
        device.reset_peak_memory()
        runner = self._load(bundle)
        try:
            with runner.active():
                return self._measure(runner, device, bundle)
        finally:
            runner.close()

    def answer(self, status: Status, trouble: Trouble | None = None) -> Answer:
        """What has been learnt, under a status."""
        known = (self.samples, self.readings, self.phases.seconds, self.facts, tuple(self.notes), tuple(self.spans))
        return Answer(status, trouble, *known)

    def _open_device(self) -> Device:
        """Opening an accelerator imports torch: part of the cold start of a backend that needs torch anyway."""
        setup = self.job.cell.setup
        needed = kind_of(setup.device) != "cpu" and get(setup.backend).packages[0] == "torch"
        with self.phases.phase("import" if needed else "device"):
            return find_device(setup.device)

    def _load(self, bundle: Bundle) -> Runner:
        cell = self.job.cell
        backend = get(cell.setup.backend)
        if isinstance(backend, ArtifactBackend):
            folder = Path(self.job.artifact)
            converted = conversion(folder)
            self.readings["convert_time"] = Measured(converted.convert_s, "s")
            self.facts |= converted.techniques
            with self.phases.phase("load"):
                return backend.load(folder, cell.setup)
        if not isinstance(backend, ModuleBackend):
            raise StopwattError(f"backend {cell.setup.backend!r} can neither prepare a module nor load an artifact")
        with self.phases.phase("build"):
            built, done = build_for(cell, bundle.inputs)
        self.facts |= done
        with self.phases.phase("load"):
            return backend.prepare(built, cell.setup, calibration_of(self.job, bundle, built))

    def _measure(self, runner: Runner, device: Device, bundle: Bundle) -> Answer:
        subject = self._first_calls(runner, device, bundle)
        gate = Gate(bundle, self.job.cell.setup, self.protocol)
        try:
            with self.phases.phase("check"):
                gate.check_all(subject)
            memory = HostMemory()
            self._warm_up(subject)
            if self.protocol.paced is not None:
                refuse_short_period(self.protocol.paced, self.samples["warmup_latency"].values)
            trials = self._trials(subject)
            if not self.job.artifact and is_lazy(trials.outputs):
                self.notes.append(LAZY_LATER)
            if trials.outputs is not None:
                gate.check(subject.outputs(trials.outputs), trials.last_set, "on the last timed outputs")
        finally:
            self._deviation(gate, bundle)
        if trials.stop is Stop.INTERRUPT:
            return self._interrupted(f"after {len(trials.latency_ns)} trials")
        self._device_time(subject)
        self._throughput(subject)
        self._memory(memory, device)
        self._suspect(subject)
        interrupted = self._energy(subject)
        if interrupted is not None:
            return interrupted
        self._accuracy(subject, bundle)
        return self._paced(subject, gate, bundle)

    def _interrupted(self, when: str) -> Answer:
        now = "start the same command again: it goes on from here"
        return self.answer(Status.INTERRUPTED, Trouble("interrupted", when, now))

    def _first_calls(self, runner: Runner, device: Device, bundle: Bundle) -> Subject:
        boundary = self.protocol.boundary
        subject = assemble(runner, device, bundle.inputs, boundary)
        with self.phases.phase("first call"), explained(runner):
            returned = subject.timed(subject.sets[0])
        with self.phases.phase("second call"):
            subject.timed(subject.sets[-1])
        self.facts |= runner.computed()
        cold = sum(self.phases.seconds.get(name, 0.0) for name in COLD_START_PHASES)
        first = self.facts.get("compile_cache") == "miss"
        reading = Unavailable(NOT_FRESH) if self.job.served else Measured(cold, "s")
        self.readings["first_cold_start" if first else "cold_start"] = reading
        # An artifact's runtime returns finished tensors of its own kind; Python code may return anything.
        if self.job.artifact or not is_lazy(returned):
            return subject
        self.notes.append(LAZY)
        return assemble(runner, device, bundle.inputs, boundary, force=True)

    def _warm_up(self, subject: Subject) -> None:
        with self.phases.phase("warm-up"):
            # A process that has measured other cells just before has a device that is awake.
            least = 0.0 if self.job.served else subject.device.warmup_seconds
            warmed = warm_up(subject.timed, subject.sets, self.protocol.warmup, device_seconds=least)
        self.samples["warmup_latency"] = Samples(warmed.latency_ns, "ns")
        self.facts |= {"warmup_calls": warmed.calls, "steady_state": warmed.steady}
        note = warmed.note()
        if note is not None:
            self.notes.append(note)

    def _trials(self, subject: Subject) -> Trials:
        rules = self.protocol
        quality = clock.quality()
        self.facts |= {"cells_before": self.job.served} if self.job.kept else {}
        self.facts |= {"clock_tick_ns": quality.tick_ns, "clock_overhead_ns": quality.overhead_ns}
        compiled = recompilations(subject.runner)
        before = CpuUsage.read()
        with self.phases.phase("trials"):
            trials = run_trials(
                subject.timed,
                subject.sets,
                rules.trials,
                budget_s=rules.trial_seconds,
                least=rules.min_trials,
                settle=SETTLE_CALLS,
                before=pause(rules.idle_s),
            )
        usage = CpuUsage.read().since(before)
        self.facts |= usage.facts()
        self.notes += judge({}, {}, usage=usage, threads=self.job.cell.setup.threads).notes
        self.facts["trials_stopped"] = trials.stop.value
        self.samples["latency"] = Samples(trials.latency_ns, "ns")
        self.samples["started"] = Samples(trials.started_ns, "ns")
        self._paging(usage.minor_faults / (trials.latency_ns.size + SETTLE_CALLS))
        self.spans.append(Span(TRIALS, trials.first_ns, trials.last_ns, trials.latency_ns.size))
        self.notes += changed_conditions(subject.runner, compiled, self.job.cell.setup)
        return trials

    def _paging(self, pages: float) -> None:
        self.readings["page_faults"] = Measured(pages, "1")
        taken = self.samples["latency"].values
        note = note_on(pages, float(np.median(taken)) / 1e9) if taken.size else None
        if note is not None:
            self.notes.append(note)

    def _device_time(self, subject: Subject) -> None:
        """After the second check: a runtime may write every call's outputs into the same place."""
        with self.phases.phase("device time"):
            measured = run_device_trials(subject, self.protocol.trials, self.protocol.trial_seconds)
        if measured is not None:
            self.samples["device_time"] = Samples(measured.device_ns, "ns")
            self.notes += measured.notes()

    def _throughput(self, subject: Subject) -> None:
        rules = self.protocol
        with self.phases.phase("throughput"):
            found = saturate(
                subject.submit,
                subject.device.synchronize,
                subject.sets,
                batch=self.job.cell.setup.batch,
                windows=rules.throughput_windows,
                seconds=rules.throughput_seconds,
            )
        self.samples["throughput"] = Samples(found.per_second, "samples/s")
        self.readings[CPU_ESTIMATE] = estimated(found.cpu_s / found.samples, rules.cpu_watts)

    def _memory(self, host: HostMemory, device: Device) -> None:
        """That of the cell, or nothing: what other cells left in the process or hold on the device would count too."""
        self.readings["host_memory"] = Unavailable(NOT_FRESH) if self.job.served else host.peak()
        # Even of the first cell of a process that is kept: those of other backends and of the references are there too.
        on_device = device.peak_memory()
        shared = self.job.kept and isinstance(on_device, Measured)
        self.readings["device_memory"] = Unavailable(NOT_ALONE) if shared else on_device

    def _suspect(self, subject: Subject) -> None:
        with self.phases.phase("suspicion"):
            stage = subject.runner.stage if subject.sets is not subject.arrays else tuple
            note = cached_results(subject.timed, stage, subject.sets, subject.arrays)
        if note is not None:
            self.notes.append(note)

    def _energy(self, subject: Subject) -> Answer | None:
        """Busy windows for whoever reads instruments beside; an answer if the user ended the round in it."""
        rules = self.protocol.energy
        if rules is None or not self.job.tick_s:
            return None
        dice = random.Random(f"{self.protocol.seed} {self.job.round}")  # noqa: S311  (pauses, not secrets)
        with self.phases.phase("energy"):
            found = run_energy(subject, rules, self.job.tick_s, dice=dice)
        self.spans += found.spans
        if found.no_sentinel:
            self.facts["energy.no_sentinel"] = found.no_sentinel
        if found.why:
            names = (name for of_scope in METRICS_OF.values() for name in of_scope)
            self.readings |= dict.fromkeys(names, Unavailable(found.why))
        return self._interrupted("while its energy was measured") if found.interrupted else None

    def _paced(self, subject: Subject, gate: Gate, bundle: Bundle) -> Answer:
        """Last, so that an interrupt of a long series costs nothing else."""
        paced = self.protocol.paced
        if paced is None:
            return self._traced(subject)
        with self.phases.phase("paced"):
            arrivals = run_arrivals(subject.timed, subject.sets, paced, self.job.cell.setup.threads)
        trials = arrivals.trials
        self.spans.append(Span(PACED, trials.first_ns, trials.last_ns, trials.response_ns.size))
        self.samples |= arrivals.samples
        self.readings |= arrivals.readings
        self.facts |= arrivals.facts
        self.notes += arrivals.notes
        try:
            if trials.outputs is not None:
                gate.check(subject.outputs(trials.outputs), trials.last_set, "on the last paced outputs")
        finally:
            self._deviation(gate, bundle)
        if trials.ending is Ending.INTERRUPT:
            return self._interrupted(f"after {len(trials.response_ns)} paced cycles")
        return self._traced(subject)

    def _traced(self, subject: Subject) -> Answer:
        """After everything that is timed: a tracer slows down what comes after it."""
        self.readings["occupancy"] = Unavailable(NOT_ASKED)
        if self.protocol.occupancy:
            with self.phases.phase("occupancy"):
                self.readings["occupancy"] = estimate_occupancy(subject.timed, subject.sets, subject.device.kind)
        return self.answer(Status.OK)

    def _accuracy(self, subject: Subject, bundle: Bundle) -> None:
        """In the round that has labelled samples: a setup answers the same in each."""
        if not self.job.labelled:
            return
        from stopwatt.measuring.accuracy import measure_accuracy  # with a library that few rounds need

        left_s = self.protocol.timeout_s - sum(self.phases.seconds.values()) - _TO_END_S
        with self.phases.phase("accuracy"):
            found = measure_accuracy(self.job, subject.runner, bundle.contract, left_s)
        self.readings |= found.readings
        self.samples |= found.samples
        self.facts |= found.facts
        self.notes += found.notes

    def _deviation(self, gate: Gate, bundle: Bundle) -> None:
        found = gate.deviation
        if found is None or not np.isfinite(found.relative):
            self.readings["deviation"] = Unavailable("the outputs could not be compared with the reference")
            return
        self.readings["deviation"] = Measured(found.relative, "1")
        self.facts |= {"reference": bundle.reference, "deviation_max_abs": found.max_abs, "cosine": found.cosine}
        if found.top1 is not None:
            self.facts["top1_agreement"] = found.top1


@contextmanager
def explained(runner: Runner) -> Iterator[None]:
    """An error of a first call, as the runner explains it where it can."""
    try:
        yield
    except Exception as error:
        explain = getattr(runner, "explain", None)
        if explain is None:
            raise
        raise explain(error) from error
