"""What the way of measuring does to the number that is reported."""

from collections.abc import Iterator, Sequence

from stopwatt import units
from stopwatt.analyse.findings.words import factor_weight, listed
from stopwatt.analyse.study import Effect, Study
from stopwatt.records import Finding
from stopwatt.stats.ratios import MARGIN, Verdict

KIND = "way-of-measuring"
SAME = "way-without-effect"
_MOST_WEIGHT = 2.0
"""An error of 60 x is told early, but not before requests that missed their deadlines."""
_SAME_WEIGHT = 0.1


def find_ways(studies: Sequence[Study], *, alone: bool) -> Iterator[Finding]:
    """Choices that are shown to change the number, one by one; those that are shown not to, together.

    Args:
        studies: One for each workload and setup.
        alone: Whether there is nothing else to report on, so that no finding has to say what it is about.
    """
    for study in studies:
        where = f"{study.workload.label} · {study.setup.label}: " if len(studies) > 1 or not alone else ""
        yield from (_matters(one, study, where) for one in study.effects if _decided(one))
        same = [one for one in study.effects if one.ratio.verdict is Verdict.EQUIVALENT]
        if same:
            yield _does_not(same, study, where)


def _decided(effect: Effect) -> bool:
    return effect.ratio.verdict in {Verdict.FASTER, Verdict.SLOWER}


def _matters(effect: Effect, study: Study, where: str) -> Finding:
    value = effect.ratio.value or 1.0
    numbers = {"ratio": value, "reported": effect.reported_s or 0.0, "reference": effect.reference_s or 0.0}
    weight = min(_MOST_WEIGHT, factor_weight(value))
    text = f"{where}{effect.text}"
    return Finding(KIND, text, study.keys, numbers, effect.ratio.low, effect.ratio.high, weight=weight)


def _does_not(same: Sequence[Effect], study: Study, where: str) -> Finding:
    labels = listed([one.way.label for one in same])
    verb = "makes" if len(same) == 1 else "make"
    text = f"{where}{labels} {verb} no difference to what is reported, within {units.exact(100 * MARGIN, '%')}"
    numbers = {one.way.label: one.ratio.value or 1.0 for one in same}
    return Finding(SAME, text, study.keys, numbers, weight=_SAME_WEIGHT, count=len(same), of=len(study.effects))
