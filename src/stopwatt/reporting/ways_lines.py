"""What is said of a study besides its numbers: the same words on a terminal, in a figure and on the page."""

from collections.abc import Iterable, Mapping, Sequence

from stopwatt import units
from stopwatt.analyse.estimate import counted
from stopwatt.analyse.study import Effect, Study
from stopwatt.reporting.comparison_lines import ratio_text
from stopwatt.stats.ratios import MARGIN, Ratio, Verdict
from stopwatt.text import one_line
from stopwatt.workloads.params import short_label

WITHIN = f"within {MARGIN:.0%}".replace("%", " %")
WORDS: Mapping[Verdict, str] = {
    Verdict.SLOWER: "too long",
    Verdict.FASTER: "too short",
    Verdict.EQUIVALENT: "no difference",
    Verdict.INCONCLUSIVE: "undecided",
}
"""What a way reports, against the reference."""
DECIDED = frozenset({Verdict.SLOWER, Verdict.FASTER})
MOST_SENTENCES = 5
_WIDE = 2.0
_MOST_REASONS = 8


def verdict_text(ratio: Ratio) -> str:
    """`too short`; empty where there is nothing to judge."""
    return WORDS[ratio.verdict] if ratio.verdict is not None else ""


def interval_text(ratio: Ratio) -> str:
    """`0.87 [0.85, 0.90]`; of an interval over a factor of 2 every part has its own digits: `3.36 [1.35, 8.37]`.

    Digits by half the width of an interval would make 3 [1, 8] of that, and say that it touches 1.
    """
    if ratio.value is None or ratio.low is None or ratio.high is None or ratio.high <= _WIDE * ratio.low:
        return ratio_text(ratio)
    number, low, high = (units.column_value(one, units.Scale(1.0, "")) for one in (ratio.value, ratio.low, ratio.high))
    return f"{number} [{low}, {high}]"


def measured(effects: Iterable[Effect]) -> list[Effect]:
    """Those that have a number."""
    return [one for one in effects if one.ratio.value is not None]


def name(study: Study) -> str:
    """`mlp(hidden=300) · eager fp32 batch 1 cpu, 2 threads`."""
    return one_line(f"{short_label(study.workload)} · {study.setup.label}, {counted(study.setup.threads, 'thread')}")


def reference_text(study: Study) -> str:
    """`reference: 4.51 ms [4.47, 4.55] a call on average; 6 rounds`, or why there is none."""
    found = study.reference
    if found.value is None:
        told = f"reference: not measured ({found.why})" if found.why else "reference: not measured"
    elif found.low is None or found.high is None:
        told = f"reference: {units.quantity(found.value, 's')} a call on average"
    else:
        told = f"reference: {units.interval(found.value, found.low, found.high, 's')} a call on average"
    return f"{one_line(told)}; {counted(study.rounds_ok, 'round')}"


def trouble_text(study: Study) -> str:
    """How many rounds failed, and how the first of them did; empty where none did."""
    if not study.rounds_failed:
        return ""
    told = f"{counted(study.rounds_failed, 'round')} failed"
    if study.trouble is None:
        return told
    parts = (study.trouble.what, study.trouble.when and f"({study.trouble.when})")
    now = f"; now: {study.trouble.now}" if study.trouble.now else ""
    return one_line(f"{told}: {' '.join(part for part in parts if part)}{now}")


def largest(study: Study) -> list[str]:
    """A sentence for each of the choices that change the number most."""
    decided = [one for one in study.effects if one.ratio.verdict in DECIDED and one.text]
    return [one_line(one.text) for one in decided[:MOST_SENTENCES]]


def further(study: Study) -> list[str]:
    """What else is to know: what does not matter, what is undecided, interactions, what was not measured."""
    same = [one.way.label for one in study.effects if one.ratio.verdict is Verdict.EQUIVALENT]
    said = [f"Does not matter here ({WITHIN}): {', '.join(same)}"] if same else []
    return [*said, *_undecided(study), *_together(study), *unmeasured((*study.effects, *study.combined))]


def _undecided(study: Study) -> list[str]:
    """One line a reason: an interval that reaches too far, too few rounds, or too many ways to be sure of each."""
    by_reason: dict[str, list[str]] = {}
    for one in study.effects:
        if one.ratio.verdict is Verdict.INCONCLUSIVE:
            by_reason.setdefault(one_line(one.ratio.why) or _OPEN, []).append(one.way.label)
    return [f"Undecided ({why}): {', '.join(labels)}" for why, labels in by_reason.items()]


_OPEN = "more rounds would tell"


def _together(study: Study) -> list[str]:
    """The strongest of the interactions that are shown."""
    found = [one_line(one.text) for one in study.interactions if one.ratio.verdict in DECIDED and one.text]
    rest = len(found) - MOST_SENTENCES
    more = [f"and {counted(rest, 'interaction')} more; --json has them all"] if rest > 0 else []
    return found[:MOST_SENTENCES] + more


def note_texts(study: Study) -> list[str]:
    """What the rounds noted, each with what to do about it."""
    return [one_line(f"{note.text}; now: {note.now}" if note.now else note.text) for note in study.notes]


def unmeasured(effects: Sequence[Effect]) -> list[str]:
    """Ways without a number: one line a reason, the ways that share it together."""
    by_reason: dict[str, list[str]] = {}
    for one in effects:
        if one.ratio.value is None:
            by_reason.setdefault(_reason(one), []).append(one.way.label)
    lines = [f"Not measured: {', '.join(labels)}: {why}" for why, labels in by_reason.items()]
    rest = lines[_MOST_REASONS:]
    return lines[:_MOST_REASONS] + ([f"and {counted(len(rest), 'reason')} more; --json has them all"] if rest else [])


def _reason(effect: Effect) -> str:
    """Why there is no number, without the way's own name in front, so that several ways can share it."""
    why = one_line(effect.why or effect.ratio.why) or "no round gave a number"
    return why.removeprefix(effect.way.label).strip(" :") or why
