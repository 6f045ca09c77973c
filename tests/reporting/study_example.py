"""Studies as an ablation leaves them, written by hand: what prints and draws them must not fail with what finds."""

import math
from dataclasses import replace

from stopwatt.analyse.estimate import Estimate
from stopwatt.analyse.study import Effect, Interaction, Study
from stopwatt.records import Setup, Trouble, Workload
from stopwatt.stats.ratios import Ratio, Verdict
from stopwatt.units import quantity, ratio
from stopwatt.ways import Cache, Collector, Copies, Inputs, Load, Timer, Waiting, Warming, Way

REFERENCE_S = 4.51e-3
NO_CLOCK = "timer={} reads the clock of a GPU, and a CPU has none of its own"


def found(value, low=None, high=None, verdict=None):
    """A ratio with its interval; the verdict that follows from it where none is given."""
    low, high = low or 0.985 * value, high or 1.015 * value
    if verdict is None:
        inside = low > 1 / 1.02 and high < 1.02
        apart = Verdict.SLOWER if low > 1 else Verdict.FASTER if high < 1 else Verdict.INCONCLUSIVE
        verdict = Verdict.EQUIVALENT if inside else apart
    return Ratio(value, low, high, verdict, rounds=6, p=0.01)


def effect(way, value, low=None, high=None, *, text=None):
    one = found(value, low, high)
    told = (
        f"{way.label}: {quantity(value * REFERENCE_S, 's')} instead of {quantity(REFERENCE_S, 's')} "
        f"({ratio(value)} [{one.low:.3g}, {one.high:.3g}])"
    )
    return Effect(way, one, value * REFERENCE_S, REFERENCE_S, 100, 6, text=text or told)


def missing(way, why):
    return Effect(way, Ratio(why=why), why=why)


SINGLES = (
    effect(
        Way(sync=Waiting.NONE),
        0.016,
        0.014,
        0.018,
        text="Without synchronisation you would report 0.07 ms instead of 4.51 ms (0.016 x [0.014, 0.018])",
    ),
    effect(Way(idle_s=0.1), 60.2, 55.1, 65.8),
    effect(Way(load=Load.CPU), 1.92, 1.7, 2.16),
    effect(Way(warmup=Warming.NONE), 1.52, 1.41, 1.64),
    effect(Way(inputs=Inputs.ZEROS), 0.87, 0.85, 0.9),
    effect(Way(warmup=Warming.FIXED), 1.1, 1.06, 1.14),
    effect(Way(copies=Copies.INSIDE), 1.032, 1.022, 1.043),
    effect(Way(idle_s=0.001), 1.03, 0.97, 1.09),
    effect(Way(cache=Cache.FLUSHED), 1.02, 0.99, 1.05),
    effect(Way(gc=Collector.RUNNING), 1.003, 0.996, 1.01),
    effect(Way(timer=Timer.TIME), 1.001, 0.994, 1.008),
    missing(Way(timer=Timer.EVENTS), NO_CLOCK.format("events")),
    missing(Way(timer=Timer.GRAPH), NO_CLOCK.format("graph")),
    missing(Way(timer=Timer.DO_BENCH), NO_CLOCK.format("do_bench")),
)


def crossed(levels=((Warming.NONE, 1.09), (Warming.FIXED, 1.05))):
    """Warm-up x synchronisation x timer, as far as a CPU can."""
    for warmup, factor in (*levels, (Warming.STEADY, 1.0)):
        for sync, share in ((Waiting.NONE, 0.97), (Waiting.END, 0.99), (Waiting.EACH, 1.0)):
            for timer in (Timer.PERF_COUNTER, Timer.TIME):
                way = Way(warmup=warmup, sync=sync, timer=timer)
                if len(way.changes) > 1:
                    yield effect(way, round(factor * share, 3))


TOGETHER = (
    effect(Way(inputs=Inputs.ZEROS, load=Load.CPU), 1.7, 1.5, 1.9),
    *sorted(crossed(), key=lambda one: -abs(math.log(one.ratio.value))),
)
INTERACTION = Interaction(
    (Way(warmup=Warming.NONE), Way(sync=Waiting.NONE)),
    found(0.6, 0.5, 0.7),
    "warmup=none and sync=none together make the number 0.60 x what their own effects would",
)
UNSHOWN = Interaction((Way(inputs=Inputs.ZEROS), Way(load=Load.CPU)), found(1.01, 0.9, 1.1), "nothing is shown here")


def study(**changes):
    """Eleven measured choices on a CPU, three impossible ones, and what stage two adds."""
    usual = Study(
        workload=Workload("mlp", {"hidden": 300}),
        setup=Setup("eager", threads=2),
        reference=Estimate("mean_latency", "s", REFERENCE_S, 4.47e-3, 4.55e-3, 600, 6, "t on 6 round averages"),
        effects=SINGLES,
        combined=TOGETHER,
        interactions=(INTERACTION, UNSHOWN),
        keys=("a1" * 16, "b2" * 16),
        rounds_ok=6,
    )
    return replace(usual, **changes)


def failed(**changes):
    """A study of which no round gave anything."""
    return study(
        reference=Estimate("mean_latency", "s", why="no round"),
        effects=(),
        combined=(),
        interactions=(),
        rounds_ok=0,
        rounds_failed=3,
        trouble=Trouble("the model is not there", "in the build", "look for it"),
        keys=("c3" * 16,),
        **changes,
    )


def long(count=60):
    """More choices than a figure holds: pauses of as many lengths."""
    return study(effects=tuple(effect(Way(idle_s=0.001 * n), 1.02**n) for n in range(count, 0, -1)), combined=())


def mild():
    """Nothing that matters: one choice is undecided."""
    return study(effects=SINGLES[7:11], combined=(), interactions=(), keys=("d4" * 16,))
