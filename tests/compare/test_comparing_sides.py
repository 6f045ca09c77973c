"""Which cells are compared, what is said of the others, and in which direction the ratio goes."""

from dataclasses import replace

import numpy as np
import pytest

from stopwatt.analyse.compare import compare
from stopwatt.errors import UsageError
from stopwatt.records import (
    Boundary,
    Measured,
    Note,
    Paced,
    Precision,
    Process,
    Protocol,
    Samples,
    Severity,
    Status,
    Trouble,
    Warmup,
)
from stopwatt.reporting.comparison_lines import detectable_lines
from stopwatt.stats.ratios import Verdict
from stopwatt.ways import Ablation, Waiting, Warming, Way

STEADY = (4.0, 4.01, 4.02)


def test_the_ratio_is_time_of_b_over_time_of_a_so_above_1_is_slower(side, rounds, cell):
    a, b = side(rounds(cell(), STEADY)), side(rounds(cell(code="new"), (8.0, 8.02, 8.04)), "B")

    (found,) = compare(a, b).cells

    assert found.ratio.value == pytest.approx(2)
    assert found.ratio.low < 2 < found.ratio.high
    assert found.ratio.verdict is Verdict.SLOWER
    assert (found.a.value, found.b.value) == (pytest.approx(4.01e-3, rel=1e-4), pytest.approx(8.02e-3, rel=1e-4))


def test_exchanging_the_sides_turns_the_ratio_over(side, rounds, cell):
    a, b = side(rounds(cell(), STEADY)), side(rounds(cell(code="new"), (5.0, 5.1, 5.2)), "B")

    (there,), (back,) = compare(a, b).cells, compare(b, a).cells

    assert back.ratio.value == pytest.approx(1 / there.ratio.value)
    assert (back.ratio.low, back.ratio.high) == (
        pytest.approx(1 / there.ratio.high),
        pytest.approx(1 / there.ratio.low),
    )
    assert (there.ratio.verdict, back.ratio.verdict) == (Verdict.SLOWER, Verdict.FASTER)


def test_a_higher_rate_is_faster_and_its_ratio_below_1(side, rounds, cell):
    def with_rate(of, rates):
        measured = rounds(of, STEADY)
        return [
            replace(one, samples={"throughput": Samples(np.array([rate, rate + 1.0]), "samples/s")})
            for one, rate in zip(measured, rates, strict=True)
        ]

    a = side(with_rate(cell(), (100.0, 101, 102)), metric="throughput")
    b = side(with_rate(cell(code="new"), (200.0, 202, 204)), "B", metric="throughput")
    (found,) = compare(a, b, "throughput").cells

    assert found.ratio.value == pytest.approx(0.5, rel=0.01)
    assert found.ratio.verdict is Verdict.FASTER
    assert found.b.value == pytest.approx(202.5, rel=1e-3)


def test_cells_match_by_workload_parameters_and_setup(side, rounds, cell):
    a = side([one for batch in (1, 2, 4) for one in rounds(cell(batch), STEADY)])
    b = side([one for batch in (4, 2, 8) for one in rounds(cell(batch, code="new"), STEADY)], "B")

    found = compare(a, b)

    assert [one.label for one in found.cells] == ["batch=2", "batch=4"]
    assert [(one.label, one.side, one.failed) for one in found.unmatched] == [
        ("batch=1", "A", False),
        ("batch=8", "B", False),
    ]


def test_what_differs_between_the_sides_is_said(side, rounds, cell):
    a = side(rounds(cell(code="old", software={"torch": "2.12", "numpy": "2.4"}), STEADY))
    b = side(rounds(cell(code="new", software={"torch": "2.13", "numpy": "2.4"}), STEADY), "B")

    assert compare(a, b).changes == {"code of the workload": "old / new", "torch": "2.12 / 2.13"}


