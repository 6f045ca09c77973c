"""The work of `predict`: captures, known operators, a predictor where one is needed, and turns of measuring."""

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stopwatt.operators.capture import Capture
from stopwatt.operators.costs import OperatorCost
from stopwatt.operators.operator import Operator
from stopwatt.operators.portable import portable_key
from stopwatt.operators.replay import ReplayRules
from stopwatt.ops.calibrating import calibration_at
from stopwatt.ops.learning import kept_predictor, material_of, nothing_known
from stopwatt.ops.measuring import measure
from stopwatt.ops.queue import Order
from stopwatt.ops.setting import captured
from stopwatt.ops.subjects import (
    Subjects,
    costs_at,
    gaps_hold,
    ground_at,
    model_at,
    ranges_at,
    specs_at,
    subject_of,
    subjects_of,
)
from stopwatt.ops.target import Target, hardware_with_rows
from stopwatt.predicting.held_out import Subject
from stopwatt.predicting.models import NO_CALIBRATION, Calibration
from stopwatt.predicting.prediction import Prediction, energy_on, interval_for, rows_of
from stopwatt.predicting.predictor import Predictor
from stopwatt.predicting.times import Ground, is_idle
from stopwatt.records import Cell
from stopwatt.sweeping.plan import Request

if TYPE_CHECKING:
    from stopwatt.operators.table import DeviceSpecs
    from stopwatt.reporting.progress import ProgressLine
    from stopwatt.store.database import Store

WITHIN = 0.1
BUDGET_S = 600.0
TURN = 12
"""Operators that a turn measures at most: each turn starts a process and predicts again."""
_LEAST_TURN_S = 1.0


@dataclass(frozen=True, slots=True)
class Improve:
    """Whether to measure what a prediction rests on most.

    Attributes:
        wanted: Whether.
        within: Half the interval over the time that is good enough.
        budget_s: For measuring.
    """

    wanted: bool = False
    within: float = WITHIN
    budget_s: float = BUDGET_S


