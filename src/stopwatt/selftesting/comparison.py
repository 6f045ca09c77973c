"""The claim `comparison`: a model measured against itself is no faster and no slower; what could be found here and now.

The model is real and small, and each round a fresh process, in ABBA blocks as in every comparison. The claim fails only
where even an interval of 99.9 % excludes equality: one of 95 % does so in one case out of twenty by chance alone.
"""

from dataclasses import replace

from stopwatt import units
from stopwatt.analyse.detectable import arms_of, times
from stopwatt.analyse.observed import observe
from stopwatt.analyse.selftests import DETECTABLE, Claim
from stopwatt.records import Measured
from stopwatt.reporting.comparison_lines import ratio_text
from stopwatt.selftesting.bench import MODEL, MODEL_RULES, Bench
from stopwatt.selftesting.evidence import Seen, disturbance, judged
from stopwatt.stats.detectable import Spread, effect_of_rounds, spread_of_pairs
from stopwatt.stats.ratios import MARGIN, Ratio, compare_rounds

PAIRS, THOROUGH_PAIRS = 5, 20
ROUNDS = 10
"""Of each side: what the smallest detectable slowdown is about."""
CONFIDENCE = 0.999


def look_at_comparison(bench: Bench) -> Claim:
    """A/A of a small model in fresh processes."""
    return judged("comparison", lambda: _look(bench), tries=1)


def _look(bench: Bench) -> Seen:
    pairs = THOROUGH_PAIRS if bench.thorough else PAIRS
    rounds = bench.measure(MODEL, replace(MODEL_RULES, rounds=2 * pairs))
    arms = arms_of(observe("selftest", "", (("", one) for one in rounds), "latency").rounds)
    first, second = (times(arm, "latency") for arm in arms)
    ratio, strict = (compare_rounds(first, second, confidence=level).inverted() for level in (0.95, CONFIDENCE))
    spread = spread_of_pairs(first, second)
    effects = {} if spread is None else _effects(spread)
    effect = effects.get(DETECTABLE)
    found = "not known" if effect is None else f"{units.percent(effect.value)} with {ROUNDS} rounds of each"
    return Seen(
        f"a model takes {ratio_text(ratio)} of its own time in {pairs} pairs of processes; smallest detectable "
        f"slowdown today: {found}",
        short=differs(strict),
        disturbed=disturbance(rounds),
        numbers={
            "ratio": Measured(ratio.value or float("nan"), "1"),
            **effects,
        },
    )


def _effects(spread: Spread) -> dict[str, Measured]:
    """The smallest detectable slowdown, and within which bounds a few pairs tell it."""
    bounds = spread.interval()
    of = {"": spread.sd, "_low": bounds.low, "_high": bounds.high}
    effects = {DETECTABLE + end: effect_of_rounds(sd, ROUNDS, ROUNDS) for end, sd in of.items()}
    return {name: Measured(effect, "1") for name, effect in effects.items() if effect is not None}


def differs(ratio: Ratio) -> bool:
    """Whether two things that are the same are shown to differ by more than what never matters."""
    if ratio.value is None or ratio.low is None or ratio.high is None:
        return False
    return not ratio.low <= 1 <= ratio.high and not 1 / (1 + MARGIN) <= ratio.value <= 1 + MARGIN