def test_a_cell_that_failed_on_one_side_is_listed_with_the_reason(side, rounds, cell):
    crash = {"status": Status.CRASHED, "trouble": Trouble("crashed with SIGSEGV")}
    a = side([*rounds(cell(1), STEADY), *rounds(cell(2), STEADY)])
    b = side([*rounds(cell(1), STEADY), *rounds(cell(2), STEADY, **crash)], "B")

    found = compare(a, b)

    assert [one.label for one in found.cells] == ["batch=1"]
    assert [(one.label, one.side, one.failed, one.why) for one in found.unmatched] == [
        ("batch=2", "B", True, "B: crashed: crashed with SIGSEGV")
    ]


def test_rounds_that_failed_among_good_ones_are_counted(side, rounds, cell):
    bad = {"status": Status.TIMEOUT, "trouble": Trouble("no answer within 5 s")}
    a = side(rounds(cell(), STEADY))
    b = side([*rounds(cell(), STEADY), *rounds(cell(), (4.0,), **bad)], "B")

    found = compare(a, b)

    assert (found.cells[0].b.rounds, found.cells[0].b.member.failed) == (3, 1)
    assert [note.kind for note in found.notes if "no answer within 5 s" in note.text] == ["lost-rounds"]


def test_of_a_cell_that_several_runs_measured_the_latest_counts(side, rounds, cell):
    a = side(rounds(cell(), STEADY))
    twice = [("old", one) for one in rounds(cell(), (9.0, 9.1, 9.2))] + [("new", one) for one in rounds(cell(), STEADY)]
    b = side([])
    b = replace(b, rounds=side([one for _, one in twice], "B").rounds)
    b = replace(b, rounds=tuple(replace(one, run=run) for one, (run, _) in zip(b.rounds, twice, strict=True)))

    assert compare(a, b).cells[0].ratio.value == pytest.approx(1)
    assert compare(a, b).named.runs_b == ("new",)


def test_rounds_of_two_runs_do_not_pair(side, rounds, cell):
    weather = np.array([1.0, 1.5, 0.7, 1.2])
    a, b = side(rounds(cell(), 4 * weather)), side(rounds(cell(code="new"), (4.4, 6.61, 3.082, 5.28)), "B")

    (unpaired,), (paired,) = compare(a, b).cells, compare(a, b, paired=True).cells

    assert unpaired.ratio.verdict is Verdict.INCONCLUSIVE
    assert paired.ratio.low > unpaired.ratio.low
    assert unpaired.method == "Welch's t on 4 and 4 rounds"
    assert paired.method == "t on 4 pairs of rounds"


def test_a_slowdown_of_all_cells_is_found_in_their_mean_before_any_cell_shows_it(side, rounds, cell):
    dice = np.random.default_rng(3)

    def grid(factor, code):
        return [
            one
            for batch in range(1, 9)
            for one in rounds(cell(batch, code=code), batch * factor * np.exp(dice.normal(0, 0.01, 3)))
        ]

    found = compare(side(grid(1.0, "old")), side(grid(1.025, "new"), "B"))

    assert found.overall.verdict is Verdict.SLOWER
    assert found.overall.value == pytest.approx(1.025, rel=0.01)
    assert found.verdicts[Verdict.SLOWER] < 8


def test_one_cell_has_no_mean_beside_itself(side, rounds, cell):
    assert compare(side(rounds(cell(), STEADY)), side(rounds(cell(code="new"), STEADY), "B")).overall is None


def test_large_families_of_few_rounds_share_their_noise_and_say_so(side, rounds, cell):
    dice = np.random.default_rng(5)

    def grid(count, code):
        return [
            one
            for batch in range(1, count + 1)
            for one in rounds(cell(batch, code=code), 4 * np.exp(dice.normal(0, 0.01, 3)))
        ]

    methods = {count: compare(side(grid(count, "a")), side(grid(count, "b"), "B")).cells[0].method for count in (9, 16)}

    assert methods == {9: "Welch's t on 3 and 3 rounds", 16: "Welch's t on 3 and 3 rounds, shared noise"}


