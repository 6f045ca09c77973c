"""What is said of a comparison besides its rows: the same sentences on a terminal and in a pull request."""

from collections.abc import Iterator

from stopwatt import units
from stopwatt.analyse.comparison import Comparison, verdict_word
from stopwatt.analyse.detectable import Calibration, Detectable
from stopwatt.analyse.observed import COMPARED_ENERGY, RATE, unit_of
from stopwatt.stats.ratios import Ratio, Verdict
from stopwatt.workloads.params import short_label

WATERMARK = "NOT ALIKE, compared by force"


def about(found: Comparison) -> str:
    """`latency, time B / time A: above 1 B is slower; margin 2.0 %`."""
    return f"{found.metric}, {_ratio_of(found.metric)}; margin {size(found.margin)}"


def _ratio_of(metric: str) -> str:
    """What is divided by what, and what a ratio above 1 means."""
    if metric in COMPARED_ENERGY:
        takes = next(name for start, name in _TAKEN.items() if metric.startswith(start))
        return f"{takes} B / A: above 1 B takes more"
    times = "time per sample B / A" if unit_of(metric) == RATE else "time B / time A"
    return f"{times}: above 1 B is slower"


_TAKEN = {
    "energy_delay_": "energy x time of a sample",
    "energy_": "energy of a sample",
    "efficiency_": "energy of a sample",
    "power_": "power",
}
"""How names of metrics begin -> what they say a setup takes."""


def worse(metric: str) -> str:
    """`slowdown`, or `increase` of what is no time."""
    return "increase" if metric in COMPARED_ENERGY else "slowdown"


def size(difference: float) -> str:
    """A relative difference without a sign: `1.8 %`, `240 %`."""
    return units.change(1 + difference).removeprefix("+")


def watermark(found: Comparison) -> str:
    """What was compared although it is not alike; empty where nothing was."""
    told = "; ".join(f"{name} {text}" for name, text in found.unlike.items())
    return f"{WATERMARK}: {told}" if told else ""


def what_differs(found: Comparison) -> str:
    """`torch 2.12.0 / 2.13.0`: what is compared; empty where nothing that is known differs."""
    return "; ".join(f"{name} {text}" for name, text in found.changes.items())


def counted(found: Comparison) -> str:
    """`2 slower, 1 inconclusive, 9 equivalent; 1 not compared`."""
    told = ", ".join(
        f"{count} {verdict_word(verdict, found.metric)}" for verdict, count in found.verdicts.items() if count
    )
    return told + (f"; {len(found.unmatched)} not compared" if found.unmatched else "")


def ratio_text(ratio: Ratio) -> str:
    """`1.044 [1.039, 1.048]`; empty where there is nothing to compare."""
    if ratio.value is None:
        return ""
    if ratio.low is None or ratio.high is None:
        return units.column_value(ratio.value, units.Scale(1.0, ""))
    return units.column_interval(ratio.value, ratio.low, ratio.high, units.Scale(1.0, ""))


def detectable_lines(found: Comparison) -> Iterator[str]:
    """How small a slowdown could have been found, where that comes from, and what it takes to find the margin."""
    detectable = found.detectable
    if detectable is None:
        return
    if detectable.effect is None:
        yield f"no {worse(found.metric)} of any size can be found with so few and so different rounds"
    else:
        where = "" if found.imported else " on this machine"
        measurable = not (detectable.paired or found.imported)
        what = f"smallest detectable {worse(found.metric)}{where}{_rounds(detectable)}"
        yield f"{what}: {_effect(detectable, measurable=measurable)}"
    what = "pairs of rounds" if detectable.paired else "rounds of each"
    open_cells = found.verdicts[Verdict.INCONCLUSIVE] > 0
    if open_cells and detectable.needed is not None:
        yield f"to find {size(found.margin)}: about {detectable.needed} {what}"
    elif open_cells:
        yield f"to find {size(found.margin)}: more than 1000 {what}; they differ too much for it"


def calibration_name(found: Calibration) -> str:
    """`A/A of mlp(hidden=64) of 2026-11-20, 10 pairs`."""
    return f"A/A of {short_label(found.cell.workload)} of {found.started_at[:10]}, {found.pairs} pairs"


def _rounds(detectable: Detectable) -> str:
    a, b = detectable.rounds
    return f" with {a} pairs of rounds" if detectable.paired else f" with {a} and {b} rounds"


def _effect(detectable: Detectable, *, measurable: bool) -> str:
    """The effect and where it comes from; `measurable`: whether an A/A of the machine could tell better."""
    effect = size(detectable.effect or 0.0)
    if detectable.calibration is None:
        better = "; stopwatt compare --aa WORKLOAD measures it" if measurable else ""
        return f"{effect} (estimated from the rounds compared{better})"
    bounds = [size(bound) for bound in (detectable.low, detectable.high) if bound is not None]
    told = f" [{', '.join(bounds)}]" if len(bounds) == 2 else ""  # noqa: PLR2004  (low and high)
    return f"{effect}{told} ({calibration_name(detectable.calibration)})"
