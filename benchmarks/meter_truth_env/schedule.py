"""A round on simulated time: idle, settling, windows of whole calls after random pauses, active idle."""

from dataclasses import dataclass

import numpy as np

from meter_truth_env.device import OFFSET_NS
from meter_truth_env.load import Load, Run
from stopwatt.energy import ACTIVE_IDLE, IDLE, SETTLING, WINDOW, EnergyRules, Span

LOADED_AT = 4.0


@dataclass(frozen=True)
class Round:
    """What a round did.

    Attributes:
        run: What the device used.
        spans: What the round reports.
        seconds: When everything is over.
    """

    run: Run
    spans: tuple[Span, ...]
    seconds: float

    @property
    def windows(self) -> list[Span]:
        """Those of energy."""
        return [span for span in self.spans if span.name == WINDOW]

    def truth(self) -> float:
        """Joules a call in the windows, exactly."""
        return sum(self.between(span) for span in self.windows) / sum(span.calls for span in self.windows)

    def between(self, span: Span) -> float:
        """Joules in a span, exactly."""
        begin, end = ((moment - OFFSET_NS) / 1e9 for moment in (span.begin_ns, span.end_ns))
        return float(np.diff(self.run.joules(np.array([begin, end])))[0])


def play(load: Load, call_s: float, rules: EnergyRules, tick_s: float, dice: np.random.Generator) -> Round:
    """A round of calls that follow each other without a pause."""
    spans = [_span(IDLE, 0.1, 0.1 + rules.idle_s)]
    at = LOADED_AT + call_s * np.ceil(rules.settle_s / call_s)
    spans.append(_span(SETTLING, LOADED_AT, at))
    for _ in range(rules.windows):
        at += call_s * np.ceil(dice.uniform(0, tick_s) / call_s)  # busy, so that whole calls
        calls = int(np.ceil((max(rules.window_s, (rules.ticks + 1) * tick_s) + dice.uniform(0, tick_s)) / call_s))
        spans.append(_span(WINDOW, at, at + calls * call_s, calls))
        at += calls * call_s
    spans.append(_span(ACTIVE_IDLE, at + 0.2, at + 0.2 + rules.idle_s))
    return Round(Run(LOADED_AT, float(at), load), tuple(spans), float(at) + 0.2 + rules.idle_s + 0.2)


def _span(name: str, begin: float, end: float, calls: int = 0) -> Span:
    return Span(name, round(begin * 1e9) + OFFSET_NS, round(end * 1e9) + OFFSET_NS, calls)
