"""What is said of grids whose truth is known: the kinds, the sentences, and what is not said."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_grids import LSTM, analysed, planted, row, spread

from stopwatt.analyse.findings import KINDS, MOST_OF_A_KIND, find
from stopwatt.analyse.grid import arrange
from stopwatt.analyse.row import CountedNote
from stopwatt.analyse.scaling import scaling_of
from stopwatt.analyse.shape import shape_of
from stopwatt.analyse.worst import Miss, WorstCase
from stopwatt.records import Note, Severity, Status, Strength, Trouble

PLAIN = {"hidden": (64, 128, 256), "seq": (4, 8)}
BATCHES = {"batch": (1, 2, 4, 8)}


def law(layers=1, hidden=1, seq=1, **_):
    return 1e-7 * layers * hidden * seq


def off_at_200(hidden, **where):
    return law(hidden=hidden, **where) * (1.4 if hidden == 200 else 1)


def findings_of(grid, cells=None, within_s=None):
    return find(grid, cells or analysed(grid), scaling_of(grid, within_s))


def only(kind, found):
    return [one for one in found if one.kind == kind]


def the(kind, found):
    (one,) = only(kind, found)
    return one


# patterns of a grid


def test_what_no_place_shows_alone_is_said_to_be_shown_by_all_together():
    def hardly(hidden, **_):
        return 1e-4 * (0.985 if hidden == 128 else 1)

    grid = planted(hardly, {"hidden": (64, 128), "seq": tuple(range(4, 24))}, noise=0.01, state=0.0)
    one = the("inversion", findings_of(grid))
    assert "(shown only by all of them together)" in one.text
    assert one.numbers["alone"] == 0


def test_a_pattern_that_repeats_is_one_finding_with_its_count():
    grid = planted(off_at_200)
    one = the("inversion", findings_of(grid))

    assert one.text.startswith("hidden=256 is faster than hidden=200 in all 16 places: by 8.")
    assert one.text.endswith("(each place shows it by itself)")
    assert (one.count, one.of, one.strength, one.exceptions) == (16, 16, Strength.SHOWN, ())
    assert one.low < one.numbers["mean"] < one.high
    assert one.numbers["mean"] == pytest.approx(1 - 256 / 200 / 1.4, abs=0.01)
    keys = {point.row.cell.key for point in grid.points if point.where["hidden"] in (200, 256)}
    assert set(one.cells) == keys


def test_the_exceptions_of_a_pattern_are_named():
    def mostly(hidden, layers, seq):
        return law(layers, hidden, seq) * (1.4 if hidden == 200 and layers > 1 else 1)

    one = the("inversion", findings_of(planted(mostly)))
    assert (one.count, one.of) == (12, 16)
    assert "in 12 of 16 places" in one.text
    assert one.text.endswith("; not at layers=1")
    assert one.exceptions == tuple(f"layers=1, seq={seq}" for seq in LSTM["seq"])


def test_a_single_inversion_is_told_with_its_place_its_interval_and_that_it_is_the_only_one():
    def once(hidden, layers, seq):
        return law(layers, hidden, seq) * (1.4 if (hidden, layers, seq) == (200, 2, 128) else 1)

    one = the("inversion", findings_of(planted(once)))
    assert one.text.startswith("At layers=2, seq=128, hidden=256 is 8.")
    assert one.text.endswith(" faster than hidden=200: an inversion, at none of the 15 other places")
    assert 0 < one.low < 1 - 256 / 280 < one.high
    assert (one.count, one.of) == (1, 16)


def test_few_inversions_are_told_with_where_they_are():
    def some(hidden, layers, seq):
        return law(layers, hidden, seq) * (1.4 if hidden == 200 and layers == 2 else 1)

    one = the("inversion", findings_of(planted(some)))
    assert one.text.startswith("hidden=256 is faster than hidden=200 in all 4 places with layers=2: by 8.")
    assert one.text.endswith("(each place shows it by itself)")


def test_inversions_of_single_values_are_only_suggested():
    one = the("inversion", findings_of(planted(off_at_200, single=True)))
    assert (one.strength, one.low, one.high) == (Strength.SUGGESTED, None, None)
    assert "in all 16 places" in one.text


def test_single_values_that_rise_as_often_as_they_fall_are_no_inversion():
    found = [
        only("inversion", findings_of(planted(lambda **_: 1e-3, noise=0.02, single=True, state=0, seed=seed)))
        for seed in range(10)
    ]
    assert np.mean([len(one) for one in found]) <= 0.5  # of 9 pairs of neighbours


def test_a_single_value_that_stands_out_is_told_although_nobody_measured_it_twice():
    def once(hidden, layers, seq):
        return law(layers, hidden, seq) * (3.0 if (hidden, layers, seq) == (200, 2, 128) else 1)

    one = [one for one in only("inversion", findings_of(planted(once, single=True))) if "hidden=256" in one.text]
    assert [(one.count, one.of, one.strength) for one in one] == [(1, 16, Strength.SUGGESTED)]


def test_growth_is_one_sentence_for_each_axis():
    found = only("growth", findings_of(planted(lambda **where: law(**where) ** 0.5)))
    assert {one.text.split(" (")[0] for one in found} == {
        f"Latency grows as {name}^0.50" for name in ("layers", "hidden", "seq")
    }
    assert all(one.text.endswith("in all 16 lines") for one in found)


def test_growth_of_one_line_has_an_interval_with_as_many_digits_as_it_supports():
    one = the("growth", findings_of(planted(law, {"hidden": (64, 128, 256, 512)}, rounds=6)))
    assert one.low < 1 < one.high
    assert one.text.startswith("Latency grows as hidden^")
    assert "[" in one.text
    shown = one.text.split("[")[1].split(",")[0]
    assert abs(float(shown) - one.low) < one.high - one.low


def test_exponents_that_a_coordinate_explains_are_told_by_it():
    def by_backend(hidden, seq, backend):
        return 1e-6 * seq * hidden ** (0.5 if backend == "eager" else 1.0)

    grid = planted(by_backend, PLAIN | {"backend": ("eager", "openvino")})
    (hidden,) = [one for one in only("growth", findings_of(grid)) if "hidden" in one.text]
    assert "hidden^0.50 with backend=eager and hidden^1.00 with backend=openvino" in hidden.text


def test_what_a_size_does_not_change_is_said():
    grid = planted(lambda hidden, seq: 1e-3 * hidden, PLAIN)
    texts = [one.text for one in only("growth", findings_of(grid))]
    assert any(text.startswith("Latency hardly depends on seq") for text in texts)


def test_a_fixed_cost_is_told_as_a_bend():
    grid = planted(lambda hidden, layers: 2e-4 + 1e-8 * layers * hidden**2, {
        "hidden": (32, 64, 128, 256, 512), "layers": (1, 2, 3),
    })  # fmt: skip
    (one,) = [one for one in only("growth", findings_of(grid)) if " hidden " in one.text]
    assert one.text.startswith(
        "Latency grows with hidden steeper the larger it is, as a fixed cost makes it: from hidden^0"
    )


def test_sizes_that_rise_together_are_said_to():
    grid = arrange(
        [row([size * 1e-6 * x for x in (1, 1.01, 1.02)], hidden=size, batch=size // 64) for size in (64, 128)]
    )
    assert "(batch with it)" in the("growth", findings_of(grid)).text


def test_a_kink_is_told_with_the_exponents_around_it():
    def kinked(hidden, layers):
        return 1e-5 * layers * (hidden / 128) ** (0.3 if hidden <= 128 else 1.5)

    grid = planted(kinked, {"hidden": (32, 64, 128, 256, 512), "layers": (1, 2, 3)})
    one = the("kink", findings_of(grid))
    assert one.text.startswith("In all 3 lines the growth changes at hidden=128: hidden^0.")
    assert " up to 128, hidden^1." in one.text
    assert one.text.endswith(" above (medians)")
    assert one.numbers["kink_0"] == 128


def test_the_sweet_spot_is_told_with_gain_and_cost():
    latency = {1: 1.0, 2: 1.02, 4: 1.2, 8: 2.4}
    one = the("sweet-spot", findings_of(planted(lambda batch: latency[batch], BATCHES)))
    assert one.text.startswith("Batch 4 is the sweet spot: 3.3")
    assert "the samples/s of batch 1 for 1.2 x the latency" in one.text
    assert one.low < 4 / 1.2 < one.high


def test_fixed_and_marginal_cost_are_told_where_the_model_describes_the_line():
    one = the("sweet-spot", findings_of(planted(lambda batch: 4e-3 + 1e-3 * batch, BATCHES, noise=0.002)))
    assert "and it is the largest that was measured" in one.text
    assert "; a call costs " in one.text
    crooked = the("sweet-spot", findings_of(planted(lambda batch: batch**1.7, BATCHES)))
    assert "costs" not in crooked.text


def test_a_batch_that_does_not_pay_is_told():
    one = the("sweet-spot", findings_of(planted(lambda batch: batch * 1e-3, BATCHES)))
    assert one.text == "A larger batch does not pay: batch 1 gives at least 90 % of the most samples/s"


def test_sweet_spots_that_differ_are_counted():
    def by_layers(batch, layers):
        return layers * (1 if batch == 1 else 0.99 * batch if layers == 1 else 1 + batch / 100)

    grid = planted(by_layers, BATCHES | {"layers": (1, 2, 3)})
    one = the("sweet-spot", findings_of(grid))
    assert "Batch 8 is the sweet spot in 2 of 3 places" in one.text
    assert "; batch 1 in 1" in one.text


@pytest.mark.parametrize(
    ("bound", "text"),
    [
        (5e-3, "Within 5 ms, batch 4 gives the most samples/s"),
        (1e-4, "No batch answers within 100 us"),
    ],
)
def test_the_best_batch_within_a_bound_is_told(bound, text):
    grid = planted(lambda batch: 1e-3 * batch, BATCHES)
    assert the("within-bound", findings_of(grid, within_s=bound)).text == text


# setups


def test_a_backend_that_is_faster_nearly_everywhere_is_one_finding_with_its_exceptions():
    def by_backend(hidden, seq, backend):
        slow = 1.3 if (hidden, seq) == (64, 4) else 0.5
        return law(hidden=hidden, seq=seq) * (slow if backend == "onnxruntime" else 1)

    grid = planted(by_backend, {"hidden": (64, 128, 256), "seq": (4, 8, 16), "backend": ("onnxruntime", "eager")})
    one = the("setup-difference", findings_of(grid))
    assert one.text.startswith("onnxruntime is faster than eager in 8 of 9 places: 2.0 x in the median")
    assert one.text.endswith("; slower at hidden=64, seq=4, at most 1.3 x")
    assert one.low < one.numbers["mean"] < one.high
    assert one.exceptions == ("hidden=64, seq=4",)


def test_a_difference_of_a_few_percent_is_told_as_such():
    grid = planted(lambda backend, seq: seq * (1.05 if backend == "eager" else 1), {
        "backend": ("eager", "compile"), "seq": (1, 2, 4, 8),
    })  # fmt: skip
    text = the("setup-difference", findings_of(grid)).text
    assert text.startswith("compile is faster than eager in all 4 places: by 4.")


def test_differences_of_a_few_percent_have_their_unit_once():
    gain = {1: 1.02, 2: 1.04, 4: 1.06, 8: 1.08}
    grid = planted(lambda backend, seq: seq * (gain[seq] if backend == "eager" else 1), {
        "backend": ("eager", "compile"), "seq": (1, 2, 4, 8),
    })  # fmt: skip
    text = the("setup-difference", findings_of(grid)).text
    assert re.fullmatch(r".* by [0-9.]+ % in the median \([0-9.]+ to [0-9.]+ %\)", text)


def test_every_backend_is_compared_with_eager_and_precisions_with_fp32():
    factors = {"eager": 1.0, "onnxruntime": 0.7, "openvino": 1.5}
    grid = planted(lambda backend, precision: factors[backend] * (1 if precision == "fp32" else 0.5), {
        "backend": ("onnxruntime", "eager", "openvino"), "precision": ("bf16", "fp32"),
    })  # fmt: skip
    texts = [one.text for one in only("setup-difference", findings_of(grid))]
    assert {text.split(" in ")[0] for text in texts} == {
        "onnxruntime is faster than eager", "eager is faster than openvino", "bf16 is faster than fp32",
    }  # fmt: skip


def test_machines_and_versions_are_not_set_against_each_other():
    rows = [row([1e-3, 1.1e-3, 1e-3], machine=machine, seq=seq) for machine in "ab" for seq in (1, 2)]
    assert only("setup-difference", findings_of(arrange(rows))) == []


def test_the_fastest_and_the_slowest_cell_are_named():
    one = the("range", findings_of(planted(law, PLAIN, noise=0.0, state=0.0)))
    assert one.text == (
        "The fastest cell is hidden=64, seq=4 with 25.6 us, the slowest hidden=256, seq=8 with 205 us: 8.0 x"
    )


def test_cells_that_are_equally_fast_have_no_fastest():
    assert only("range", findings_of(planted(lambda **_: 1e-3, PLAIN, noise=1e-4, state=1e-4))) == []


def test_sweet_spots_that_are_everywhere_else_are_told_as_such():
    def saturates(batch, layers):
        return max(1, batch / layers) * layers

    grid = planted(saturates, {"batch": (1, 2, 4, 8, 16), "layers": (1, 2, 4, 8)})
    one = the("sweet-spot", findings_of(grid))
    assert one.text.startswith(
        "The sweet spot is batch 1 in 1 of 4 places, batch 2 in 1, batch 4 in 1 and others in 1: 3."
    )


# cells


def test_clusters_at_the_same_ratio_are_one_finding():
    def two_clusters(where, n, dice):
        modes = dice.choice([1, 1.25, 2], n, p=[0.9, 0.05, 0.05])
        return spread(n, dice) * (modes if where["seq"] == 4 else 1)

    grid = planted(law, PLAIN)
    found = only("outlier-clusters", findings_of(grid, analysed(grid, two_clusters)))
    assert [one.numbers["ratio"] for one in found] == pytest.approx([2.0, 1.25], rel=0.01)
    for one in found:
        assert one.text.startswith("In 3 of 6 cells (at seq=4) trials gather at ")
        assert one.numbers["mass"] == pytest.approx(0.05, abs=0.01)
        assert one.strength is Strength.SHOWN


def test_a_chain_of_ratios_is_told_as_parts_that_span_little():
    ratios = dict(zip((64, 96, 128, 160, 192, 224, 256), (1.12, 1.2, 1.29, 1.39, 1.5, 1.62, 1.75), strict=True))

    def drifting(where, n, dice):
        return spread(n, dice, sd=0.006) * np.where(dice.random(n) < 0.05, ratios[where["hidden"]], 1)

    grid = planted(law, {"hidden": tuple(ratios), "seq": (4, 8)})
    found = only("outlier-clusters", findings_of(grid, analysed(grid, drifting)))
    assert len(found) > 1
    assert sum(one.count for one in found) == 14
    spans = [re.search(r"\((1\.\d+) to (1\.\d+) x\)", one.text) for one in found]
    assert any(spans)
    assert all(float(most) / float(least) <= 1.26 for least, most in (span.groups() for span in spans if span))


def test_trials_that_were_interrupted_are_alike_by_the_time_that_they_lost():
    def interrupted(where, n, dice):
        scale = where["hidden"] / 64
        return scale * spread(n, dice) + 20 * spread(n, dice) * (dice.random(n) < 0.03)

    grid = planted(law, PLAIN)
    one = the("outlier-clusters", findings_of(grid, analysed(grid, interrupted)))
    assert one.text.startswith("In all 6 cells trials lose 20.")
    assert one.count == 6


def test_clusters_of_one_cell_are_told_with_mass_interval_and_rhythm():
    def every_50_calls(where, n, dice):
        late = np.arange(n) % 50 == 49
        return spread(n, dice) * np.where(late & (where["hidden"] == 64) & (where["seq"] == 4), 1.5, 1)

    grid = planted(law, PLAIN)
    one = the("outlier-clusters", findings_of(grid, analysed(grid, every_50_calls)))
    assert one.text.startswith("At hidden=64, seq=4, 2.0 % [1.")
    assert "of the trials take 1.5" in one.text
    assert ", every 50 calls, in none of the 5 other cells" in one.text
    assert one.low < 0.02 < one.high


def test_a_cluster_in_one_process_only_is_suggested():
    grid = arrange([row([1e-3] * 3)])
    (cell,) = analysed(grid, lambda where, n, dice: spread(n, dice))
    values = cell.series[0].values.copy()
    values[::20] *= 2
    series = (replace(cell.series[0], values=values), *cell.series[1:])
    one = the("outlier-clusters", findings_of(grid, [replace(cell, series=series, shape=shape_of(series))]))
    assert one.strength is Strength.SUGGESTED
    assert " of the trials take 2.0" in one.text


@pytest.mark.parametrize(
    ("kind", "trials", "words"),
    [
        ("heavy-tail", lambda where, n, dice: 1 + 0.1 * dice.pareto(2, n), "heavy tail"),
        ("resolution-limited", lambda where, n, dice: np.ones(n), "the clock's tick"),
        ("body-modes", lambda where, n, dice: spread(n, dice, 0.005) * dice.choice([1, 1.06], n), "apart by 6"),
        (
            "dependence",
            lambda where, n, dice: np.exp(0.03 * np.cumsum(dice.normal(0, 0.1, n))),
            "depends on the trials",
        ),
        ("drift", lambda where, n, dice: spread(n, dice) * np.linspace(1, 1.06, n), "Within a round latency drifts"),
    ],
)
def test_what_all_cells_show_is_one_finding(kind, trials, words):
    grid = planted(law, PLAIN)
    one = the(kind, findings_of(grid, analysed(grid, trials)))
    assert words in one.text
    assert "all 6 cells" in one.text
    assert (one.count, one.of) == (6, 6)


def test_too_few_trials_are_said():
    grid = planted(law, PLAIN)
    assert (
        "too few trials"
        in the("too-few-trials", findings_of(grid, analysed(grid, lambda w, n, d: spread(n, d), n=3))).text
    )


def test_drift_of_one_cell_is_told_with_its_round_and_direction():
    def falling(where, n, dice):
        return spread(n, dice) * (np.linspace(1.1, 1, n) if (where["hidden"], where["seq"]) == (64, 8) else 1)

    grid = planted(law, PLAIN)
    one = the("drift", findings_of(grid, analysed(grid, falling)))
    assert one.text.startswith("At hidden=64, seq=8, latency falls by ")
    assert " within round " in one.text


def test_a_level_that_falls_to_nearly_nothing_does_not_fall_by_all_of_it():
    def falling(where, n, dice):
        first = np.where(np.arange(n) < n // 4, 1000.0, 1.0)
        return spread(n, dice) * (first if (where["hidden"], where["seq"]) == (64, 8) else 1)

    grid = planted(law, PLAIN)
    assert "falls by 99.9" in the("drift", findings_of(grid, analysed(grid, falling))).text


def test_rounds_that_differ_are_told_with_how_much():
    grid = planted(law, PLAIN)
    one = the("rounds-differ", findings_of(grid, analysed(grid, lambda w, n, d: spread(n, d), between=0.05)))
    assert one.text.startswith("In all 6 cells rounds differ by more than their trials explain: by ")
    assert one.text.endswith("one process alone would mislead")


def test_cells_with_one_mode_say_nothing():
    grid = planted(law, PLAIN)
    found = findings_of(grid, analysed(grid, lambda where, n, dice: spread(n, dice)))
    assert {one.kind for one in found} == {"growth", "range"}


# trouble


def test_each_reason_for_no_result_comes_once_with_its_count():
    rows = [row([1e-3] * 3, hidden=64), row([], hidden=128), row([], hidden=256)]
    other = row([], hidden=512, trouble=Trouble("no kernel for <lstm>\x1b[2J", now="upgrade"))
    found = only("no-result", findings_of(arrange([*rows, replace(other, status=Status.UNSUPPORTED)])))

    assert [(one.count, one.of) for one in found] == [(2, 4), (1, 4)]
    assert found[0].text == "2 of 4 cells (at hidden=128 or 256): no result, out of memory"
    assert found[1].text == "hidden=512: no result, unsupported: no kernel for <lstm>\\x1b[2J"


def test_lost_rounds_are_told():
    rows = [
        replace(row([1e-3] * 2, hidden=64), rounds_failed=1, trouble=Trouble("segmentation fault")),
        row([1e-3], hidden=128),
    ]
    assert the("rounds-lost", findings_of(arrange(rows))).text == "hidden=64: 1 round lost: segmentation fault"


def test_a_warning_comes_once_and_information_not_at_all():
    notes = (
        CountedNote(Note("throttled", "the clock was lowered 3 times."), 1),
        CountedNote(Note("subnormals", "2 % subnormal", Severity.INFO), 3),
    )
    rows = [replace(row([1e-3] * 3, hidden=size), notes=notes if size < 256 else ()) for size in (64, 128, 256)]
    found = findings_of(arrange(rows))
    assert the("warning", found).text == "2 of 3 cells: the clock was lowered 3 times"


def with_deadline(cell, misses, *, metric="latency", overruns=None, load=""):
    n = 1000
    upper = 1 - 0.05 ** (1 / n) if not misses else 2 * misses / n
    miss = Miss(deadline_s=5e-4, misses=misses, n=n, upper=upper, effective_n=n)
    return replace(cell, worst=(WorstCase(metric, 1e-3, n, 1.0, load, (miss,), overruns=overruns),))


def test_missed_deadlines_are_told_with_the_worst_cell_and_come_first():
    grid = planted(law, PLAIN)
    cells = [with_deadline(cell, place) for place, cell in enumerate(analysed(grid))]
    found = findings_of(grid, cells)
    assert found[0].kind == "deadline-misses"
    assert found[0].text == (
        "The deadline of 500 us was missed in 5 of 6 cells: most often at hidden=256, seq=8, by 0.50 % of 1,000 trials "
        "(95 % bound 1.0 %)"
    )


def test_a_deadline_that_all_cells_miss_alike_has_no_worst_cell():
    grid = planted(law, PLAIN)
    found = findings_of(grid, [with_deadline(cell, 1000) for cell in analysed(grid)])
    assert found[0].text == "The deadline of 500 us was missed in all 6 cells: by 100 % of their trials"


def test_a_deadline_that_several_cells_miss_most_has_no_worst_cell_either():
    grid = planted(law, PLAIN)
    cells = [with_deadline(cell, misses) for cell, misses in zip(analysed(grid), (0, 1, 7, 7, 2, 3), strict=True)]
    assert findings_of(grid, cells)[0].text == (
        "The deadline of 500 us was missed in 5 of 6 cells: in 2 of them by 0.70 % of their trials"
    )


def test_a_deadline_that_was_kept_is_told_with_what_that_excludes():
    grid = planted(law, PLAIN)
    one = the("deadline-misses", findings_of(grid, [with_deadline(cell, 0) for cell in analysed(grid)]))
    assert one.text == (
        "The deadline of 500 us was never missed in any of 6 cells: fewer than 0.30 % miss it, at 95 % confidence"
    )


def test_deadlines_of_paced_arrivals_are_told_apart_and_overruns_too():
    grid = arrange([row([1e-3] * 3)])
    (cell,) = analysed(grid)
    paced = with_deadline(cell, 10, metric="response", overruns=20, load="cpu")
    found = findings_of(grid, [paced])
    assert the("deadline-misses", found).text.startswith(
        "The deadline of 500 us (paced arrivals, cpu load) was missed by"
    )
    assert "2.0 % of 1,000 paced requests" in the("overruns", found).text


# the list as a whole


def test_there_are_at_most_four_of_a_kind_and_the_rest_is_counted():
    rows = [row([], hidden=size, trouble=Trouble(f"reason {size}")) for size in range(1, 8)]
    found = findings_of(arrange(rows))
    assert len(only("no-result", found)) == MOST_OF_A_KIND
    rest = the("further", found)
    assert rest.text == (
        "Cells that gave no result, once for each reason: 3 more findings like it, each of less weight, in 3 places"
    )
    assert (rest.count, rest.numbers["findings"]) == (3, 3)


def test_findings_come_by_falling_weight_and_suggestions_count_half():
    shown, suggested = (findings_of(planted(off_at_200, single=single)) for single in (False, True))
    for found in (shown, suggested):
        assert [one.weight for one in found] == sorted((one.weight for one in found), reverse=True)
    assert the("inversion", suggested).weight < 0.6 * the("inversion", shown).weight


@pytest.mark.parametrize("rows", [[], [row([1e-3, 1.1e-3, 1e-3])], [row(1e-3)], [row([])]])
def test_nothing_and_single_cells_are_no_trouble(rows):
    found = findings_of(arrange(rows))
    assert {one.kind for one in found} <= {"no-result"}


@settings(max_examples=20, deadline=None)
@given(
    st.sets(st.tuples(st.sampled_from((64, 200, 256)), st.sampled_from((1, 2, 4)), st.sampled_from(("eager", "x")))),
    st.integers(0, 99),
    st.booleans(),
)
def test_whatever_the_grid_every_finding_is_whole(holes, seed, single):
    axes = {"hidden": (64, 200, 256), "batch": (1, 2, 4), "backend": ("eager", "x")}
    grid = planted(lambda hidden, batch, backend: hidden * batch**0.5, axes, drop=holes, seed=seed, single=single)
    keys = {point.row.cell.key for point in grid.points}
    for one in findings_of(grid):
        assert one.kind in KINDS
        assert one.text
        assert not one.text.endswith(".")
        assert "nan" not in one.text
        assert "None" not in one.text
        assert set(one.cells) <= keys
        assert 0 < one.count <= one.of
        assert one.weight >= 0
        assert all(math.isfinite(number) for number in one.numbers.values())
        assert (one.low is None) == (one.high is None)
        if one.low is not None:
            assert one.low <= next(iter(one.numbers.values())) <= one.high


def test_a_noisy_power_law_with_plain_trials_shows_nothing_that_is_not_there():
    false = []
    for seed in range(4):
        grid = planted(law, noise=0.02, seed=seed)
        found = findings_of(grid, analysed(grid, lambda where, n, dice: spread(n, dice), n=200, seed=seed))
        false += [one for one in found if one.kind not in {"growth", "range"} and one.strength is Strength.SHOWN]
    assert len(false) <= 1  # the risk is about 2 % a grid
