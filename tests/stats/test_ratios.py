import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from stopwatt.stats.ratios import MARGIN, Ratio, Verdict, compare_rounds, compare_sets, holm, judge_family

JITTER = np.array([0.999, 1.0, 1.001])


@pytest.mark.parametrize(
    ("speedup", "verdict"),
    [
        (2.0, Verdict.FASTER),
        (1.04, Verdict.FASTER),
        (1.02, Verdict.FASTER),
        (1.0, Verdict.EQUIVALENT),
        (1.01, Verdict.EQUIVALENT),
        (0.98, Verdict.SLOWER),
        (0.95, Verdict.SLOWER),
        (0.5, Verdict.SLOWER),
    ],
)
def test_the_verdict_follows_from_where_the_interval_lies(speedup, verdict):
    ratio = compare_rounds(np.ones(3), JITTER / speedup)

    assert ratio.value == pytest.approx(speedup, rel=1e-6)
    assert ratio.low < ratio.value < ratio.high
    assert ratio.verdict is verdict


@given(
    st.lists(st.tuples(st.floats(0.5, 2), st.floats(0.5, 2)), min_size=3, max_size=8),
    st.floats(0.001, 0.5),
)
def test_verdict_and_interval_never_contradict_each_other(pairs, margin):
    base, other = np.array(pairs).T
    ratio = compare_rounds(base, other, margin=margin)

    if ratio.p is not None:
        inside = ratio.low > 1 / (1 + margin) and ratio.high < 1 + margin
        read = (
            Verdict.EQUIVALENT
            if inside
            else Verdict.FASTER
            if ratio.low > 1
            else Verdict.SLOWER
            if ratio.high < 1
            else Verdict.INCONCLUSIVE
        )
        ends = (1 / (1 + margin), 1.0, 1 + margin)
        near = min(abs(bound - end) for bound in (ratio.low, ratio.high) for end in ends) < 1e-9
        assert ratio.verdict is read or near


def test_an_effect_that_is_shown_but_does_not_matter_is_equivalent():
    ratio = compare_rounds(np.ones(3), JITTER * 1.008)

    assert ratio.high < 1
    assert ratio.verdict is Verdict.EQUIVALENT


def test_an_effect_that_may_matter_is_shown_although_its_interval_begins_within_the_margin():
    ratio = compare_rounds(np.ones(3), np.array([1.02, 1.024, 1.028]))

    assert 1 / (1 + MARGIN) < ratio.high < 1
    assert ratio.verdict is Verdict.SLOWER


def test_an_interval_that_holds_1_and_reaches_beyond_the_margin_is_inconclusive_and_says_so():
    ratio = compare_rounds(np.ones(3), np.array([0.98, 1.03, 1.0]))

    assert ratio.verdict is Verdict.INCONCLUSIVE
    assert ratio.why == "the interval holds 1 and reaches beyond the margin of 2.0%"


@given(st.lists(st.tuples(st.floats(0.5, 2), st.floats(0.5, 2)), min_size=3, max_size=8))
def test_swapping_the_two_turns_the_ratio_over(pairs):
    base, other = np.array(pairs).T
    there, back = compare_rounds(base, other), compare_rounds(other, base)
    opposite = {Verdict.FASTER: Verdict.SLOWER, Verdict.SLOWER: Verdict.FASTER}

    assert back.value == pytest.approx(1 / there.value)
    if there.p is not None and abs(there.p - 0.05) > 1e-6:
        assert back.verdict is opposite.get(there.verdict, there.verdict)


def test_interval_and_p_value_are_those_of_paired_t_tests_on_logarithms():
    base, other = np.array([10.0, 11.0, 12.5, 10.4]), np.array([9.0, 9.8, 11.6, 9.1])
    ratio = compare_rounds(base, other, margin=0.02)
    oracle = scipy.stats.ttest_rel(np.log(base), np.log(other)).confidence_interval(0.95)

    assert ratio.low == pytest.approx(math.exp(oracle.low))
    assert ratio.high == pytest.approx(math.exp(oracle.high))
    assert ratio.p == pytest.approx(scipy.stats.ttest_rel(np.log(base), np.log(other)).pvalue)