WAYS = Ablation((Way(sync=Waiting.NONE), Way(warmup=Warming.NONE)))
UNLIKE = [
    pytest.param({"precision": Precision.BF16}, "precision fp32 / bf16", id="precision"),
    pytest.param({"rules": Protocol(boundary=Boundary.HOST)}, "boundary device / host", id="boundary"),
    pytest.param(
        {"rules": Protocol(paced=Paced(1e-3))},
        "arrivals as fast as they are served / every 1 ms, 1000 cycles, load none",
        id="arrivals",
    ),
    pytest.param({"rules": Protocol(trials=1000)}, "protocol trials 300 / 1000", id="trials"),
    pytest.param({"rules": Protocol(process=Process.SHARED)}, "protocol process fresh / shared", id="process"),
    pytest.param({"rules": Protocol(warmup=Warmup(min_calls=1))}, "protocol warmup", id="warm-up"),
    pytest.param({"rules": Protocol(ablation=WAYS)}, "protocol ablation none / 2 ways", id="ablation"),
    pytest.param({"machine": "elsewhere"}, "machine here / elsewher", id="machine"),
]


@pytest.mark.parametrize(("changes", "told"), UNLIKE)
def test_unlike_things_are_refused_and_named(side, rounds, cell, changes, told):
    a, b = side(rounds(cell(), STEADY)), side(rounds(cell(**changes), STEADY), "B")

    with pytest.raises(UsageError) as refused:
        compare(a, b)

    assert refused.value.what == f"A and B are not alike: {told}"
    assert "--force" in refused.value.now


@pytest.mark.parametrize(("changes", "told"), UNLIKE)
def test_by_force_unlike_things_are_compared_and_marked(side, rounds, cell, changes, told):
    a, b = side(rounds(cell(), STEADY)), side(rounds(cell(**changes), STEADY), "B")

    found = compare(a, b, force=True)

    name, _, text = told.partition(" ")
    assert found.unlike == {name: text}
    assert found.cells[0].unlike == {name: text}


def test_the_references_of_one_ablation_can_be_compared(side, rounds, cell):
    """With each of its stages as a cell; ablations of as many other ways are no partners."""
    stages = [Protocol(ablation=ablation) for ablation in (WAYS, Ablation(WAYS.ways[:1]))]
    a, b = (
        side([one for rules in stages for one in rounds(cell(rules=rules, code=code), STEADY)], code) for code in "ab"
    )
    assert [(one.ratio.verdict, one.unlike) for one in compare(a, b).cells] == [(Verdict.EQUIVALENT, {})] * 2

    others = Ablation((Way(sync=Waiting.END), Way(warmup=Warming.FIXED)))
    with pytest.raises(UsageError, match=r"not alike: protocol ablation\n"):
        compare(
            side(rounds(cell(rules=Protocol(ablation=WAYS)), STEADY)),
            side(rounds(cell(rules=Protocol(ablation=others)), STEADY), "B"),
        )


def test_machines_are_told_apart_by_their_facts(side, rounds, cell):
    a = side(rounds(cell(machine="m1"), STEADY, facts={"cpu.model": "EPYC", "cpu.logical": 4, "cpu.load": 0.5}))
    b = side(rounds(cell(machine="m2"), STEADY, facts={"cpu.model": "Xeon", "cpu.logical": 4, "cpu.load": 0.1}), "B")

    with pytest.raises(UsageError, match="EPYC / Xeon") as refused:
        compare(a, b)
    assert "0.5" not in refused.value.what


def test_the_number_of_rounds_and_the_time_limit_make_nothing_unlike(side, rounds, cell):
    a = side(rounds(cell(), STEADY))
    b = side(rounds(cell(rules=Protocol(rounds=10, timeout_s=5)), STEADY), "B")

    assert compare(a, b).unlike == {}


def test_where_both_sides_have_both_precisions_like_is_compared_with_like(side, rounds, cell):
    both = [cell(), cell(precision=Precision.BF16)]
    a = side([one for of in both for one in rounds(of, STEADY)])
    b = side([one for of in both for one in rounds(of, STEADY)], "B")

    assert compare(a, b).unlike == {}
    assert len(compare(a, b).cells) == 2


def test_cells_measured_on_two_machines_are_compared_machine_by_machine(side, rounds, cell):
    both = [cell(machine="m1"), cell(machine="m2")]
    a, b = (side([one for of in both for one in rounds(of, STEADY)], word) for word in "AB")

    assert [one.a.member.cell.machine for one in compare(a, b).cells] == ["m1", "m2"]


