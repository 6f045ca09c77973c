"""Room in the time limit of a round for the phases that are asked for on top of its trials."""

from dataclasses import replace

from stopwatt.errors import UsageError
from stopwatt.records import Protocol
from stopwatt.units import duration

OVERTIME = 1.25
"""A phase takes somewhat longer than its rules say: it ends whole blocks of calls, or cannot keep up with a schedule,
and is closed then."""
_SPARE_S = 600
"""Offered beside it for everything else in the round."""


def latest_s(planned_s: float, grace_s: float) -> float:
    """When a phase has ended at the latest.

    Args:
        planned_s: How long its rules say that it lasts.
        grace_s: For what it does beside that.
    """
    return OVERTIME * planned_s + grace_s


def with_room(rules: Protocol, phase_s: float) -> Protocol:
    """The same rules with the time of a phase added to the time limit of a round."""
    return replace(rules, timeout_s=rules.timeout_s + phase_s)


def check_room(rules: Protocol, phase_s: float, *, phase: str, when: str, less: str) -> None:
    """Refuse a time limit of the round that is not above what a phase may take.

    Args:
        rules: Of the round.
        phase_s: Seconds.
        phase: What takes them: `its paced series takes`.
        when: What was asked for.
        less: What to ask for instead.

    Raises:
        UsageError: It is not.
    """
    if rules.timeout_s <= phase_s:
        raise UsageError(
            f"a round may take {duration(rules.timeout_s)}, but {phase} up to {duration(phase_s)}",
            when=when,
            now=f"allow more (--timeout {round(phase_s + _SPARE_S)}s), or ask for {less}",
        )
