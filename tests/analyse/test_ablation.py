"""Studies: what rounds of ablations say, with the truth planted."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from stopwatt.analyse.ablation import studies
from stopwatt.analyse.summary import summarise
from stopwatt.records import Protocol, Samples, Severity, Status, Trouble, Unavailable
from stopwatt.stats.ratios import Verdict
from stopwatt.ways import Ablation, Cache, Inputs, Timer, Waiting, Warming, Way, sample_name

NO_SYNC = Way(sync=Waiting.NONE)
ZEROS, WALL, FLUSHED = Way(inputs=Inputs.ZEROS), Way(timer=Timer.TIME), Way(cache=Cache.FLUSHED)
COLD, TEN = Way(warmup=Warming.NONE), Way(warmup=Warming.FIXED)
MANY = tuple(Way(idle_s=(number + 1) / 1000) for number in range(12))
TWO_PERCENT = 1.02


def study_of(rounds):
    (found,) = studies(rounds)
    return found


def effect_of(study, way):
    return next(one for one in (*study.effects, *study.combined) if one.way == way)


def at_most(risk, of):
    """How often something of that risk may happen among so many, 999 times in 1000."""
    return binom.ppf(0.999, of, risk)


def with_series(measurement, way, part, values):
    name = sample_name(way, part)
    changed = Samples(np.asarray(values, dtype=np.float64), measurement.samples[name].unit)
    return replace(measurement, samples={**measurement.samples, name: changed})


# ---- planted truths


def test_intervals_hold_the_planted_ratios_as_often_as_they_say(planted):
    truth = dict(zip(MANY, [1.0] * 6 + [1.05] * 3 + [1.02, 0.7, 60.0], strict=True))
    hits = [
        one.ratio.low <= truth[one.way] <= one.ratio.high
        for seed in range(200)
        for one in study_of(planted(truth).measure(5, seed)).effects
    ]
    assert len(hits) == 200 * len(truth)
    assert 0.93 <= np.mean(hits) <= 0.97


def test_drift_within_rounds_and_different_processes_do_not_widen_intervals(planted):
    """The reference beside a way had the same drift and the same process."""
    calm, wild = (study_of(planted({NO_SYNC: 1.0}, process=sd).measure(8, 3)) for sd in (1e-6, 0.3))
    widths = [math.log(one.effects[0].ratio.high / one.effects[0].ratio.low) for one in (calm, wild)]
    assert widths[1] < 3 * widths[0]
    assert wild.reference.high / wild.reference.low > 1.1


def test_a_way_that_reports_the_same_is_called_equivalent_and_one_that_is_5_percent_off_never(planted):
    truth = dict(zip(MANY, [1.0] * 6 + [1.05] * 3 + [1 / 1.05] * 3, strict=True))
    found = Counter(
        (truth[one.way] == 1, one.ratio.verdict)
        for seed in range(60)
        for one in study_of(planted(truth).measure(8, seed)).effects
    )
    assert found[True, Verdict.EQUIVALENT] >= 0.95 * 60 * 6
    assert found[False, Verdict.EQUIVALENT] == 0


@pytest.mark.parametrize("spread", [0.01, 0.025])
def test_a_study_with_any_false_verdict_is_as_rare_as_one_false_interval(planted, spread):
    """Six of no effect, three on the border of the margin (which is not within it), three beyond it."""
    truth = dict(zip(MANY, [1.0] * 6 + [TWO_PERCENT] * 3 + [1.04] * 3, strict=True))

    def false(one):
        off = truth[one.way] > 1
        return one.ratio.verdict is Verdict.FASTER or one.ratio.verdict is (
            Verdict.EQUIVALENT if off else Verdict.SLOWER
        )

    wrong = sum(
        any(false(one) for one in study_of(planted(truth, ratio=spread).measure(6, seed)).effects)
        for seed in range(150)
    )
    assert wrong <= at_most(0.05, 150)


def test_above_1_a_way_reports_too_long_and_is_slower(planted):
    study = study_of(planted({NO_SYNC: 0.016, ZEROS: 0.9, WALL: 1.0, FLUSHED: 1.3}).measure(6, 1))
    assert [(one.way, one.ratio.verdict) for one in study.effects] == [
        (NO_SYNC, Verdict.FASTER),
        (FLUSHED, Verdict.SLOWER),
        (ZEROS, Verdict.FASTER),
        (WALL, Verdict.EQUIVALENT),
    ]
    for one in study.effects:
        assert one.ratio.low < one.ratio.value < one.ratio.high
        assert one.ratio.value == pytest.approx(one.reported_s / one.reference_s)
        assert (one.rounds, one.ratio.rounds, one.calls) == (6, 6, 100)
    assert study.effects[0].ratio.value == pytest.approx(0.016, rel=0.02)


def test_the_reference_is_the_average_call_over_the_rounds(planted):
    rounds = planted({WALL: 1.0}, process=0.02).measure(12, 2)
    reference = study_of(rounds).reference
    averages = [one.samples["latency"].values.mean() / 1e9 for one in rounds]
    assert reference.value == pytest.approx(np.exp(np.mean(np.log(averages))))
    assert reference.low < 4.5e-3 < reference.high
    assert (reference.unit, reference.rounds) == ("s", 12)
    assert reference.n == sum(one.samples["latency"].values.size for one in rounds)


def test_cold_ways_take_turns_and_each_is_judged_by_its_own_rounds(planted):
    study = study_of(planted({COLD: 1.5, TEN: 1.0, WALL: 1.0, ZEROS: 1.0}).measure(12, 5))
    assert {one.rounds for one in study.effects} == {6}
    assert effect_of(study, COLD).ratio.value == pytest.approx(1.5, rel=0.02)
    assert effect_of(study, TEN).ratio.verdict is Verdict.EQUIVALENT


# ---- interactions


def two_stages(planted, truth, together, seed, rounds=8, **spread):
    """The ways alone in the rounds of one cell, their combinations in those of another."""
    return [
        *planted(truth, **spread).measure(rounds, seed),
        *planted(together, **spread).measure(rounds, seed + 10_000),
    ]


def test_a_planted_interaction_is_found_beside_pairs_that_have_none(planted):
    both, neither = NO_SYNC.merged(ZEROS), WALL.merged(ZEROS)
    truth, together = {NO_SYNC: 0.5, ZEROS: 0.9, WALL: 1.0}, {both: 0.5 * 0.9 * 1.2, neither: 0.9}
    rounds = two_stages(planted, truth, together, 7)
    found, none = study_of(rounds).interactions
    assert (set(found.ways), found.ratio.verdict) == ({NO_SYNC, ZEROS}, Verdict.SLOWER)
    assert found.ratio.low < 1.2 < found.ratio.high
    assert (set(none.ways), none.ratio.verdict) == ({WALL, ZEROS}, Verdict.EQUIVALENT)


def test_interactions_are_not_invented(planted):
    alone = {NO_SYNC: 0.5, ZEROS: 0.9, WALL: 1.0, FLUSHED: 1.4}
    pairs = {
        one.merged(other): alone[one] * alone[other] for one in alone for other in alone if one.label < other.label
    }
    wrong = hits = count = 0
    for seed in range(100):
        found = study_of(two_stages(planted, alone, pairs, seed, rounds=5, ratio=0.02)).interactions
        wrong += any(one.ratio.verdict in {Verdict.FASTER, Verdict.SLOWER} for one in found)
        hits += sum(one.ratio.low <= 1 <= one.ratio.high for one in found)
        count += len(found)
    assert count == 600
    assert wrong <= at_most(0.05, 100)
    assert 0.92 <= hits / count <= 0.98


def test_parts_and_whole_of_the_same_rounds_are_compared_within_them(planted):
    """A process in which everything is off by the same factor twice over then says nothing."""
    both = NO_SYNC.merged(ZEROS)
    rounds = planted({NO_SYNC: 0.5, ZEROS: 0.9, both: 0.45}).measure(6, 1)
    logs = []
    for one in rounds:
        of = {way: np.log(one.samples[sample_name(way)].values
                          / one.samples[sample_name(way, "reference")].values).mean()
              for way in (both, NO_SYNC, ZEROS)}  # fmt: skip
        logs.append(of[both] - of[NO_SYNC] - of[ZEROS])
    (found,) = study_of(rounds).interactions
    assert found.ratio.value == pytest.approx(math.exp(np.mean(logs)))
    half = 2.5706 * np.std(logs, ddof=1) / math.sqrt(6)  # t of 5 degrees of freedom
    assert math.log(found.ratio.high / found.ratio.low) == pytest.approx(2 * half, rel=1e-3)


def test_a_pair_without_3_rounds_of_each_part_has_no_interaction(planted):
    both = NO_SYNC.merged(ZEROS)
    rounds = two_stages(planted, {NO_SYNC: 0.5, ZEROS: 0.9}, {both: 0.45}, 1)
    assert len(study_of(rounds).interactions) == 1
    assert (
        study_of([one for one in rounds if both not in one.cell.protocol.ablation.ways or one.round < 2]).interactions
        == ()
    )
    assert study_of([one for one in rounds if both in one.cell.protocol.ablation.ways]).interactions == ()


def test_three_changes_have_an_effect_and_no_interaction(planted):
    three = NO_SYNC.merged(ZEROS).merged(WALL)
    study = study_of(planted({NO_SYNC: 0.5, ZEROS: 1.0, WALL: 1.0, three: 0.5}).measure(5, 1))
    assert [one.way for one in study.combined] == [three]
    assert study.interactions == ()


# ---- what belongs together


def test_stages_of_one_workload_setup_machine_and_software_are_one_study(planted):
    rounds = two_stages(planted, {NO_SYNC: 0.5, ZEROS: 0.9}, {NO_SYNC.merged(ZEROS): 0.45}, 1)
    study = study_of(rounds)
    assert len(study.keys) == 2
    assert study.rounds_ok == 16
    assert ({one.way for one in study.effects}, len(study.combined)) == ({NO_SYNC, ZEROS}, 1)
    assert study.machine == "here"


def test_rounds_of_a_way_that_several_stages_measured_count_together(planted):
    rounds = two_stages(planted, {NO_SYNC: 0.5}, {NO_SYNC: 0.5, ZEROS: 0.9}, 1)
    study = study_of(rounds)
    assert (effect_of(study, NO_SYNC).rounds, effect_of(study, ZEROS).rounds) == (16, 8)


@pytest.mark.parametrize(
    "other",
    [
        {"machine": "there"},
        {"software": {"torch": "1"}},
        {"code": "new"},
        {"protocol": Protocol(input_sets=2, ablation=Ablation((NO_SYNC,)))},
        {"protocol": Protocol(ablation=Ablation((NO_SYNC,), calls=10))},
    ],
)
def test_another_machine_version_or_rule_is_another_study(planted, other):
    rounds = planted({NO_SYNC: 0.5}).measure(3, 1)
    elsewhere = [replace(one, cell=replace(one.cell, **other)) for one in planted({NO_SYNC: 0.7}).measure(3, 2)]
    found = studies([*rounds, *elsewhere])
    assert [len(one.keys) for one in found] == [1, 1]
    assert [one.effects[0].ratio.value for one in found] == pytest.approx([0.5, 0.7], rel=0.02)


def test_ordinary_cells_are_no_studies(rounds, planted):
    ordinary = rounds([1, 2, 3], protocol=Protocol(), workload="bert", params={"layers": 4})
    assert studies(ordinary) == ()
    assert study_of([*ordinary, *planted({WALL: 1.0}).measure(3, 1)]).rounds_ok == 3


def test_the_number_of_rounds_asked_for_and_the_time_limit_make_no_other_study(planted):
    rounds = planted({WALL: 1.0}).measure(4, 1)
    longer = replace(rounds[3].cell.protocol, rounds=9, timeout_s=1.0)
    assert study_of([*rounds[:3], replace(rounds[3], cell=replace(rounds[3].cell, protocol=longer))]).rounds_ok == 4


def test_the_row_of_an_ablation_is_one_of_its_reference_and_says_so(planted, rounds):
    measured = planted({NO_SYNC: 0.5, COLD: 2.0}, process=0.01).measure(3, 1)
    (row,) = summarise(measured)
    (note,) = row.notes
    assert row.estimates["latency"].value == pytest.approx(4.5e-3, rel=0.05)
    assert (note.note.kind, note.note.severity, note.rounds) == ("ablation-reference", Severity.INFO, 3)
    assert "series of 100 calls at most, each after another of 2 ways" in note.note.text
    assert summarise(rounds([1, 2, 3]))[0].notes == ()


# ---- little, nothing, and what cannot be


@pytest.mark.parametrize("count", [1, 2])
def test_with_fewer_than_3_rounds_there_is_a_value_and_the_reason_for_no_interval(planted, count):
    (effect,) = study_of(planted({NO_SYNC: 0.5}).measure(count, 1)).effects
    assert effect.ratio.value == pytest.approx(0.5, rel=0.05)
    assert (effect.ratio.low, effect.ratio.high, effect.ratio.verdict) == (None, None, Verdict.INCONCLUSIVE)
    assert effect.ratio.why == f"no interval: needs 3 rounds (has {count})"
    assert effect.rounds == count


def test_rounds_that_all_say_the_same_have_no_interval(planted):
    (effect,) = study_of(planted({NO_SYNC: 0.5}, ratio=0, series=0, process=0).measure(4, 1)).effects
    assert effect.ratio.value == pytest.approx(0.5)
    assert effect.ratio.low is None
    assert "same value" in effect.ratio.why


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("part", ["", "reference", "calls"])
def test_a_value_that_is_no_time_takes_the_round_from_that_way_only(planted, bad, part):
    good = planted({NO_SYNC: 0.5, WALL: 1.0}).measure(5, 1)
    rounds = [*good[:4], with_series(good[4], NO_SYNC, part, [4e6, bad])]
    study = study_of(rounds)
    assert (effect_of(study, NO_SYNC).rounds, effect_of(study, WALL).rounds) == (4, 5)
    assert effect_of(study, NO_SYNC).ratio.value == effect_of(study_of(good[:4]), NO_SYNC).ratio.value
    (note,) = study.notes
    assert note.kind == "lost-series"
    assert "sync=none: 1 of 5 rounds" in note.text
    assert "round 4: trial 1 is" in note.text


def test_a_series_without_as_many_of_the_reference_is_not_counted(planted):
    good = planted({NO_SYNC: 0.5}).measure(4, 1)
    short = with_series(good[0], NO_SYNC, "reference", [4e6])
    bare = replace(good[1], samples={k: v for k, v in good[1].samples.items() if not k.endswith("reference")})
    study = study_of([short, bare, *good[2:]])
    assert study.effects[0].rounds == 2
    assert "round 0: 2 series, but 1 of the reference" in study.notes[0].text


def test_where_no_round_can_be_believed_there_is_a_reason_and_no_number(planted):
    rounds = [with_series(one, NO_SYNC, "", [0.0, 0.0]) for one in planted({NO_SYNC: 0.5, WALL: 1.0}).measure(3, 1)]
    last = study_of(rounds).effects[-1]
    assert (last.way, last.ratio.value, last.ratio.verdict, last.reported_s, last.rounds) == (
        NO_SYNC,
        None,
        None,
        None,
        0,
    )
    assert last.why.startswith("rejected: round 0: trial 0 is 0")


def test_a_way_that_cannot_be_measured_here_says_why_and_comes_last(planted):
    events = Way(timer=Timer.EVENTS)
    rounds = planted({WALL: 1.0}).measure(4, 1)
    cell = replace(rounds[0].cell, protocol=Protocol(ablation=Ablation((events, WALL))))
    why = {sample_name(events): Unavailable("a CPU has no clock of its own")}
    study = study_of([replace(one, cell=cell, readings=why) for one in rounds])
    assert [one.way for one in study.effects] == [WALL, events]
    last = study.effects[-1]
    assert (last.why, last.ratio.why, last.ratio.value) == ("a CPU has no clock of its own",) * 2 + (None,)
    assert study.effects[0].ratio.verdict is Verdict.EQUIVALENT  # the other does not count in the family


def test_a_way_that_no_round_came_to_says_so(planted):
    rounds = planted({COLD: 1.5, TEN: 1.0}).measure(1, 1)
    study = study_of(rounds)
    assert [one.way for one in study.effects] == [COLD, TEN]
    assert study.effects[1].why == "no round measured it"


def test_failed_rounds_are_counted_with_the_trouble_of_the_first(planted):
    rounds = planted({WALL: 1.0}).measure(5, 1)
    failed = [
        replace(one, status=status, samples={}, trouble=Trouble(what))
        for one, status, what in zip(rounds[3:], (Status.CRASHED, Status.TIMEOUT), ("it died", "it hung"), strict=True)
    ]
    study = study_of([*rounds[:3], *failed])
    assert (study.rounds_ok, study.rounds_failed, study.trouble) == (3, 2, Trouble("it died"))
    assert study.effects[0].rounds == 3


def test_what_an_invalid_round_measured_does_not_count(planted):
    rounds = [replace(one, status=Status.INVALID) for one in planted({WALL: 1.0}).measure(3, 1)]
    study = study_of(rounds)
    assert (study.rounds_ok, study.rounds_failed) == (0, 3)
    assert (study.reference.value, study.effects[0].ratio.value) == (None, None)
    assert study.reference.why


def test_an_interrupted_round_that_was_repeated_is_no_failure(planted):
    rounds = planted({WALL: 1.0}).measure(3, 1)
    broken = replace(rounds[1], status=Status.INTERRUPTED, id="first attempt")
    assert study_of([broken, *rounds]).rounds_failed == 0
    assert study_of([broken, rounds[0], rounds[2]]).rounds_failed == 1


def test_trials_of_the_reference_that_are_no_times_take_its_estimate_only(planted):
    rounds = planted({WALL: 1.0}).measure(3, 1)
    bad = replace(rounds[0], samples={**rounds[0].samples, "latency": Samples(np.array([0, 5]), "ns")})
    study = study_of([bad, *rounds[1:]])
    assert study.reference.value is None
    assert study.reference.why == "rejected: round 0: trial 0 is 0, not a positive finite number"
    assert study.effects[0].rounds == 3


def test_nothing_measured_is_no_study():
    assert studies([]) == ()
