"""What holds in a part of a grid, or only for one kind of setup, is told as that and not lost in the rest."""

import random
from itertools import product

import numpy as np
import pytest
from planted_grids import LSTM, analysed, planted, row

from stopwatt.analyse import growth
from stopwatt.analyse.findings import find
from stopwatt.analyse.grid import arrange, in_order
from stopwatt.analyse.scaling import Course, scaling_of
from stopwatt.records import Strength

ROUNDS = 4
SIZES = {"layers": (1, 2, 3, 4), "hidden": (64, 128, 200, 256), "seq": (64, 128)}


def law(layers, hidden, seq):
    return 1e-7 * layers * hidden * seq


def off_at_200(layers, hidden, seq):
    return law(layers, hidden, seq) * (1.34 if hidden == 200 else 1)


def two_backends(quiet, noisy, *, quiet_noise=0.005, noisy_noise=0.1, axes=SIZES):
    """One grid of two backends, each with a law and a noise of its own."""
    rows = []
    for backend, of_one, noise, seed in (("quiet", quiet, quiet_noise, 0), ("noisy", noisy, noisy_noise, 1)):
        grid = planted(of_one, axes, rounds=ROUNDS, noise=noise, seed=seed, backend=backend)
        rows += [point.row for point in grid.points]
    return arrange(rows)


def told(grid, kind):
    return [one for one in find(grid, analysed(grid), scaling_of(grid)) if one.kind == kind]


def only(grid, kind):
    (one,) = told(grid, kind)
    return one


# noise of each kind of setup


def test_each_kind_of_setup_has_a_noise_of_its_own():
    noise = scaling_of(two_backends(law, law)).noise
    assert noise.of({"backend": "quiet"}).variance == pytest.approx(0.005**2, rel=0.5)
    assert noise.of({"backend": "noisy"}).variance == pytest.approx(0.1**2, rel=0.5)


def test_a_kind_with_too_few_neighbours_has_the_noise_of_all():
    rows = [point.row for point in planted(law, rounds=ROUNDS, backend="many").points]
    rows += [row([1e-4, 1.1e-4, 1.2e-4], backend="few", layers=1, hidden=size, seq=64) for size in (64, 128)]
    noise = scaling_of(arrange(rows)).noise
    assert noise.of({"backend": "few"}) == noise.overall


def test_where_no_setup_differs_the_noise_is_one():
    noise = scaling_of(planted(law)).noise
    assert noise.of({"hidden": 64}) == noise.overall
    assert noise.overall.freedom > 0


def test_the_average_over_several_places_is_known_as_well_as_the_least_known():
    noise = scaling_of(two_backends(law, law)).noise
    both = noise.among([{"backend": "quiet"}, {"backend": "noisy"}])
    parts = [noise.of({"backend": name}) for name in ("quiet", "noisy")]
    assert both.variance == pytest.approx(np.mean([part.variance for part in parts]))
    assert both.freedom == min(part.freedom for part in parts)


def test_a_noisy_backend_does_not_hide_what_a_quiet_one_shows():
    alone = scaling_of(planted(off_at_200, SIZES, rounds=ROUNDS, backend="quiet")).inversions
    beside = scaling_of(two_backends(off_at_200, law)).inversions
    mine = [one for one in beside if one.fixed["backend"] == "quiet"]
    assert len(mine) == len(alone) == 8
    assert sum(one.shown for one in mine) >= 6


# kinks that many lines have in common


def jump(layers, hidden, seq):
    return law(layers, hidden, seq) * (5 if hidden >= 200 else 1)


def test_lines_too_noisy_to_show_a_kink_alone_show_it_together(monkeypatch):
    dice = np.random.default_rng(0)
    rows = []
    for values in product(*LSTM.values()):
        where = dict(zip(LSTM, values, strict=True))
        noise = dice.normal(0, 0.1 * dice.lognormal(0, 1), ROUNDS)  # of each cell another
        rows.append(row(jump(**where) * np.exp(noise), **where))
    grid = arrange(rows)

    def kinked():
        found = [one for one in scaling_of(grid).growths if one.line.axis.name == "hidden"]
        assert {kink for one in found for kink in one.kinks} <= {128.0, 200.0}
        return np.mean([one.course is Course.KINKED for one in found])

    together = kinked()
    monkeypatch.setattr(growth, "LEAST_ALIKE", 99)
    assert together >= 0.8
    assert kinked() <= 0.5