def test_an_equivalence_has_the_p_value_of_two_one_sided_tests():
    logs = np.array([0.001, -0.002, 0.0015, 0.0005])
    one_sided = [
        scipy.stats.ttest_1samp(logs, math.log(1.02), alternative="less").pvalue,
        scipy.stats.ttest_1samp(logs, -math.log(1.02), alternative="greater").pvalue,
    ]

    ratio = compare_rounds(np.exp(logs), np.ones(4))

    assert ratio.verdict is Verdict.EQUIVALENT
    assert ratio.p == pytest.approx(2 * max(one_sided))


def test_rounds_that_do_not_pair_are_compared_by_welchs_test():
    base, other = np.array([10.0, 11.0, 12.5, 10.4]), np.array([9.0, 9.8, 11.6])
    oracle = scipy.stats.ttest_ind(np.log(base), np.log(other), equal_var=False)

    ratio = compare_sets(base, other)

    assert ratio.low == pytest.approx(math.exp(oracle.confidence_interval(0.95).low))
    assert ratio.high == pytest.approx(math.exp(oracle.confidence_interval(0.95).high))
    assert ratio.p == pytest.approx(oracle.pvalue)
    assert ratio.rounds == 3


def test_sets_of_too_few_rounds_have_a_ratio_without_interval():
    ratio = compare_sets(np.array([2.0, 2.1, 2.2]), np.array([1.0, 1.1]))

    assert ratio.value == pytest.approx(2, rel=0.02)
    assert (ratio.low, ratio.verdict) == (None, Verdict.INCONCLUSIVE)
    assert ratio.why == "no interval: needs 3 rounds of each (has 3 and 2)"


def test_an_empty_set_gives_no_ratio():
    assert compare_sets(np.array([]), np.ones(3)) == Ratio(why="no round to compare")


def test_sets_without_any_spread_give_no_interval_of_width_zero():
    ratio = compare_sets(np.full(3, 2.0), np.full(3, 1.0))

    assert (ratio.value, ratio.low, ratio.verdict) == (2.0, None, Verdict.INCONCLUSIVE)
    assert "gave their set's value" in ratio.why


def test_pairing_removes_what_both_had_in_common():
    weather = np.array([1.0, 1.5, 0.7, 1.2, 0.9])
    noise = np.array([1.0, 1.001, 0.999, 1.0005, 0.9995])

    assert compare_rounds(weather, weather * noise / 1.05).verdict is Verdict.FASTER


def test_nothing_in_common_gives_no_ratio():
    assert compare_rounds(np.array([]), np.array([])) == Ratio(why="no round in common")


@pytest.mark.parametrize("rounds", [1, 2])
def test_too_few_rounds_give_a_value_without_interval_or_verdict(rounds):
    ratio = compare_rounds(np.full(rounds, 2.0), np.full(rounds, 1.0))

    assert ratio.value == 2.0
    assert ratio.low is None
    assert ratio.verdict is Verdict.INCONCLUSIVE
    assert ratio.why == f"no interval: needs 3 rounds (has {rounds})"


def test_equal_ratios_give_no_interval_of_width_zero():
    ratio = compare_rounds(np.full(3, 2.0), np.full(3, 1.0))

    assert (ratio.value, ratio.low, ratio.verdict) == (2.0, None, Verdict.INCONCLUSIVE)
    assert "same value" in ratio.why


def test_rounds_that_do_not_pair_are_refused():
    with pytest.raises(ValueError, match="3 rounds do not pair with 2"):
        compare_rounds(np.ones(3), np.ones(2))


def test_holms_adjustment_is_that_of_the_textbook():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_keeps_the_order_and_never_makes_a_p_value_smaller(p_values):
    adjusted = holm(p_values)

    assert all(after >= before for before, after in zip(p_values, adjusted, strict=True))
    assert max(adjusted) <= 1
    ordered = sorted(zip(p_values, adjusted, strict=True))
    assert [after for _, after in ordered] == sorted(after for _, after in ordered)


