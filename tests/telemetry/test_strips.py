"""What instruments said along the trials, as series for the eye, and as figures."""

from dataclasses import replace

import numpy as np
import pytest
from scene import scene

from stopwatt.analyse.analysis import analyse
from stopwatt.analyse.labels import Label, watch
from stopwatt.analyse.strips import shares_of, stretches_of, strips_of
from stopwatt.energy import About, Scope, Trace
from stopwatt.errors import UsageError
from stopwatt.reporting.charts.catalogue import CELL_FIGURES, default_cell
from stopwatt.reporting.charts.sequence import SEQUENCE
from stopwatt.reporting.charts.strip import STRIP
from stopwatt.reporting.html.details import details_of, pictures_of

CAP = 0x04


@pytest.fixture(scope="module")
def capped():
    """A cell that the power cap slowed down now and then."""
    return analyse(scene()).cells[0]


def only(rounds):
    watched = [watch(one) for one in rounds]
    return watched, [one.samples["latency"].values.size for one in rounds]


def test_a_strip_holds_what_was_read_from_the_first_trial_to_the_last(planted):
    clock = np.arange(14.0)
    (strip,) = strips_of(*only([planted({"sm_clock": clock})]))
    ((places, values),) = strip.pieces
    assert values.tolist() == [*clock[2:12], 11.0]
    assert places == pytest.approx([0.5, *np.arange(10.5, 100, 10), 100.5])
    assert (strip.unit, strip.low, strip.high) == ("MHz", 2.0, 11.0)


def test_rounds_follow_each_other_and_one_that_was_not_watched_leaves_a_gap(planted):
    one = planted({"temperature": 50.0})
    (strip,) = strips_of(*only([one, planted(), one]))
    assert [(places[0], places[-1]) for places, _ in strip.pieces] == [(0.5, 100.5), (200.5, 300.5)]


def test_foreign_load_is_in_cores(planted):
    busy = np.arange(14) * 0.17
    (strip,) = strips_of(*only([planted({"busy": busy, "own": np.arange(14) * 0.1})]))
    assert strip.name == "foreign load"
    assert strip.high == strip.low == pytest.approx(0.7)


def test_what_hardly_changes_does_not_look_like_change(planted):
    clock = np.where(np.arange(14) % 2, 1980.0, 1979.0)
    (strip,) = strips_of(*only([planted({"sm_clock": clock})]))
    shares = strip.share(strip.pieces[0][1])
    assert shares == pytest.approx(0.5, abs=0.02)
    assert strip.share(np.array([1979.0]))[0] < 0.5 < strip.share(np.array([1980.0]))[0]


def test_power_of_what_only_counts_energy_is_that_of_its_counter_and_survives_a_wrap(planted):
    one = planted({"energy": np.arange(14.0) * 5 % 32})
    trace = one.traces[0]
    one = replace(
        one, traces=(Trace(About("package-0", Scope.PACKAGE, "RAPL", "", 32.0), trace.time_ns, trace.channels),)
    )
    (strip,) = strips_of(*only([one]))
    assert strip.name == "CPU package power"
    assert (strip.low, strip.high) == pytest.approx((50.0, 50.0))


def test_two_instruments_that_read_the_same_are_told_apart_by_name(planted):
    one = planted({"power": 300.0})
    trace = one.traces[0]
    boards = [Trace(About(f"gpu-{place}", Scope.GPU, "NVML"), trace.time_ns, trace.channels) for place in (0, 1)]
    strips = strips_of(*only([replace(one, traces=tuple(boards))]))
    assert [strip.name for strip in strips] == ["GPU power (gpu-0)", "GPU power (gpu-1)"]


def test_where_a_gpu_is_read_clock_and_temperature_are_its_own(planted):
    host = planted({"cpu_clock": 2400.0, "temperature": 60.0}).traces[0]
    board = Trace(About("gpu-0", Scope.GPU, "NVML"), host.time_ns, {"sm_clock": host.channels["cpu_clock"]})
    both = replace(planted(), traces=(host, board))
    assert [strip.name for strip in strips_of(*only([both]))] == ["GPU clock"]


