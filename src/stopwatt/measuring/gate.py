"""The correctness gate of a round: before the timing, and again on the outputs of the last timed trial."""

import math

from stopwatt.measuring.bundle import Bundle
from stopwatt.measuring.detections import counted
from stopwatt.measuring.parity import Deviation, Mismatch, compare, in_order_of, verdict
from stopwatt.measuring.subject import Subject
from stopwatt.records import Precision, Protocol, Setup, Trouble
from stopwatt.serving.contract import Task
from stopwatt.techniques import catalogue as techniques
from stopwatt.workloads.base import Arrays


class WrongAnswers(Exception):  # noqa: N818  (a verdict)
    """The outputs failed the gate; the round's timing does not count.

    Attributes:
        trouble: What is wrong with them.
    """

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.what)
        self.trouble = trouble


class Gate:
    """Compares outputs with the bundle's reference and remembers the worst deviation.

    Args:
        bundle: Inputs and the reference's outputs.
        setup: Its precision decides the tolerance.
        protocol: May set another tolerance.
    """

    def __init__(self, bundle: Bundle, setup: Setup, protocol: Protocol) -> None:
        self._bundle = bundle
        self._precision = setup.precision
        self._changed = not techniques.exact(setup)
        self._tolerance = math.inf if self._changed and protocol.tolerance is None else protocol.tolerance
        self.deviation: Deviation | None = None

    def check_all(self, subject: Subject) -> None:
        """Run every input set that has a reference.

        Raises:
            WrongAnswers: One of the outputs fails.
        """
        for index in range(len(self._bundle.outputs)):
            returned = subject.timed(subject.sets[index])
            self.check(subject.outputs(returned), index, "before the timing")

    def check(self, outputs: Arrays, index: int, when: str) -> None:
        """Check one set of outputs, if its input set has a reference.

        Raises:
            WrongAnswers: They fail.
        """
        if index >= len(self._bundle.outputs):
            return
        if not self._bundle.outputs[index] and not outputs:
            return  # a callable that returns nothing: nothing is compared, and no deviation is claimed
        when = f"{when}, input set {index}, against {self._bundle.reference}"
        try:
            found = self._compared(outputs, self._bundle.outputs[index])
        except Mismatch as mismatch:
            now = "look at the model and its conversion: this backend does not compute the same function"
            raise WrongAnswers(Trouble(f"wrong answers: {mismatch}", when, now)) from None
        self.deviation = found if self.deviation is None else self.deviation.worst(found)
        trouble = self._verdict(found)
        if trouble is not None:
            raise WrongAnswers(Trouble(trouble.what, when, trouble.now))

    def _compared(self, outputs: Arrays, wanted: Arrays) -> Deviation:
        bundle = self._bundle
        if bundle.unordered:
            return self._distance(in_order_of(outputs, wanted), wanted)
        found = self._distance(outputs, wanted)
        detects = bundle.contract is not None and bundle.contract.task is Task.DETECT
        if detects and self._verdict(found) is not None:
            # Its places may be a ranking. That is tried last: assigning thousands of places takes seconds.
            found = self._distance(in_order_of(outputs, wanted), wanted)
        return found

    def _verdict(self, found: Deviation) -> Trouble | None:
        """int8's least similarity is asked of conversions, not of techniques that say that they change the function."""
        precision = Precision.FP32 if self._changed else self._precision
        return verdict(found, precision, self._tolerance)

    def _distance(self, outputs: Arrays, wanted: Arrays) -> Deviation:
        return compare(*counted(outputs, wanted, self._bundle.contract), classifier=self._bundle.classifier)