def test_a_family_takes_back_a_verdict_that_chance_could_have_given():
    weak = compare_rounds(np.ones(3), np.array([0.974, 0.955, 0.96]))
    blank = compare_rounds(np.ones(3), np.array([1.1, 0.9, 1.0]))
    assert weak.verdict is Verdict.FASTER

    alone = judge_family([weak])
    judged = judge_family([weak] + [blank] * 5)

    assert alone[0].verdict is Verdict.FASTER
    assert judged[0].verdict is Verdict.INCONCLUSIVE
    assert judged[0].why == "decided alone, but not among 6 comparisons (Holm)"
    assert (judged[0].low, judged[0].high) == (weak.low, weak.high)


def test_what_was_not_tested_does_not_count_as_family():
    clear = compare_rounds(np.ones(3), np.array([0.965, 0.955, 0.96]))
    nothing = Ratio(why="this is the reference")

    assert judge_family([nothing] * 20 + [clear]) == [nothing] * 20 + [clear]


def test_members_shown_beyond_the_margin_leave_the_family_to_the_others():
    weak = compare_rounds(np.ones(3), np.array([0.974, 0.955, 0.96]))
    clear = compare_rounds(np.ones(3), 0.5 * JITTER)
    blank = compare_rounds(np.ones(3), np.array([1.1, 0.9, 1.0]))

    assert judge_family([weak, *[blank] * 4])[0].verdict is Verdict.INCONCLUSIVE
    assert judge_family([weak, *[clear] * 4])[0].verdict is Verdict.FASTER


def test_a_family_never_turns_an_equivalence_into_a_difference():
    precise = compare_rounds(np.ones(10), 1.015 + 0.006 * np.linspace(-1, 1, 10))
    assert precise.verdict is Verdict.EQUIVALENT
    assert precise.claims.different < 0.05 / 40 < precise.claims.equivalent

    judged = judge_family([precise, *[compare_rounds(np.ones(3), np.array([1.1, 0.9, 1.0]))] * 39])

    assert judged[0].verdict is Verdict.INCONCLUSIVE


@given(
    st.lists(st.lists(st.floats(0.9, 1.1), min_size=3, max_size=3, unique=True), min_size=1, max_size=6),
)
def test_a_family_makes_no_verdict_that_its_members_do_not_make_alone(families):
    alone = [compare_rounds(np.ones(3), np.array(times)) for times in families]

    for before, after in zip(alone, judge_family(alone), strict=True):
        assert after.verdict in {before.verdict, Verdict.INCONCLUSIVE}
        assert after.p is None or after.p >= before.p


def wrong_verdicts(true_logs, sds, rounds, seed, families=2000):
    """Share of families in which any verdict is wrong; the base is 1 in all rounds."""
    generator = np.random.default_rng(seed)
    wrong = 0
    for _ in range(families):
        drawn = generator.normal(true_logs, sds, size=(rounds, len(sds)))
        ratios = judge_family([compare_rounds(np.exp(logs), np.ones(rounds)) for logs in drawn.T])
        wrong += any(is_wrong(ratio.verdict, true) for ratio, true in zip(ratios, true_logs, strict=True))
    return wrong / families


def is_wrong(verdict, true_log):
    match verdict:
        case Verdict.EQUIVALENT:
            return abs(true_log) >= math.log1p(MARGIN)
        case Verdict.FASTER:
            return true_log <= 0
        case Verdict.SLOWER:
            return true_log >= 0
    return False


EDGE = math.log1p(MARGIN)
LIMIT = 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2000)


@pytest.mark.parametrize(
    ("true_logs", "sds"),
    [
        pytest.param([0.0] * 4, [0.05] * 4, id="nothing differs"),
        pytest.param([0.0] * 4, [0.0095] * 4, id="nothing differs, and equivalence can just be shown"),
        pytest.param([EDGE] * 4, [0.001] * 4, id="all lie on the margin, measured well"),
        pytest.param([EDGE] * 3 + [0.0], [0.0005] * 3 + [0.3], id="three on the margin, one equal and vague"),
        pytest.param([0.0] * 3 + [EDGE], [0.009] * 3 + [0.0005], id="three equal, one on the margin"),
        pytest.param([0.5] * 2 + [0.0] * 2, [0.02] * 2 + [0.05] * 2, id="two far away, two equal"),
    ],
)
def test_any_wrong_verdict_in_a_family_is_rare_whatever_is_true(true_logs, sds):
    assert wrong_verdicts(true_logs, sds, rounds=10, seed=3) <= LIMIT