def test_a_line_that_goes_otherwise_than_most_keeps_its_own_course():
    def mostly(layers, hidden, seq):
        return law(layers, hidden, seq) if (layers, seq) == (2, 128) else jump(layers, hidden, seq)

    found = scaling_of(planted(mostly, LSTM, rounds=ROUNDS, noise=0.02)).growths
    (other,) = [one for one in found if one.line.axis.name == "hidden" and one.line.fixed == {"layers": 2, "seq": 128}]
    assert (other.course, other.kinks) == (Course.POWER_LAW, ())


def test_power_laws_however_many_and_noisy_have_no_kink_in_common():
    courses = [one.course for seed in range(10) for one in scaling_of(planted(law, noise=0.1, seed=seed)).growths]
    assert set(courses) == {Course.POWER_LAW}


def test_kinds_with_other_kinks_are_told_one_by_one():
    kinks = told(two_backends(jump, law, noisy_noise=0.005), "kink")
    assert [one.text.split(" the growth ")[0] for one in kinks] == ["In all 8 lines with backend=quiet"]
    assert kinks[0].of == 8


def test_kinds_with_the_same_kinks_are_told_together():
    one = only(two_backends(jump, jump, noisy_noise=0.005), "kink")
    assert one.text.startswith("In all 16 lines the growth changes at hidden=128 and hidden=200: ")


def test_growth_that_depends_on_the_kind_of_setup_is_told_by_it():
    def steep(layers, hidden, seq):
        return law(layers, hidden, seq) * hidden ** (0.5 + 0.2 * layers)

    (one,) = [one for one in told(two_backends(law, steep, noisy_noise=0.005), "growth") if "hidden^" in one.text]
    assert "with backend=quiet and hidden^" in one.text
    assert one.text.endswith("with backend=noisy (medians of 16 lines)")


# inversions of a part of the grid


def test_an_inversion_of_one_backend_is_told_with_it():
    one = only(two_backends(off_at_200, law, noisy_noise=0.005), "inversion")
    assert one.text.startswith("hidden=256 is faster than hidden=200 in all 8 places with backend=quiet: by 4.")
    assert (one.count, one.of, one.strength) == (8, 8, Strength.SHOWN)
    assert one.low < 1 - 256 / 200 / 1.34 < one.high


def test_an_inversion_at_some_values_of_a_coordinate_is_told_with_these():
    def some(layers, hidden, seq):
        return (off_at_200 if layers in (2, 4) else law)(layers, hidden, seq)

    one = only(planted(some, LSTM), "inversion")
    assert one.text.startswith("hidden=256 is faster than hidden=200 in all 8 places with layers=2 or 4: by 4.")


def test_an_inversion_of_one_backend_at_one_value_is_told_with_both():
    def some(layers, hidden, seq):
        return (off_at_200 if seq == 128 else law)(layers, hidden, seq)

    one = only(two_backends(some, law, noisy_noise=0.005), "inversion")
    assert "in all 4 places with backend=quiet and seq=128: " in one.text


def test_a_part_weighs_less_than_the_whole():
    def half(layers, hidden, seq):
        return (off_at_200 if layers in (2, 4) else law)(layers, hidden, seq)

    part, whole = only(planted(half, LSTM), "inversion"), only(planted(off_at_200, LSTM), "inversion")
    assert part.weight == pytest.approx(whole.weight / np.sqrt(2), rel=0.1)


def test_a_single_place_beside_a_part_is_told_too():
    def some(layers, hidden, seq):
        return law(layers, hidden, seq) * (1.34 if hidden == 200 and (layers == 2 or (layers, seq) == (4, 64)) else 1)

    texts = [one.text for one in told(planted(some, LSTM), "inversion")]
    assert len(texts) == 2
    assert any("in all 4 places with layers=2" in text for text in texts)
    assert any(text.startswith("At layers=4, seq=64, hidden=256 is ") for text in texts)


# order


def test_places_are_told_by_size_whatever_the_order_in_which_they_were_measured():
    rows = [point.row for point in planted(law).points]
    shuffled = random.Random(0).sample(rows, len(rows))
    assert [one.cell.key for one in in_order(shuffled)] == [one.cell.key for one in rows]


def test_rows_of_workloads_with_other_parameters_have_an_order_too():
    rows = [row([1e-3] * 3, source="mlp", width=8), row([1e-3] * 3, hidden=128), row([1e-3] * 3, hidden=64)]
    assert [one.cell.workload.label for one in in_order(rows)] == [
        "mlp(width=8)",
        "lstm(hidden=64)",
        "lstm(hidden=128)",
    ]
