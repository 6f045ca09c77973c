from dataclasses import replace

import pytest

from stopwatt.analyse.summary import summarise
from stopwatt.records import Precision, Protocol, Status, Trouble
from stopwatt.stats.ratios import Verdict

NO_REFERENCE = "no fp32 eager row of the same workload, batch, device and threads"


def speedups(measurements):
    return {row.cell.setup.backend: row.speedup for row in summarise(measurements)}


def test_speedup_is_the_ratio_of_medians_paired_by_round(rounds):
    found = speedups(rounds([4.0, 4.4, 4.2]) + rounds([2.0, 2.2, 2.101], backend="compile"))

    assert found["compile"].value == pytest.approx((2 * 2 * 4.2 / 2.101) ** (1 / 3), rel=1e-12)
    assert found["compile"].low < found["compile"].value < found["compile"].high
    assert found["compile"].verdict is Verdict.FASTER
    assert found["compile"].rounds == 3


def test_the_order_in_which_rounds_arrive_does_not_matter(rounds):
    measurements = rounds([4.0, 4.4, 4.2]) + rounds([2.0, 2.2, 2.101], backend="compile")

    assert speedups(measurements[::-1]) == speedups(measurements)


def test_the_reference_is_not_compared_with_itself(rounds):
    reference = speedups(rounds([4.0, 4.4, 4.2]))["eager"]

    assert (reference.value, reference.verdict, reference.why) == (None, None, "this is the reference")


@pytest.mark.parametrize(
    "other",
    [
        {"batch": 8},
        {"threads": 2},
        {"device": "cuda"},
        {"workload": "lstm"},
        {"params": {"hidden": 16}},
        {"machine": "elsewhere"},
        {"precision": Precision.BF16},
        {"variant": "special"},
        {"protocol": Protocol(trials=1000)},
    ],
)
def test_only_like_is_compared_with_like(rounds, other):
    reference = rounds([4.0, 4.4, 4.2], **other)

    found = speedups(reference + rounds([2.0, 2.2, 2.1], backend="compile"))

    assert found["compile"].value is None
    assert found["compile"].why == NO_REFERENCE


def test_the_number_of_rounds_asked_for_does_not_make_another_kind(rounds):
    more = replace(Protocol(), rounds=10, timeout_s=5)

    found = speedups(rounds([4.0, 4.4, 4.2], protocol=more) + rounds([2.0, 2.2, 2.1], backend="compile"))

    assert found["compile"].value == pytest.approx(2)


def test_only_rounds_that_both_have_are_compared(rounds):
    reference, other = rounds([4.0, 4.4, 4.2, 4.1]), rounds([9.0, 2.2, 2.1, 2.051], backend="compile")

    found = speedups(reference[1:] + other)

    assert found["compile"].rounds == 3
    assert found["compile"].verdict is Verdict.FASTER


def test_cells_measured_again_pair_first_with_first(rounds):
    reference = rounds([4.0]) + rounds([8.0]) + rounds([6.0])
    other = rounds([2.0], backend="compile") + rounds([4.001], backend="compile") + rounds([3.0], backend="compile")

    found = speedups(reference + other)

    assert found["compile"].rounds == 3
    assert found["compile"].value == pytest.approx(2, rel=1e-3)


def test_a_failed_row_and_a_failed_reference_say_so(rounds, measurement):
    crash = {"status": Status.CRASHED, "trouble": Trouble("died of SIGSEGV")}
    other = rounds([2.0, 2.2, 2.1], backend="compile")

    assert speedups([*other, measurement(0, **crash)])["compile"].why == "the fp32 eager row is crashed"
    assert speedups([*rounds([4.0]), measurement(0, backend="aoti", **crash)])["aoti"].why == (
        "nothing to compare: crashed"
    )


def test_a_reference_whose_trials_were_rejected_gives_no_round_in_common(rounds, measurement):
    found = speedups([measurement(0, [5.0, 0.0]), *rounds([2.0, 2.2, 2.1], backend="compile")])

    assert found["compile"].value is None
    assert found["compile"].why == "no round in common"


def test_verdicts_against_one_reference_hold_together(rounds):
    reference = rounds([4.0, 4.0, 4.0])
    weak = rounds([4 * 0.974, 4 * 0.955, 4 * 0.96], backend="compile")
    vague = [one for b in range(5) for one in rounds([4.4, 3.6, 4.0], backend=f"other{b}")]

    assert speedups(reference + weak)["compile"].verdict is Verdict.FASTER
    assert speedups(reference + weak + vague)["compile"].verdict is Verdict.INCONCLUSIVE


def test_further_batches_in_the_same_command_do_not_weaken_a_verdict(rounds):
    pair = rounds([4.0, 4.1, 4.2]) + rounds([2.0, 2.06, 2.09], backend="compile")
    others = [
        one
        for batch in range(2, 40)
        for one in rounds([4.0, 4.1, 4.2], batch=batch) + rounds([3.9, 4.2, 4.1], batch=batch, backend="compile")
    ]

    (alone,) = (row.speedup for row in summarise(pair) if row.cell.setup.backend == "compile")
    (among,) = (
        row.speedup
        for row in summarise(pair + others)
        if row.cell.setup.backend == "compile" and row.cell.setup.batch == 1
    )

    assert alone == among
    assert str(alone.verdict) == "faster"
