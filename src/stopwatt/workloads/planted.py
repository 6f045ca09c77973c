"""Durations that are known beforehand: what the synthetic workload's calls last, call by call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.errors import UsageError
from stopwatt.records import Scalar
from stopwatt.units import parse

_DRAWS = 2**14
_NS = 1e9


@dataclass(frozen=True, slots=True)
class Burst:
    """Every `every` calls, `length` calls in a row last `factor` times as long; `every` 0 for never."""

    every: int = 0
    length: int = 1
    factor: float = 2.0


@dataclass(frozen=True, slots=True)
class Plan:
    """The length of each call.

    Attributes:
        base_ns: Lengths that repeat for ever, in nanoseconds.
        ramp: Excess of the first call, as a factor; it falls linearly to 0 within `ramp_calls` calls.
        drift: Relative growth per 1000 calls.
        burst: Stretches of longer calls.
        sample_ns: Added for each sample of the batch.
    """

    base_ns: NDArray[np.int64]
    ramp: float = 0.0
    ramp_calls: int = 0
    drift: float = 0.0
    burst: Burst = Burst()
    sample_ns: int = 0

    def duration_ns(self, call: int, batch: int = 1) -> int:
        """Nanoseconds that the call with this number (from 0) lasts."""
        factor = 1.0 + self.drift * call / 1000.0
        if call < self.ramp_calls:
            factor += self.ramp * (1.0 - call / self.ramp_calls)
        if self.burst.every and call % self.burst.every < self.burst.length and call >= self.burst.every:
            factor *= self.burst.factor
        return round((int(self.base_ns[call % len(self.base_ns)]) + self.sample_ns * batch) * factor)


def plan(params: Mapping[str, Scalar], seed: int) -> Plan:
    """The plan that the parameters of the synthetic workload describe.

    Raises:
        UsageError: A duration or a script cannot be read.
    """
    script = str(params["script"]).strip()
    base = _script(script, seed) if script else [_duration(str(params["duration"]))]
    return Plan(
        np.array(base, dtype=np.int64),
        float(params["ramp"]),
        int(params["ramp_calls"]),
        float(params["drift"]),
        Burst(int(params["burst_every"]), int(params["burst_length"]), float(params["burst_factor"])),
        _duration(str(params["per_sample"])),
    )


def _script(text: str, seed: int) -> Sequence[int]:
    """`1ms,2ms`: these lengths in turn; `1ms*0.9,2ms*0.1`: drawn at random with these probabilities."""
    items = [item.strip() for item in text.split(",")]
    if not any("*" in item for item in items):
        return [_duration(item) for item in items]
    lengths, shares = [], []
    for item in items:
        length, star, share = item.partition("*")
        if not star:
            raise UsageError(
                f"{item!r} of the script {text!r} has no probability",
                now="write all items as DURATION*PROBABILITY, or none",
            )
        lengths.append(_duration(length))
        shares.append(_share(share, text))
    if abs(sum(shares) - 1.0) > 1e-6:  # noqa: PLR2004  (rounding of decimal fractions)
        raise UsageError(
            f"the probabilities of the script {text!r} add up to {sum(shares):g}", now="make them add to 1"
        )
    chances = np.array(shares) / sum(shares)
    drawn: list[int] = np.random.default_rng(seed).choice(lengths, size=_DRAWS, p=chances).tolist()
    return drawn


def _share(text: str, script: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise UsageError(
            f"{text.strip()!r} is no probability, in the script {script!r}", now="write a number from 0 to 1"
        )
    return share


def _duration(text: str) -> int:
    nanoseconds = round(parse(text, "s") * _NS)
    if nanoseconds < 0:
        raise UsageError(f"a call cannot last {text.strip()}", now="give a duration of 0 or more, such as 200us")
    return nanoseconds
