import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from stopwatt.stats.ratios import Ratio, Verdict, compare_rounds, holm, judge_family

JITTER = np.array([0.999, 1.0, 1.001])


@pytest.mark.parametrize(
    ("speedup", "verdict"),
    [
        (2.0, Verdict.FASTER),
        (1.04, Verdict.FASTER),
        (1.02, Verdict.INCONCLUSIVE),
        (1.0, Verdict.EQUIVALENT),
        (1.01, Verdict.EQUIVALENT),
        (0.98, Verdict.INCONCLUSIVE),
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
        top, bottom = 1 + margin, 1 / (1 + margin)
        expected = {
            Verdict.FASTER: ratio.low > top - 1e-9,
            Verdict.SLOWER: ratio.high < bottom + 1e-9,
            Verdict.EQUIVALENT: ratio.low > bottom - 1e-9 and ratio.high < top + 1e-9,
            Verdict.INCONCLUSIVE: ratio.low <= top + 1e-9 and ratio.high >= bottom - 1e-9,
        }
        assert expected[ratio.verdict]


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
    logs = np.log(base / other)

    ratio = compare_rounds(base, other, margin=0.02)
    oracle = scipy.stats.ttest_rel(np.log(base), np.log(other)).confidence_interval(0.95)

    assert ratio.low == pytest.approx(math.exp(oracle.low))
    assert ratio.high == pytest.approx(math.exp(oracle.high))
    assert ratio.p == pytest.approx(2 * scipy.stats.ttest_1samp(logs, math.log(1.02), alternative="greater").pvalue)


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
    weak = compare_rounds(np.ones(3), np.array([0.965, 0.955, 0.96]))
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


def test_false_verdicts_in_a_family_of_equal_setups_are_rare():
    generator = np.random.default_rng(11)

    def wrong():
        times = np.exp(generator.normal(scale=0.03, size=(6, 5)))
        ratios = judge_family([compare_rounds(times[0], other, margin=1e-9) for other in times[1:]])
        return any(ratio.verdict in {Verdict.FASTER, Verdict.SLOWER} for ratio in ratios)

    assert np.mean([wrong() for _ in range(1000)]) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1000)