def test_a_stretch_is_trials_in_a_row_with_a_label(planted):
    flags = np.where(np.isin(np.arange(14), [4, 5, 9]), CAP, 0.0)
    found = stretches_of(*only([planted({"slowdown": flags})] * 2))
    assert [(one.begin, one.end) for one in found] == [(20.5, 40.5), (70.5, 80.5), (120.5, 140.5), (170.5, 180.5)]
    assert {one.label for one in found} == {Label.POWER_CAPPED}


def test_shares_are_of_the_trials_of_which_it_is_known(planted):
    flags = np.where(np.arange(14) == 4, CAP, 0.0)
    flags[8:] = np.nan
    watched, _ = only([planted({"slowdown": flags})])
    assert shares_of(watched) == {Label.POWER_CAPPED: pytest.approx(0.2)}


# figures


def drawn(figure, cell):
    return figure.chart(cell).to_dict(validate=False)["datasets"]


def test_the_strips_say_shares_and_ranges(capped):
    figure = STRIP.chart(capped)
    assert " ".join(figure.title.text).startswith("33 % of the trials ran power-capped and 10 % ran beside the load")
    data = drawn(STRIP, capped)
    names = [row["name"] for row in data["names"]]
    assert names[0] == "GPU clock, 1,410 to 1,980 MHz"
    assert names[2] == "GPU temperature, 45 to 55 \N{DEGREE SIGN}C"
    assert [row["label"] for row in data["labels"]] == ["power-capped, 33 %", "foreign-load, 10 %"]


def test_no_strip_leaves_its_lane(capped):
    data = drawn(STRIP, capped)
    heads = [row["y"] for row in data["names"]] + [max(row["high"] for row in data["stretches"])]
    assert heads == sorted(heads, reverse=True)
    for place in range(4):
        own = [row["y"] for row in data["readings"] if row["line"] in range(3 * place + 1, 3 * place + 4)]
        assert heads[place + 1] < min(own) <= max(own) < heads[place]


def test_the_run_sequence_has_a_line_for_each_label_below_all_trials(capped):
    data = drawn(SEQUENCE, capped)
    assert [row["label"] for row in data["lanes"]] == ["power-capped, 33 %", "foreign-load, 10 %"]
    assert max(row["high"] for row in data["stretches"]) < min(row["latency"] for row in data["trials"])
    assert len(data["stretches"]) == 9


def test_without_instruments_the_run_sequence_has_no_lines(planted):
    data = drawn(SEQUENCE, analyse([planted(jitter=0.01)]).cells[0])
    assert not data["lanes"]
    assert not data["stretches"]


def test_a_long_run_is_thinned():
    cell = analyse(scene(rounds=1, trials=4000, each_ms=25.0)).cells[0]
    assert sum(map(len, drawn(STRIP, cell).values())) < 4000


def test_an_opened_cell_has_strips_where_instruments_were_read(capped, planted):
    assert "strip" in pictures_of(capped, 500)
    assert "strip" not in pictures_of(analyse([planted(jitter=0.01)]).cells[0], 500)


def test_the_strip_is_drawn_of_a_cell_that_has_one(planted):
    watched, silent = planted({"sm_clock": 1410.0}), planted(hidden=16, jitter=0.01)
    assert any(default_cell(analyse([silent, watched]), "strip").watched)
    with pytest.raises(UsageError, match="no instrument"):
        default_cell(analyse([silent]), "strip")


@pytest.mark.parametrize("kind", ["strip", "sequence"])
def test_both_figures_are_valid(capped, kind):
    assert "vega-lite" in CELL_FIGURES[kind].chart(capped).to_dict()["$schema"]


def test_the_clusters_of_an_opened_cell_say_what_they_come_with(capped):
    usual, slow = details_of(capped, "", (), 500).clusters
    assert usual.timing == ""
    assert slow.timing.endswith("; 100 % power-capped, 23 % of the main mode")
