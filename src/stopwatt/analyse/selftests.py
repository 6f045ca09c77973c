"""Self-tests of machines: what was claimed, what came of it, and how a store keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from stopwatt import units
from stopwatt.records import (
    Cell,
    Measured,
    Measurement,
    Note,
    Precision,
    Protocol,
    Scalar,
    Setup,
    Severity,
    Status,
    Trouble,
    Warmup,
    Workload,
)
from stopwatt.store import RunStatus, Selection
from stopwatt.store.database import Store

SOURCE = "selftest"
"""What stands in the place of a workload in the cell of a claim."""
CLAIM = "claim"
"""Its parameter: the claim's name."""
WHOLE = "whole"
"""Its other one: whether all claims of the device were tested with it, and not a few that somebody chose."""
DETECTABLE = "detectable"
"""Number of the comparison: the smallest slowdown that would be found, as a share."""
LIMIT = "limit"
"""Reading that holds a claim's limit beside its numbers."""
_KIND = "selftest-"
_NO_RULES = Protocol(
    rounds=1,
    trials=0,
    trial_seconds=None,
    min_trials=0,
    warmup=Warmup(min_calls=0, window_calls=0, window_seconds=0.0, window_cap_seconds=0.0, cap_seconds=0.0),
    input_sets=1,
    throughput_windows=0,
    throughput_seconds=0.0,
)
_STATUS: Mapping["Verdict", Status]


class Verdict(StrEnum):
    """What came of a claim."""

    HOLDS = "holds"
    FAILS = "fails"
    UNDECIDED = "undecided"  # it was not shown, and what disturbed the machine meanwhile may be why
    UNAVAILABLE = "unavailable"  # the machine has nothing that it could be tested with


_STATUS = {
    Verdict.HOLDS: Status.OK,
    Verdict.FAILS: Status.FAILED,
    Verdict.UNDECIDED: Status.OK,
    Verdict.UNAVAILABLE: Status.UNSUPPORTED,
}
"""How the round of a claim is said to have ended."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing that the tool claims of itself on this machine, tested.

    Attributes:
        name: Stable identifier (`latency`).
        sentence: With its number, without a full stop; where it is unavailable, why.
        numbers: The figures behind the sentence.
        limit: What the first of the numbers may be at most; `None` where the claim has no single limit.
        seconds: What the test took.
    """

    name: str
    verdict: Verdict
    sentence: str
    numbers: Mapping[str, Measured] = field(default_factory=dict)
    limit: Measured | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class SelfTest:
    """The claims that one run tested.

    Attributes:
        run: Its id.
        started_at: ISO 8601, UTC.
        device: `cpu`, or the accelerator that was tested too.
        whole: Whether all claims were tested, and not a few that somebody chose.
    """

    run: str
    started_at: str
    device: str
    claims: tuple[Claim, ...]
    whole: bool = True

    def of(self, verdict: Verdict) -> tuple[Claim, ...]:
        """The claims with a verdict."""
        return tuple(claim for claim in self.claims if claim.verdict is verdict)

    @property
    def detectable(self) -> float | None:
        """The smallest slowdown that a comparison would have found, 0.018 for 1.8 %; `None` where it is not known."""
        found = (claim.numbers.get(DETECTABLE) for claim in self.claims)
        return next((number.value for number in found if number is not None), None)


def conclusion(test: SelfTest) -> str:
    """`9 of 10 claims hold, energy unavailable; smallest detectable slowdown 1.8 %`."""
    holding = len(test.of(Verdict.HOLDS))
    told = [f"{holding} of {len(test.claims)} claims hold" if len(test.claims) > 1 else f"{holding} of 1 claim holds"]
    for verdict in (Verdict.FAILS, Verdict.UNDECIDED, Verdict.UNAVAILABLE):
        names = ", ".join(claim.name for claim in test.of(verdict))
        told += [f"{names} {verdict}"] if names else []
    detectable = test.detectable
    end = "" if detectable is None else f"; smallest detectable slowdown {units.percent(detectable)}"
    return ", ".join(told) + end


NEVER = "this machine was never self-tested: stopwatt selftest"


OLD_DAYS = 7
"""A self-test that is older says little of the machine today."""