def test_two_arms_measured_in_turn_may_be_as_unlike_as_they_are(side, rounds, cell):
    a = side(rounds(cell(), STEADY))
    b = side(rounds(cell(backend="compile", precision=Precision.BF16), STEADY), "B")

    assert compare(a, b, paired=True).unlike == {}


def test_nothing_in_common_names_what_either_side_has(side, rounds, cell):
    a, b = side(rounds(cell(), STEADY), "main"), side(rounds(cell(backend="compile"), STEADY), "branch")

    with pytest.raises(UsageError, match="nothing in common") as refused:
        compare(a, b)

    assert refused.value.when == "A (main): backend=eager. B (branch): backend=compile"
    assert "--now" in refused.value.now


def test_a_side_without_measurements_is_named(side, rounds, cell):
    with pytest.raises(UsageError, match="B has no measurement"):
        compare(side(rounds(cell(), STEADY)), side([], "B"))


def test_without_a_value_on_both_sides_the_reason_is_given(side, rounds, cell):
    bad = {"status": Status.INVALID, "trouble": Trouble("deviation 0.3 is more than 0.001")}

    with pytest.raises(UsageError, match="no cell has a value on both sides") as refused:
        compare(side(rounds(cell(), STEADY)), side(rounds(cell(), STEADY, **bad), "B"))

    assert "deviation 0.3 is more than 0.001" in refused.value.when


@pytest.fixture
def means(rounds, cell):
    """Rounds of a table that states means only."""

    def make(medians, code=""):
        stated = {"mean_latency": Measured(0.004, "s")}
        found = rounds(cell(code=code), medians, notes=(Note("imported", "stated by a table"),))
        return [replace(one, samples={}, readings=stated) for one in found]

    return make


@pytest.mark.parametrize("metric", ["latency", "latency_p99", "mean_latency"])
def test_means_and_trials_are_told_apart_with_what_to_do(side, rounds, cell, means, metric):
    a, b = side(means(STEADY), metric=metric), side(rounds(cell(), STEADY), "B", metric=metric)

    with pytest.raises(UsageError, match="no cell has a value on both sides") as refused:
        compare(a, b, metric)

    assert "A: it holds a stated mean (mean_latency), not trials" in refused.value.when
    assert "B: it holds trials (latency), not a stated mean" in refused.value.when
    assert "a mean is not a median" in refused.value.now
    assert "--trials" in refused.value.now


def test_means_on_both_sides_are_compared_by_their_own_metric(side, means):
    with pytest.raises(UsageError) as refused:
        compare(side(means(STEADY)), side(means(STEADY), "B"))
    assert refused.value.now == "compare them by --metric mean_latency"

    a, b = (side(means(STEADY, code), code, "mean_latency") for code in "AB")
    assert compare(a, b, "mean_latency").cells[0].ratio.value == pytest.approx(1)


def test_what_somebody_else_measured_says_nothing_of_this_machine(side, rounds, cell):
    notes = (Note("imported", "stated by a table"),)
    a, b = side(rounds(cell(), STEADY, notes=notes)), side(rounds(cell(code="new"), STEADY, notes=notes), "B")
    (stated,) = detectable_lines(compare(a, b))
    (measured,) = detectable_lines(compare(side(rounds(cell(), STEADY)), side(rounds(cell(code="new"), STEADY), "B")))

    assert stated.startswith("smallest detectable slowdown with 3 and 3 rounds: ")
    assert "--aa" not in stated
    assert measured.startswith("smallest detectable slowdown on this machine with 3 and 3 rounds: ")


@pytest.mark.parametrize(
    ("metric", "told"),
    [
        ("host_memory", "host_memory is no speed"),
        ("deviation", "deviation is no speed"),
        ("latency_max", "a maximum grows with the number of trials"),
        ("latnecy", "there is no metric 'latnecy'"),
    ],
)
def test_what_is_no_speed_cannot_be_compared(side, rounds, cell, metric, told):
    both = side(rounds(cell(), STEADY)), side(rounds(cell(), STEADY), "B")

    with pytest.raises(UsageError, match=told) as refused:
        compare(*both, metric)
    assert "latency_p99" in refused.value.now


