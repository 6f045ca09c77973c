"""From the rounds of ablations to what each way of measuring does to the number that is reported.

Within a round a way and the reference are seconds apart in one process, so their ratio is free of what makes processes
differ; between rounds the ratios still differ, so rounds are what is counted.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from stopwatt.analyse.ablation_rounds import Testimony, hear
from stopwatt.analyse.ablation_sentences import effect_text, interaction_text
from stopwatt.analyse.estimate import Estimate, Rejected, series_of, single_values
from stopwatt.analyse.study import Effect, Interaction, Study
from stopwatt.analyse.summary import counted_notes, without_repeated
from stopwatt.records import Cell, Measurement, Note, Setup, Status
from stopwatt.stats.contrasts import contrast
from stopwatt.stats.intervals import LEAST_ROUNDS, geometric_mean
from stopwatt.stats.ratios import Ratio, compare_rounds, judge, judge_family
from stopwatt.ways import REFERENCE, Way

REFERENCE_METRIC = "reference"
_PAIR = 2


def studies(measurements: Iterable[Measurement]) -> tuple[Study, ...]:
    """What ablations say, one study for each workload and setup, in the order of their first rounds.

    Cells that differ only in the ways that they measure are stages of one study. Another machine, another version of
    the code or of the software, or another rule of measuring makes another study.

    Args:
        measurements: Rounds of any cells with their samples, in any order; those of ordinary cells are left out.
    """
    groups: dict[Hashable, list[Measurement]] = defaultdict(list)
    for one in measurements:
        if one.cell.protocol.ablation is not None:
            groups[_kind(one.cell)].append(one)
    return tuple(_study(rounds) for rounds in groups.values())


def _kind(cell: Cell) -> Hashable:
    """What has to be the same so that rounds belong to one study."""
    ablation = cell.protocol.ablation
    rules = replace(cell.protocol, rounds=0, timeout_s=0.0, ablation=ablation and replace(ablation, ways=(), series=0))
    workload = (cell.workload.source, tuple(sorted(cell.workload.params.items())))
    return workload, cell.setup, rules, cell.code, tuple(sorted(cell.software.items())), cell.machine


def _study(measurements: Sequence[Measurement]) -> Study:
    by_cell: dict[str, list[Measurement]] = defaultdict(list)
    for one in measurements:
        by_cell[one.cell.key].append(one)
    rounds = [
        one
        for found in by_cell.values()
        for one in sorted(without_repeated(found), key=lambda one: (one.round, one.started_at))
    ]
    ok = [one for one in rounds if one.status is Status.OK]
    failed = [one for one in rounds if one.status is not Status.OK]
    heard = [hear(way, ok) for way in _ways(rounds)]
    cell = rounds[0].cell
    setup = cell.setup
    alone = [one for one in heard if len(one.way.changes) == 1]
    together = [one for one in heard if len(one.way.changes) > 1]
    return Study(
        workload=cell.workload,
        setup=setup,
        reference=_reference(ok),
        effects=_effects(alone, setup),
        combined=_effects(together, setup),
        interactions=_interactions(alone, together, setup),
        notes=(*(counted.note for counted in counted_notes(rounds)), *_lost(heard)),
        keys=tuple(by_cell),
        rounds_ok=len(ok),
        rounds_failed=len(failed),
        trouble=next((one.trouble for one in failed if one.trouble is not None), None),
        machine=cell.machine,
        software=cell.software,
    )


def _ways(rounds: Sequence[Measurement]) -> list[Way]:
    """All that were to be measured, each once."""
    ablations = [one.cell.protocol.ablation for one in rounds]
    return list(dict.fromkeys(way for ablation in ablations if ablation is not None for way in ablation.ways))


def _reference(ok: Sequence[Measurement]) -> Estimate:
    """The average of all calls of the reference, over the rounds."""
    blank = Estimate(REFERENCE_METRIC, "s")
    try:
        unit, series = series_of([(one.round, one.samples["latency"]) for one in ok if "latency" in one.samples])
    except Rejected as rejected:
        return replace(blank, why=f"rejected: {rejected}")
    if not series:
        return replace(blank, why="no round measured it")
    averages = np.array([float(one.values.mean()) for one in series])
    return replace(single_values(REFERENCE_METRIC, unit, averages), n=sum(one.values.size for one in series))


def _effects(heard: Sequence[Testimony], setup: Setup) -> tuple[Effect, ...]:
    """Judged as one family; the largest first, those without a number last."""
    judged = judge_family([_speedup(one) for one in heard])
    effects = [_effect(one, ratio.inverted(), setup) for one, ratio in zip(heard, judged, strict=True)]
    return tuple(sorted(effects, key=lambda effect: -_size(effect.ratio)))


def _speedup(one: Testimony) -> Ratio:
    """Reference / reported: how much faster the model looks this way."""
    if not one.rounds:
        return Ratio(why=one.why)
    return compare_rounds(*(np.array(times) for times in zip(*_times(one), strict=True)))


def _times(one: Testimony) -> list[tuple[float, float]]:
    return [(told.reference_s, told.reported_s) for told in one.rounds]


def _effect(one: Testimony, ratio: Ratio, setup: Setup) -> Effect:
    if not one.rounds:
        found = Effect(one.way, ratio, why=one.why)
    else:
        reference, reported = (geometric_mean(np.array(times)) for times in zip(*_times(one), strict=True))
        calls = round(float(np.median([calls for told in one.rounds for calls in told.calls])))
        found = Effect(one.way, ratio, reported, reference, calls, len(one.rounds))
    return replace(found, text=effect_text(found, setup))


def _size(ratio: Ratio) -> float:
    return -1.0 if ratio.value is None else abs(math.log(ratio.value))


def _interactions(alone: Sequence[Testimony], together: Sequence[Testimony], setup: Setup) -> tuple[Interaction, ...]:
    """Of pairs whose parts and whole have 3 rounds or more, judged as one family; the strongest first."""
    known = {one.way: one for one in alone}
    found: list[tuple[tuple[Way, Way], Ratio]] = []
    for whole in together:
        parts = [known.get(replace(REFERENCE, **{name: level})) for name, level in whole.way.changes.items()]
        one, other = parts if len(parts) == _PAIR else (None, None)
        if one and other and min(len(heard.rounds) for heard in (whole, one, other)) >= LEAST_ROUNDS:
            found.append(((one.way, other.way), _excess(whole, one, other)))
    judged = judge_family([ratio for _, ratio in found])
    interactions = [Interaction(ways, ratio.inverted()) for (ways, _), ratio in zip(found, judged, strict=True)]
    interactions.sort(key=lambda interaction: -_size(interaction.ratio))
    return tuple(replace(one, text=interaction_text(one, setup)) for one in interactions)


def _excess(whole: Testimony, one: Testimony, other: Testimony) -> Ratio:
    """Ratio of the one x ratio of the other / ratio of both together: above 1 where together they report less."""
    found = contrast([whole.log_ratios, one.log_ratios, other.log_ratios], (-1.0, 1.0, 1.0))
    if found.value is None:
        return Ratio(why="no rounds that can be compared")
    return judge(math.exp(found.value), found.evidence, found.rounds)


def _lost(heard: Sequence[Testimony]) -> list[Note]:
    """Rounds that a number does not hold although they were measured."""
    return [
        Note(
            "lost-series",
            f"{one.way.label}: {len(reasons)} of {len(reasons) + len(one.rounds)} rounds are not counted: {reasons[0]}",
        )
        for one in heard
        if one.rounds and (reasons := (*one.rejected, *one.unavailable))
    ]