def line(test: SelfTest | None, device: str = "cpu", now: datetime | None = None) -> str:
    """What stands beside later measurements of the same machine.

    Args:
        test: Its latest; `None` if there is none.
        device: That was measured on.
        now: By default the present.
    """
    if test is None:
        return NEVER if device == "cpu" else f"{NEVER} --device {device}"
    moment = test.started_at[:16].replace("T", " ")
    days = ((now or datetime.now(UTC)) - datetime.fromisoformat(test.started_at)).days
    old = f" ({days} days ago; to repeat it: stopwatt selftest)" if days >= OLD_DAYS else ""
    return f"self-test of this machine, {moment} UTC{old}: {conclusion(test)}"


def is_selftest(measurement: Measurement) -> bool:
    """Whether a measurement is a claim about a machine, and describes no model."""
    return measurement.cell.workload.source == SOURCE


def to_measurement(
    claim: Claim, machine: str, device: str, facts: Mapping[str, Scalar], *, whole: bool = True
) -> Measurement:
    """The record that keeps a claim.

    Args:
        claim: Tested.
        machine: Digest of the machine's identity.
        device: That the claim is about.
        facts: Of the machine.
        whole: As in `SelfTest`.
    """
    setup = Setup(backend="", precision=Precision.UNKNOWN, device=device, threads=0)
    cell = Cell(Workload(SOURCE, {CLAIM: claim.name, WHOLE: whole}), setup, _NO_RULES, machine=machine)
    limit = {} if claim.limit is None else {LIMIT: claim.limit}
    good = claim.verdict is Verdict.HOLDS
    trouble = Trouble(claim.sentence, f"self-test, {claim.name}")
    return Measurement(
        cell,
        round=0,
        status=_STATUS[claim.verdict],
        trouble=trouble if claim.verdict in {Verdict.FAILS, Verdict.UNAVAILABLE} else None,
        readings={**claim.numbers, **limit},
        phases={"round": claim.seconds},
        facts=facts,
        notes=(Note(_KIND + claim.verdict, claim.sentence, Severity.INFO if good else Severity.WARNING),),
    )


def to_claim(measurement: Measurement) -> Claim | None:
    """The claim that a measurement keeps; `None` where it keeps none that this version knows."""
    verdicts = {_KIND + verdict: verdict for verdict in Verdict}
    note = next((note for note in measurement.notes if note.kind in verdicts), None)
    if not is_selftest(measurement) or note is None:
        return None
    readings = {name: one for name, one in measurement.readings.items() if isinstance(one, Measured)}
    limit = readings.pop(LIMIT, None)
    name, seconds = str(measurement.cell.workload.params.get(CLAIM, "")), measurement.phases.get("round", 0.0)
    return Claim(name, verdicts[note.kind], note.text, readings, limit, seconds)


def latest_selftest(store: Store, machine: str) -> SelfTest | None:
    """The self-test of a machine that was begun last; one of all claims before one of a few.

    One that was interrupted is one of a few. Times give the order, since an import may bring older ones later.

    Args:
        store: Open.
        machine: Digest of the machine's identity. That of a machine with a GPU is another than that of its host; a
            test of both is one of either.
    """
    looked_at = store.with_runs(Selection(workload=SOURCE, limit=_LOOKED_AT))
    runs = dict.fromkeys(run for run, one in looked_at if one.cell.machine == machine)
    tests = sorted((_selftest(store, run) for run in runs), key=lambda test: test.started_at)
    return next((test for test in reversed(tests) if test.whole), tests[-1] if tests else None)


_LOOKED_AT = 500
"""Claims of a store that are looked at, the latest: some fifty self-tests, of all machines that share it."""


def _selftest(store: Store, run: str) -> SelfTest:
    """All that a run kept, also what lies beyond the claims that are looked at."""
    found = list(store.measurements(Selection(run=run, workload=SOURCE)))
    claims = tuple(claim for claim in map(to_claim, found) if claim is not None)
    devices = [one.cell.setup.device for one in found if one.cell.setup.device != "cpu"]
    ended = store.run(run).status in {RunStatus.COMPLETE, RunStatus.PARTLY_FAILED}
    whole = ended and all(bool(one.cell.workload.params.get(WHOLE)) for one in found)
    return SelfTest(run, found[0].started_at, devices[0] if devices else "cpu", claims, whole)