def test_a_percentile_that_the_rounds_do_not_support_has_no_value(side, rounds, cell):
    a, b = (side(rounds(cell(), STEADY), word, "latency_p99.9") for word in "AB")

    with pytest.raises(UsageError) as refused:
        compare(a, b, "latency_p99.9")
    assert "needs 2995 trials (has 301)" in refused.value.when


def test_a_percentile_is_compared_round_by_round(side, rounds, cell):
    a = side(rounds(cell(), STEADY), metric="latency_p90")
    b = side(rounds(cell(code="new"), (8.0, 8.02, 8.04)), "B", "latency_p90")

    assert compare(a, b, "latency_p90").cells[0].ratio.value == pytest.approx(2, rel=1e-3)


def test_a_reading_is_a_value_of_its_round(side, rounds, cell):
    def starts(of, seconds):
        return [
            replace(one, readings={"cold_start": Measured(value, "s")})
            for one, value in zip(rounds(of, STEADY), seconds, strict=True)
        ]

    a = side(starts(cell(), (1.0, 1.01, 1.02)), metric="cold_start")
    b = side(starts(cell(), (3.0, 3.03, 3.06)), "B", "cold_start")

    assert compare(a, b, "cold_start").cells[0].ratio.value == pytest.approx(3)


@pytest.mark.parametrize(("bad", "told"), [(0.0, "read 0"), (-1.0, "read -1"), (float("nan"), "read nan")])
def test_a_reading_that_cannot_be_gives_no_value(side, rounds, cell, bad, told):
    ones = [replace(one, readings={"cold_start": Measured(bad, "s")}) for one in rounds(cell(), STEADY)]

    with pytest.raises(UsageError) as refused:
        compare(*(side(ones, word, "cold_start") for word in "AB"), "cold_start")
    assert told in refused.value.when


def kinds(found):
    return [note.kind for note in found.notes]


def test_rounds_measured_one_after_another_are_pointed_out_with_the_remedy(side, rounds, cell):
    a = side(rounds(cell(), STEADY))
    b = side(rounds(cell(code="new"), STEADY, minutes=180), "B")

    (note,) = (one for one in compare(a, b).notes if one.kind == "one-after-another")

    assert "B after A, 3 h" in note.text or "B after A, 179 min" in note.text
    assert "--now" in note.now


def test_rounds_that_interleave_are_not(side, rounds, cell):
    a, b = side(rounds(cell(), STEADY)), side(rounds(cell(code="new"), STEADY, minutes=0.1), "B")

    assert "one-after-another" not in kinds(compare(a, b))


def test_of_imported_rounds_nobody_knows_when_they_were_measured(side, rounds, cell):
    notes = (Note("imported", "stated by a table"),)
    a = side(rounds(cell(), STEADY, notes=notes))
    b = side(rounds(cell(code="new"), STEADY, minutes=180, notes=notes), "B")

    assert "one-after-another" not in kinds(compare(a, b))


def test_too_few_rounds_are_pointed_out(side, rounds, cell):
    a, b = side(rounds(cell(), (4.0, 4.1))), side(rounds(cell(code="new"), STEADY), "B")
    found = compare(a, b)

    assert "too-few-rounds" in kinds(found)
    assert found.cells[0].ratio.verdict is Verdict.INCONCLUSIVE
    assert found.cells[0].ratio.low is None


def test_the_same_versions_on_both_sides_are_pointed_out(side, rounds, cell):
    a, b = side(rounds(cell(), STEADY)), side(rounds(cell(), STEADY), "B")

    assert "same-versions" in kinds(compare(a, b))


def test_warnings_of_the_measurements_are_passed_on(side, rounds, cell):
    notes = (Note("steal", "the hypervisor took time"), Note("governor", "slow", Severity.INFO))
    a = side(rounds(cell(), STEADY, notes=notes))
    found = compare(a, side(rounds(cell(code="new"), STEADY), "B"))

    (note,) = (one for one in found.notes if one.kind == "warned-rounds")
    assert "A: steal in 3 rounds" in note.text
    assert "governor" not in note.text
