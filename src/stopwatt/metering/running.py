"""What a command has used so far, from the newest rows: for people who wait, not for a result."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from stopwatt import units
from stopwatt.energy import SCOPES, About, Scope, Trace

_LATELY_NS = 1_000_000_000
"""Power and cores are means over so long."""


@dataclass(slots=True)
class _Counter:
    """A counter that only grows, as its newest readings and all of its growth."""

    grown: float = 0.0
    lately: list[tuple[int, float]] = field(default_factory=list)

    def add(self, time_ns: int, value: float, wraps: float | None) -> None:
        if self.lately:
            step = value - self.lately[-1][1]
            self.grown += step if step >= 0 else step + wraps if wraps else 0.0
        self.lately.append((time_ns, value))
        while time_ns - self.lately[0][0] > _LATELY_NS:
            del self.lately[0]

    @property
    def rate(self) -> float | None:
        """Growth a second, lately."""
        spent = sum(max(0.0, after - before) for (_, before), (_, after) in pairwise(self.lately))
        seconds = (self.lately[-1][0] - self.lately[0][0]) / 1e9 if self.lately else 0.0
        return spent / seconds if seconds else None


@dataclass(slots=True)
class Running:
    """Gathers rows, and says in one line what they come to.

    Args:
        begin_ns: Rows before it do not count.
    """

    begin_ns: int
    _energy: dict[str, _Counter] = field(default_factory=dict)
    _about: dict[str, About] = field(default_factory=dict)
    _watts: dict[str, float] = field(default_factory=dict)
    _distrusted: set[str] = field(default_factory=set)
    _own: _Counter = field(default_factory=_Counter)
    _resident: float | None = None

    def add(self, traces: Iterable[Trace]) -> None:
        """New rows."""
        for trace in traces:
            about = trace.about
            rows = trace.time_ns >= self.begin_ns
            last = {name: values[rows & np.isfinite(values)] for name, values in trace.channels.items()}
            if about.scope is Scope.NONE:
                _count(self._own, trace, "own", self.begin_ns)
                self._resident = float(last["resident"][-1]) if len(last.get("resident", ())) else self._resident
                continue
            self._about[about.name] = about
            _count(self._energy.setdefault(about.name, _Counter()), trace, "energy", self.begin_ns)
            field_w = next((last[one] for one in ("power_instant", "power") if len(last.get(one, ()))), None)
            if field_w is not None:
                self._watts[about.name] = float(field_w[-1])
            if about.refused or trace.gone or (last.get("others", np.zeros(0)) > 0).any():
                self._distrusted.add(about.name)

    def text(self, now_ns: int, why: Mapping[Scope, str]) -> str:
        """`12 s · GPU board 213 W 2613 J · 1.0 cores · 512 MiB`.

        Args:
            now_ns: On the monotonic clock.
            why: For each scope without an instrument, the reason; said where no scope has one.
        """
        parts = [units.exact(round((now_ns - self.begin_ns) / 1e9), "s")]
        parts += [self._instrument(about) for about in self._about.values()]
        if self._own.rate is not None:
            parts.append(f"{self._own.rate:.1f} cores")
        if self._resident is not None:
            parts.append(units.quantity(self._resident, "B"))
        if not self._about:
            parts += [
                f"{SCOPES[scope]} unavailable ({reason})" for scope, reason in why.items() if scope is not Scope.DRAM
            ]
        return " · ".join(parts)

    def _instrument(self, about: About) -> str:
        several = sum(one.scope is about.scope for one in self._about.values()) > 1
        name = f"{SCOPES[about.scope]} {about.name}" if several else SCOPES[about.scope]
        if about.name in self._distrusted:
            return f"{name} unavailable"
        counter = self._energy[about.name]
        watts = self._watts.get(about.name, counter.rate)
        power = "" if watts is None else f" {units.quantity(watts, 'W')}"
        return f"{name}{power} {units.quantity(counter.grown, 'J')}"


def _count(counter: _Counter, trace: Trace, channel: str, begin_ns: int) -> None:
    values = trace.channels.get(channel, np.full(trace.time_ns.size, np.nan))
    for time_ns, value in zip(trace.time_ns.tolist(), values.tolist(), strict=True):
        if time_ns >= begin_ns and np.isfinite(value):
            counter.add(time_ns, value, trace.about.wraps_j)