class Session:
    """What all batches have in common, read once."""

    def __init__(self, store: "Store", target: Target, improve: Improve, watcher: "ProgressLine | None") -> None:
        self._store = store
        self._target = target
        self._improve = improve
        self._watcher = watcher
        self._until = time.monotonic() + improve.budget_s
        self._tried: set[str] = set()
        self._specs: dict[str, DeviceSpecs] = {}
        self._looked = False
        self._predictor: Predictor | None = None
        self._subjects: Subjects | None = None
        self._calibration: Calibration | None = None
        self._portable: dict[str, OperatorCost] | None = None

    def predicted(self, asked: Request, cell: Cell) -> Prediction:
        """One batch, improved as far as that was asked for."""
        capture = self._capture(asked, cell)
        self._specs = self._specs or specs_at(self._store, self._target, cell)
        found = self._predict(capture)
        turns = [found.interval]
        while self._improve.wanted and found.half_width > self._improve.within:
            chosen, left_s = self._worth(capture, found), self._until - time.monotonic()
            if not chosen or left_s < _LEAST_TURN_S:
                break
            self._measured(chosen, left_s)
            found = self._predict(capture)
            turns.append(found.interval)
            self._tell(f"+-{found.half_width:.0%} after {len(self._tried)} operators were measured")
        return replace(found, turns=tuple(turns) if self._improve.wanted else ())

    def _capture(self, asked: Request, cell: Cell) -> Capture:
        """Of the model at the target, where the store has one; else of this machine."""
        place = self._target.place
        if not self._target.here and place is not None:
            setup = replace(cell.setup, device=place.device, threads=place.threads)
            known = self._store.operators.capture_of(cell.workload, setup)
            if known is not None and known.machine == place.machine:
                return known
        return captured(self._store, asked, cell)

    def _predict(self, capture: Capture) -> Prediction:
        target, subjects = self._target, self._at_place()
        subject = subject_of(capture, target, self._known(capture))
        calibration = self._calibrated(capture, subjects)
        ground = self._ground(subject, subjects)
        if calibration.predicted is None and target.place is not None:
            ground = replace(ground, ranges=ranges_at(self._store, target.place, capture.operators))
        times = subject.times(ground)
        composed = subject.composed_of(times, subjects.idle_w)
        interval = interval_for(composed, calibration)
        if not gaps_hold(capture, target):
            interval = replace(interval, method="not calibrated: times of the device alone, errors going together")
        model = None if target.place is None else model_at(self._store, capture, target.place)
        return Prediction(
            capture,
            target.hardware,
            interval,
            composed,
            energy_on(composed.energy, composed.time_s, interval),
            rows_of(capture, subject.works, times, composed),
            _host(capture, target),
            tuple(note for note in (target.note, *capture.notes) if note),
            None if model is None else model.latency,
        )

    def _at_place(self) -> Subjects:
        if self._subjects is None:
            self._subjects = subjects_of(self._store, self._target)
        return self._subjects

    def _known(self, capture: Capture) -> dict[str, OperatorCost]:
        """Measured operators of a capture; of one that was taken on another device by what they are anywhere."""
        place = self._target.place
        if place is None:
            return {}
        if capture.setup.device == place.device:
            return costs_at(self._store, place, capture.operators)[1]
        if self._portable is None:
            operators, costs = costs_at(self._store, place)
            self._portable = {portable_key(operators[key]): cost for key, cost in costs.items()}
        keys = {one.key: portable_key(one) for one in capture.operators}
        return {key: self._portable[same] for key, same in keys.items() if same in self._portable}

    def _ground(self, subject: Subject, subjects: Subjects) -> Ground:
        """What times follow from.

        Raises:
            UsageError: There is nothing.
        """
        target = self._target
        ground = replace(ground_at(target, subjects, self._specs), known=subject.known)
        missing = [one for one, work in zip(subject.capture.operators, subject.works, strict=True) if not is_idle(work)]
        missing = [one for one in missing if one.key not in subject.known]
        if not missing:
            return ground
        predictor = self._predictor_of()
        if predictor is None and not subject.known:
            raise nothing_known(self._store, target, subject.capture.operators)
        return replace(ground, predictor=predictor)

    def _predictor_of(self) -> Predictor | None:
        """The one that was kept, else one made now; `None` where there are too few rows, or only of other devices."""
        if not self._looked:
            self._looked = True
            known = self._target.hardware in {*hardware_with_rows(self._store), *self._specs}
            self._predictor = (kept_predictor(self._store) or self._made_now()) if known else None
        return self._predictor

    def _made_now(self) -> Predictor | None:
        self._tell("no predictor is kept (stopwatt ops fit keeps one): one is made now")
        return material_of(self._store, self._target, self._specs).predictor()

    def _calibrated(self, capture: Capture, subjects: Subjects) -> Calibration:
        """What measured models say; nothing of a device whose host is not in the prediction."""
        if not gaps_hold(capture, self._target):
            return NO_CALIBRATION
        if self._calibration is None:
            self._calibration = calibration_at(self._store, self._target, subjects, self._specs, self._tell)
        return self._calibration

    def _worth(self, capture: Capture, found: Prediction) -> list[Operator]:
        """What a turn measures: operators that have most of the variance."""
        operators = {one.key: one for one in capture.operators}
        return [operators[one.key] for one in found.next_ones[:TURN] if one.key not in self._tried]

    def _measured(self, chosen: list[Operator], left_s: float) -> None:
        place = self._target.place
        assert place is not None  # noqa: S101  (a target of this machine has one)
        self._tried |= {one.key for one in chosen}
        rules = ReplayRules()
        measure(self._store, chosen, place, rules, left_s, self._watcher, order=Order.GIVEN)

    def _tell(self, text: str) -> None:
        if self._watcher is not None:
            self._watcher.announce(text)


def _host(capture: Capture, target: Target) -> str:
    """What is known of the host's time between operators."""
    if not gaps_hold(capture, target):
        return f"without host time: device time only (this machine's host says nothing about that of {target.hardware})"
    if not capture.gaps_ns.size:
        return "without host time: the capture holds no gaps"
    return "with the host's time between operators, as the capture has it"
