"""Growth, inversions and the cost of batch over grids whose law is known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_grids import LSTM, planted, row, without_rounds

from stopwatt.analyse.grid import arrange
from stopwatt.analyse.scaling import Course, scaling_of
from stopwatt.analyse.steps import size_axes
from stopwatt.records import Status

SIZES = {"hidden": (32, 64, 128, 256, 512, 1024)}
BATCHES = (1, 2, 4, 8, 16)


def power_law(layers=1, hidden=1, seq=1, batch=1, **_):
    return 1e-7 * layers * hidden**1.4 * seq * batch**0.5


def off_at_200(hidden, **where):
    return power_law(hidden=hidden, **where) * (1.6 if hidden == 200 else 1)


def kinked(hidden, layers=1, **_):
    return 1e-5 * layers * (hidden / 128) ** (0.3 if hidden <= 128 else 1.5)


def fixed_and_work(hidden, layers=1, **_):
    return 2e-4 + 1e-8 * layers * hidden**2


def lines_along(scaling, name):
    return [growth for growth in scaling.growths if growth.line.axis.name == name]


# growth


def test_the_exponent_of_every_axis_is_found_with_its_interval():
    scaling = scaling_of(planted(power_law))

    assert len(scaling.growths) == 3 * 16
    for name, truth in {"layers": 1.0, "hidden": 1.4, "seq": 1.0}.items():
        found = lines_along(scaling, name)
        assert np.mean([growth.low <= truth <= growth.high for growth in found]) >= 0.85
        assert all(growth.exponent == pytest.approx(truth, abs=0.05) for growth in found)
        assert all(growth.course is Course.POWER_LAW and growth.kinks == () for growth in found)


def test_values_without_rounds_have_an_exponent_and_no_interval():
    for growth in scaling_of(planted(power_law, single=True)).growths:
        assert (growth.low, growth.high) == (None, None)
        assert 0.8 < growth.exponent < 1.6


def test_means_of_somebody_else_grow_too():
    grid = planted(power_law, SIZES, single=True, metric="mean_latency")
    (growth,) = scaling_of(grid).growths
    assert growth.metric == "mean_latency"
    assert growth.exponent == pytest.approx(1.4, abs=0.02)


def test_latencies_that_mean_different_things_are_never_on_one_line():
    rows = [row([size * 1e-6] * 3, hidden=size) for size in (64, 128)]
    rows += [row(size * 3e-6, hidden=size, metric="mean_latency") for size in (256, 512)]
    scaling = scaling_of(arrange(rows))

    assert {growth.metric: len(growth.line.points) for growth in scaling.growths} == {"latency": 2, "mean_latency": 2}
    assert [(step.small.where["hidden"], step.large.where["hidden"]) for step in scaling.steps] == [
        (64, 128),
        (256, 512),
    ]


def test_failed_cells_leave_their_lines_shorter():
    rows = [row([] if size == 256 else [size * 1e-6] * 3, hidden=size) for size in (64, 128, 256, 512)]
    (growth,) = scaling_of(arrange(rows)).growths
    assert [point.where["hidden"] for point in growth.line.points] == [64, 128, 512]
    assert growth.exponent == pytest.approx(1)


def test_a_point_with_a_lost_round_does_not_cost_the_line_its_interval():
    grid = planted(power_law, SIZES, rounds=4)
    lost = replace(grid.points[2].row, round_medians=grid.points[2].row.round_medians[:1])
    (growth,) = scaling_of(
        arrange([lost if point.row.cell == lost.cell else point.row for point in grid.points])
    ).growths
    assert growth.low < 1.4 < growth.high
    assert [point.where["hidden"] for point in growth.line.points] == [32, 64, 256, 512, 1024]


def test_a_cell_that_was_measured_again_pairs_first_with_first():
    slow, fast = [2e-6, 2.1e-6, 2.2e-6], [1e-6, 1.06e-6, 1.1e-6]
    rows = [
        replace(row(fast, hidden=64), round_medians=tuple((0, median) for median in fast)),
        replace(row(slow, hidden=128), round_medians=tuple((0, median) for median in slow)),
    ]
    (step,) = scaling_of(arrange(rows)).steps
    assert sorted(np.exp(list(step.rounds.values()))) == pytest.approx([2.1 / 1.06, 2, 2])


@pytest.mark.parametrize("values", [(0, 1, 2), (-1, 1, 2)])
def test_an_axis_with_zero_or_negative_values_has_no_exponent_but_neighbours(values):
    scaling = scaling_of(arrange([row([1e-3 + place] * 3, step=value) for place, value in enumerate(values)]))
    assert scaling.growths == ()
    assert len(scaling.steps) == 2


@pytest.mark.parametrize("rows", [[], [row([1e-3] * 3)], [row([]), row([], hidden=2)]])
def test_where_nothing_varies_or_nothing_worked_there_is_nothing_to_say(rows):
    scaling = scaling_of(arrange(rows))
    assert (scaling.growths, scaling.inversions, scaling.batches, scaling.steps) == ((), (), (), ())


def test_rounds_that_do_not_differ_at_all_give_no_interval():
    (growth,) = scaling_of(arrange([row([size * 1e-6] * 3, hidden=size) for size in (64, 128, 256)])).growths
    assert (growth.low, growth.high) == (None, None)
    assert growth.course is Course.POWER_LAW


# kinks and bends


def test_a_planted_kink_is_found_in_every_line_with_the_slopes_around_it():
    scaling = scaling_of(planted(kinked, SIZES | {"layers": (1, 2, 3, 4)}))

    for growth in lines_along(scaling, "hidden"):
        assert growth.course is Course.KINKED
        assert growth.kinks == (128.0,)
        before, after = growth.segments
        assert (before.start, before.stop, after.start, after.stop) == (32, 128, 128, 1024)
        assert before.low < 0.3 + 0.05
        assert before.exponent == pytest.approx(0.3, abs=0.05)
        assert after.exponent == pytest.approx(1.5, abs=0.05)


def test_a_fixed_cost_bends_a_line_and_is_no_kink():
    scaling = scaling_of(planted(fixed_and_work, SIZES | {"layers": (1, 2, 3, 4)}))

    for growth in lines_along(scaling, "hidden"):
        assert (growth.course, growth.kinks) == (Course.BENT, ())
        first, last = growth.segments
        assert first.exponent < 0.7
        assert last.exponent > 1.5


def test_three_points_may_bend_but_cannot_show_a_kink():
    found = scaling_of(planted(kinked, {"hidden": (64, 128, 256), "layers": (1, 2, 3, 4)}))
    assert {growth.course for growth in lines_along(found, "hidden")} == {Course.BENT}


def test_lines_of_single_values_show_together_what_none_shows_alone():
    grid = planted(off_at_200, single=True, noise=0.02)
    found = lines_along(scaling_of(grid), "hidden")
    alone = lines_along(
        scaling_of(arrange([p.row for p in grid.points if (p.where["layers"], p.where["seq"]) == (1, 64)])), "hidden"
    )

    assert np.mean([growth.course is Course.KINKED for growth in found]) >= 0.9
    assert {growth.low for growth in found} == {None}
    assert [growth.course for growth in alone] == [Course.POWER_LAW]


def test_a_long_line_of_single_values_shows_its_kink():
    sizes = tuple(2**power for power in range(4, 14))
    (growth,) = scaling_of(planted(kinked, {"hidden": sizes}, single=True)).growths
    assert (growth.course, growth.kinks) == (Course.KINKED, (128.0,))


# inversions


def test_an_inversion_is_found_at_every_place_that_has_it():
    scaling = scaling_of(planted(off_at_200))

    assert {(one.axis, one.small.where["hidden"], one.large.where["hidden"]) for one in scaling.inversions} == {
        ("hidden", 200, 256)
    }
    assert len(scaling.inversions) == 16
    truth = off_at_200(256) / off_at_200(200)
    assert all(one.shown and one.low < one.ratio < one.high < 1 for one in scaling.inversions)
    assert np.mean([one.low <= truth <= one.high for one in scaling.inversions]) >= 0.85


def test_one_inversion_in_a_whole_grid_is_found_and_no_other():
    def law(layers, hidden, seq):
        return power_law(layers, hidden, seq) * (3.0 if (layers, hidden, seq) == (2, 128, 128) else 1)

    found = scaling_of(planted(law)).inversions
    assert {(one.axis, one.small.where["layers"], one.small.where["seq"]) for one in found if one.shown} == {
        ("layers", 2, 128), ("hidden", 2, 128), ("seq", 2, 128),
    }  # fmt: skip


def test_without_rounds_what_is_faster_by_more_than_the_margin_is_suggested():
    found = scaling_of(planted(off_at_200, single=True)).inversions
    assert len(found) == 16
    assert not any(one.shown for one in found)
    assert {(one.low, one.high) for one in found} == {(None, None)}


@pytest.mark.parametrize("rounds", [1, 2])
def test_one_or_two_rounds_show_nothing(rounds):
    scaling = scaling_of(planted(off_at_200, rounds=rounds))
    assert len(scaling.inversions) == 16
    assert not any(one.shown for one in scaling.inversions)
    assert {growth.low for growth in scaling.growths} == {None}


def test_ties_are_no_inversions():
    assert scaling_of(planted(lambda **_: 1e-3, noise=0.0)).inversions == ()
    assert scaling_of(planted(lambda **_: 1e-3, noise=0.0, single=True, state=0.0)).inversions == ()


def test_more_threads_are_no_larger_problem_and_neither_is_what_makes_most_cells_faster():
    grid = planted(lambda threads, cores, hidden: hidden / threads / cores, {
        "threads": (1, 2), "cores": (1, 2, 4), "hidden": (1, 2),
    })  # fmt: skip
    scaling = scaling_of(grid)
    assert size_axes(scaling.steps) == {"hidden"}
    assert scaling.inversions == ()
    assert {growth.line.axis.name: round(growth.exponent) for growth in scaling.growths} == {
        "threads": -1, "cores": -1, "hidden": 1,
    }  # fmt: skip


# the cost of batch


def test_fixed_and_marginal_cost_knee_and_best_batch_are_those_planted():
    grid = planted(lambda batch, layers: layers * (4e-3 + 1e-3 * batch), {"batch": BATCHES, "layers": (1, 2)}, rounds=6)

    for cost in scaling_of(grid).batches:
        layers = cost.line.fixed["layers"]
        assert cost.fixed_low < layers * 4e-3 < cost.fixed_high
        assert cost.marginal_low < layers * 1e-3 < cost.marginal_high
        assert cost.error < 0.03
        assert (cost.best, cost.knee, cost.smallest) == (16, 16, 1)
        assert cost.gain_low < 16 * 5 / 20 < cost.gain_high
        assert cost.cost == pytest.approx(4, rel=0.05)


def test_a_batch_that_saturates_has_its_knee_before_the_largest():
    latency = {1: 1.0, 2: 1.02, 4: 1.1, 8: 2.1, 16: 4.1}
    (cost,) = scaling_of(planted(lambda batch: latency[batch], {"batch": BATCHES})).batches
    assert cost.knee == 4
    assert cost.gain == pytest.approx(4 / 1.1, rel=0.03)


def test_a_bound_of_latency_chooses_a_batch_or_none():
    grid = planted(lambda batch, layers: layers * (1 + batch), {"batch": BATCHES, "layers": (1, 5)})
    found = {cost.line.fixed["layers"]: cost.within for cost in scaling_of(grid, within_s=6).batches}
    assert found == {1: 4, 5: None}


def test_a_batch_that_changes_with_another_size_has_no_cost_of_its_own():
    rows = [row([batch * 1e-3] * 3, batch=batch, seq=64 * batch) for batch in (1, 2, 4)]
    assert scaling_of(arrange(rows)).batches == ()


def test_a_batch_without_rounds_has_a_model_without_intervals():
    (cost,) = scaling_of(planted(lambda batch: 4e-3 + 1e-3 * batch, {"batch": BATCHES}, single=True, noise=0.0)).batches
    assert (cost.fixed_s, cost.fixed_low) == (pytest.approx(4e-3, rel=0.1), None)
    assert (cost.gain_low, cost.gain_high) == (None, None)


# what holds whatever the law


@settings(max_examples=15, deadline=None)
@given(st.floats(1e-3, 1e3), st.integers(0, 1000))
def test_another_unit_changes_no_exponent_no_inversion_and_no_knee(factor, seed):
    axes = {"hidden": (64, 200, 256), "batch": (1, 2, 4)}

    def law(hidden, batch):
        return hidden * (1 + batch / 3) * (1.5 if hidden == 200 else 1)

    one, other = (
        scaling_of(planted(lambda scale=scale, **where: scale * law(**where), axes, seed=seed))
        for scale in (1e-4, 1e-4 * factor)
    )
    assert [g.exponent for g in one.growths] == pytest.approx([g.exponent for g in other.growths], abs=1e-9)
    assert [(g.course, g.kinks) for g in one.growths] == [(g.course, g.kinks) for g in other.growths]
    assert [i.ratio for i in one.inversions] == pytest.approx([i.ratio for i in other.inversions])
    assert [i.shown for i in one.inversions] == [i.shown for i in other.inversions]
    assert [b.knee for b in one.batches] == [b.knee for b in other.batches]


@settings(max_examples=15, deadline=None)
@given(
    st.sets(st.tuples(st.sampled_from(LSTM["layers"]), st.sampled_from(LSTM["hidden"]), st.sampled_from(LSTM["seq"])))
)
def test_a_grid_with_any_holes_is_described(holes):
    scaling = scaling_of(planted(off_at_200, drop=holes))
    for growth in scaling.growths:
        assert len(growth.line.points) > 1
        assert growth.low is None or growth.low < growth.exponent < growth.high


# no more is claimed than is there


def shown_of(scaling):
    return any(one.shown for one in scaling.inversions) or any(
        growth.course is not Course.POWER_LAW for growth in scaling.growths
    )


@pytest.mark.parametrize("law", [power_law, lambda **_: 1e-3], ids=["power law", "flat"])
def test_a_noisy_power_law_shows_neither_kink_nor_inversion(law):
    found = [shown_of(scaling_of(planted(law, noise=0.02, seed=seed))) for seed in range(40)]
    assert np.mean(found) <= 0.05


def test_single_values_of_a_noisy_power_law_have_no_kink():
    courses = [
        growth.course
        for seed in range(40)
        for growth in scaling_of(planted(power_law, noise=0.02, seed=seed, single=True)).growths
    ]
    assert np.mean([course is not Course.POWER_LAW for course in courses]) <= 0.01


def test_cells_far_noisier_than_the_rest_are_not_taken_for_inversions():
    shown = []
    for seed in range(40):
        dice = np.random.default_rng(seed)
        grid = planted(lambda **_: 1e-3, seed=seed)
        noisy = [
            replace(
                point.row,
                round_medians=tuple((n, m * np.exp(dice.normal(0, 0.05))) for n, m in point.row.round_medians),
            )
            if dice.random() < 0.05
            else point.row
            for point in grid.points
        ]
        shown.append(any(one.shown for one in scaling_of(arrange(noisy)).inversions))
    assert np.mean(shown) <= 0.07


def test_rounds_that_nobody_kept_are_values_without_intervals():
    scaling = scaling_of(without_rounds(planted(off_at_200)))
    assert not any(one.shown for one in scaling.inversions)
    assert {growth.low for growth in scaling.growths} == {None}


def test_a_row_that_is_not_ok_is_not_compared_whatever_it_holds():
    rows = [row([1e-3] * 3, hidden=64), replace(row([9e-4] * 3, hidden=128), status=Status.INVALID)]
    assert scaling_of(arrange(rows)).steps == ()
