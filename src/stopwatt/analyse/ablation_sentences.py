"""What an ablation found out, in plain sentences: no more than the intervals support."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stopwatt import units
from stopwatt.analyse.estimate import counted
from stopwatt.analyse.findings.words import listed, times
from stopwatt.analyse.study import Effect, Interaction
from stopwatt.records import Setup
from stopwatt.stats.ratios import MARGIN, Ratio, Verdict
from stopwatt.ways import (
    FIXED_CALLS,
    Cache,
    Collector,
    Copies,
    Inputs,
    Load,
    Timer,
    Waiting,
    Warming,
    Way,
    level_text,
)

_MARGIN = units.exact(100 * MARGIN, "%")
_NEAR = 100.0
"""Two times within this factor are told in one unit."""

_PHRASES: Mapping[tuple[str, Any], tuple[str, str]] = {
    ("warmup", Warming.NONE): ("without warm-up", "leaving out the warm-up"),
    ("warmup", Warming.FIXED): (
        f"after {FIXED_CALLS} calls of warm-up instead of a steady state",
        f"warming up for {FIXED_CALLS} calls instead of to a steady state",
    ),
    ("sync", Waiting.NONE): ("without synchronisation", "leaving out the synchronisation"),
    ("sync", Waiting.END): ("with one synchronisation after all calls", "synchronising once after all calls"),
    ("timer", Timer.TIME): ("with time.time instead of perf_counter", "time.time instead of perf_counter"),
    ("timer", Timer.EVENTS): ("with events on the device as the timer", "timing with events on the device"),
    ("timer", Timer.GRAPH): ("with one reading around a CUDA graph of many calls", "timing a CUDA graph of many calls"),
    ("timer", Timer.BENCHMARK): ("with torch.utils.benchmark", "timing with torch.utils.benchmark"),
    ("timer", Timer.DO_BENCH): ("with triton.testing.do_bench", "timing with triton.testing.do_bench"),
    ("inputs", Inputs.ONE): ("with one set of inputs instead of rotating ones", "repeating one set of inputs"),
    ("inputs", Inputs.ZEROS): ("with inputs of zeros", "feeding zeros"),
    ("cache", Cache.FLUSHED): ("with caches flushed before each call", "flushing the caches before each call"),
    ("gc", Collector.RUNNING): ("with the garbage collector running", "letting the garbage collector run"),
    ("copies", Copies.INSIDE): ("with the copies between host and device timed", "timing the copies too"),
    ("load", Load.CPU): ("with every core computing beside it", "computing on every core beside it"),
    ("load", Load.MEMORY): ("with every core copying memory beside it", "copying memory on every core beside it"),
}
"""Factor and level -> what is done: as a circumstance, and as the subject of a sentence."""


def effect_text(effect: Effect, setup: Setup) -> str:
    """One sentence on what a way reports, in the words of its verdict."""
    with_it, doing_it = _phrases(effect.way, setup)
    ratio = effect.ratio
    if ratio.value is None or effect.reported_s is None or effect.reference_s is None:
        return _capital(f"{listed(with_it)} there is no number: {effect.why}")
    shown = times(ratio.value, ratio.low, ratio.high)
    if ratio.verdict is Verdict.EQUIVALENT:
        return _capital(f"{_no_difference(doing_it)}: {shown}, within {_MARGIN}{_on_cpu(effect, setup)}")
    reported, reference = _both(effect.reported_s, effect.reference_s)
    numbers = f"{listed(with_it)} you would report {reported}{_over(effect)} instead of {reference}"
    if ratio.verdict is Verdict.INCONCLUSIVE:
        return _capital(f"{numbers} ({shown}), which is undecided after {_why_open(ratio)}{_on_cpu(effect, setup)}")
    return _capital(f"{numbers} ({shown})")


def interaction_text(interaction: Interaction, setup: Setup) -> str:
    """One sentence on whether two choices act independently."""
    ratio = interaction.ratio
    pair = " and ".join(doing for way in interaction.ways for doing in _phrases(way, setup)[1])
    shown = "" if ratio.value is None else times(ratio.value, ratio.low, ratio.high)
    if ratio.verdict is Verdict.EQUIVALENT:
        return _capital(f"{pair} act independently: together {shown} the product of their effects, within {_MARGIN}")
    if ratio.verdict is Verdict.INCONCLUSIVE:
        return f"Whether {pair} act independently is undecided: together {shown} the product of their effects"
    return _capital(f"{pair} do not act independently: together {shown} the product of their effects")


def _phrases(way: Way, setup: Setup) -> tuple[list[str], list[str]]:
    """Each change of a way, as a circumstance and as a subject."""
    found = [_PHRASES.get(change) or _of_number(*change, setup) for change in way.changes.items()]
    return [with_it for with_it, _ in found], [doing_it for _, doing_it in found]


def _of_number(factor: str, level: Any, setup: Setup) -> tuple[str, str]:
    """Phrases of a factor whose levels are numbers."""
    return _NUMBERS[factor](level, setup)


def _threads(level: int, setup: Setup) -> tuple[str, str]:
    instead = f"{counted(level, 'thread')} instead of {setup.threads}" if setup.threads else counted(level, "thread")
    return f"with {instead}", f"computing with {instead}"


def _idle(level: float, _: Setup) -> tuple[str, str]:
    pause = f"a pause of {level_text(level)} before each call"
    return f"with {pause}", f"making {pause}"


_NUMBERS: Mapping[str, Callable[[Any, Setup], tuple[str, str]]] = {"threads": _threads, "idle_s": _idle}


def _no_difference(doing: Sequence[str]) -> str:
    return f"{doing[0]} makes no difference here" if len(doing) == 1 else f"{listed(doing)} make no difference here"


def _both(reported_s: float, reference_s: float) -> tuple[str, str]:
    """Two times, in the unit of the reference unless they are far apart."""
    if max(reported_s / reference_s, reference_s / reported_s) > _NEAR:
        return units.quantity(reported_s, "s"), units.quantity(reference_s, "s")
    scale = units.scale_for([reference_s], "s")
    reported, reference = (f"{units.column_value(one, scale)} {scale.label}" for one in (reported_s, reference_s))
    return reported, reference


def _over(effect: Effect) -> str:
    """Of a cold way the number of calls is part of the number: more of them hide more of the start."""
    return f" as the average of {counted(effect.calls, 'call')}" if effect.way.cold and effect.calls else ""


def _why_open(ratio: Ratio) -> str:
    """`2 rounds: needs 3 rounds (has 2)`; `5 rounds`, where the interval itself shows why."""
    rounds = counted(ratio.rounds, "round")
    if ratio.low is None or ratio.high is None:
        return f"{rounds}: {ratio.why.removeprefix('no interval: ')}"
    decided = ratio.low > 1 or ratio.high < 1 or max(ratio.high, 1 / ratio.low) < 1 + MARGIN
    return f"{rounds}: {ratio.why}" if decided else rounds


def _on_cpu(effect: Effect, setup: Setup) -> str:
    """Why waiting for a CPU changes nothing, where nothing else was changed."""
    alone = set(effect.way.changes) == {"sync"} and setup.device == "cpu"
    return "; on a CPU a runtime returns results that are finished" if alone else ""


def _capital(text: str) -> str:
    """With a capital, unless it begins with the name of a function."""
    return text if text.startswith("time.time") else text[:1].upper() + text[1:]
