"""Figures of one cell, read as data."""

from dataclasses import replace

import numpy as np
import pytest
from sweep_example import Example, analysis_of

from stopwatt.analyse.shape import Drift, Form
from stopwatt.reporting.charts.catalogue import CELL_FIGURES
from stopwatt.reporting.charts.deadline import DEADLINE, worst_case
from stopwatt.reporting.charts.ecdf import ECDF
from stopwatt.reporting.charts.histogram import HISTOGRAM
from stopwatt.reporting.charts.lag import LAG
from stopwatt.reporting.charts.render import to_svg
from stopwatt.reporting.charts.sequence import SEQUENCE, sequence_of
from stopwatt.reporting.charts.spectrum import SPECTRUM
from stopwatt.reporting.charts.survival import SURVIVAL


def rows(chart, name):
    return chart.to_dict(validate=False)["datasets"][name]


def title(chart):
    return " ".join(chart.title.text)


def subtitle(chart):
    return " ".join(chart.title.subtitle)


def trials(cell):
    return np.concatenate([series.values for series in cell.series])


@pytest.fixture(scope="module")
def long_cell():
    """18,000 trials, 10 % of them in clusters."""
    example = Example(layers=(1,), hidden=(64,), batch=(1,), backends=("eager",), trials=6000, failures=False)
    return analysis_of(example).cells[0]


@pytest.mark.parametrize("kind", CELL_FIGURES)
def test_every_figure_is_valid_says_one_thing_and_names_setup_and_n(clustered, kind):
    chart = CELL_FIGURES[kind].chart(clustered)
    chart.to_dict()  # validates against the schema of Vega-Lite
    assert title(chart)
    assert "eager fp32 batch 1 cpu" in subtitle(chart)
    assert "3 rounds, n = 180" in subtitle(chart)


@pytest.mark.parametrize("kind", CELL_FIGURES)
def test_a_drawing_has_a_name_for_everything_that_differs_between_cells(clustered, kind):
    figure = CELL_FIGURES[kind]
    picture = figure.picture(clustered)
    assert set(picture.words) == set(figure.words)
    assert set(picture.params) == set(figure.params)
    assert set(picture.tables) == set(figure.tables)
    text = str(figure.drawing)
    assert all(f"'@{word}'" in text for word in figure.words)
    assert figure.drawing["datasets"] == {name: [] for name in figure.tables}


@pytest.mark.parametrize("kind", CELL_FIGURES)
def test_no_figure_holds_5000_rows_however_many_the_trials(long_cell, kind):
    assert sum(map(len, CELL_FIGURES[kind].chart(long_cell).to_dict(validate=False)["datasets"].values())) < 5000


def test_the_run_sequence_shows_every_trial_in_order_with_its_cluster(clustered):
    drawn = rows(SEQUENCE.chart(clustered), "trials")
    assert [row["trial"] for row in drawn] == list(range(1, 181))
    labels = np.concatenate([clustered.shape.labels[series.round] for series in clustered.series])
    assert [row["mark"] for row in drawn] == labels.tolist()
    assert np.allclose([row["latency"] / 1e6 for row in drawn], trials(clustered), rtol=1e-3)


def test_clusters_are_labelled_beside_the_run_sequence_with_ratio_and_share(clustered):
    labels = [row["label"] for row in rows(SEQUENCE.chart(clustered), "clusters")]
    assert labels[0].endswith(f"{100 * clustered.shape.clusters[0].mass:.0f} %")
    assert [label.split(" x")[0][:3] for label in labels[1:]] == ["1.2", "2.0"]


def test_a_long_run_is_thinned_with_its_extremes_and_the_figure_says_so(long_cell):
    chart = SEQUENCE.chart(long_cell)
    drawn = rows(chart, "trials")
    assert len(drawn) < 2500
    assert f"{len(drawn):,} of 18,000 trials drawn" in subtitle(chart)
    latencies = [row["latency"] / 1e6 for row in drawn]
    assert min(latencies) == pytest.approx(trials(long_cell).min(), rel=1e-4)
    assert max(latencies) == pytest.approx(trials(long_cell).max(), rel=1e-4)
    assert {row["mark"] for row in drawn} == {0, 1, 2}


def test_fewer_trials_can_be_asked_for(long_cell):
    assert len(sequence_of(long_cell, 300).tables["trials"]["trial"]) < 700


def test_the_run_sequence_tells_the_largest_drift(clustered):
    drifts = (Drift(0, 2, 0.001, 0.02), Drift(1, 3, 0.001, -0.05))
    cell = replace(clustered, shape=replace(clustered.shape, drifts=drifts))
    assert "The level of round 2 changes by -5.0 %" in title(SEQUENCE.chart(cell))


@pytest.mark.parametrize(
    ("field", "value", "text"), [("period", 20.0, "every 20 calls"), ("bursty_p", 1e-5, "in bursts")]
)
def test_the_run_sequence_tells_when_slow_calls_come(clustered, field, value, text):
    main, *others = clustered.shape.clusters
    shape = replace(clustered.shape, clusters=(main, *(replace(one, **{field: value}) for one in others)))
    assert text in title(SEQUENCE.chart(replace(clustered, shape=shape)))


def test_the_histogram_counts_every_trial_once_and_names_the_modes_in_its_title(clustered):
    chart = HISTOGRAM.chart(clustered)
    assert sum(row["count"] for row in rows(chart, "bins")) == 180
    assert "1.25 x" in title(chart) or "1.24 x" in title(chart)
    assert {row["mark"] for row in rows(chart, "bins")} == {0, 1, 2}


def test_bars_of_the_histogram_have_the_mark_of_their_cluster(clustered):
    low, high = (clustered.shape.clusters[place].centre_s * 1e6 for place in (0, 2))
    bins = rows(HISTOGRAM.chart(clustered), "bins")
    assert max((row for row in bins if row["low"] <= low), key=lambda row: row["low"])["mark"] == 0
    assert max((row for row in bins if row["low"] <= high), key=lambda row: row["low"])["mark"] == 2


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (Form.HEAVY_TAIL, "heavy tail"),
        (Form.RESOLUTION_LIMITED, "tick"),
        (Form.TOO_FEW, "Too few"),
        (Form.ONE_MODE, "one mode"),
    ],
)
def test_the_title_says_what_form_the_distribution_has(clustered, form, text):
    cell = replace(clustered, shape=replace(clustered.shape, form=form))
    assert text in title(HISTOGRAM.chart(cell))


def test_the_distribution_function_has_a_line_for_each_round_that_ends_at_all_calls(clustered):
    lines = rows(ECDF.chart(clustered), "lines")
    for number in (1, 2, 3):
        below = [row["below"] for row in lines if row["round"] == number]
        assert below == sorted(below)
        assert below[-1] == 1


def test_log_survival_ends_at_one_in_n(clustered):
    above = [row["above"] for row in rows(SURVIVAL.chart(clustered), "lines") if row["round"] == 1]
    assert above[0] == 1
    assert above[-1] == pytest.approx(1 / 60)


def test_the_percentile_spectrum_is_grey_where_n_does_not_support_it(clustered):
    chart = SPECTRUM.chart(clustered)
    (grey,) = rows(chart, "unsupported")
    supported = max(row["nines"] for row in rows(chart, "line"))
    assert grey["from"] == supported < 2 == grey["to"]
    assert grey["label"] == ["needs", "299", "trials"]
    assert "p99 needs 299" in title(chart)


def test_the_band_of_the_spectrum_encloses_its_line(clustered):
    chart = SPECTRUM.chart(clustered)
    line = {row["nines"]: row["latency"] for row in rows(chart, "line")}
    band = rows(chart, "band")
    assert band
    assert all(row["low"] <= line[row["nines"]] <= row["high"] for row in band)


def test_the_lag_plot_pairs_each_trial_with_the_next_one_of_its_round(clustered):
    pairs = rows(LAG.chart(clustered), "pairs")
    first = clustered.series[0].values
    assert len(pairs) == 3 * 59
    assert pairs[0]["this"] / 1e6 == pytest.approx(first[0], rel=1e-3)
    assert pairs[0]["next"] / 1e6 == pytest.approx(first[1], rel=1e-3)


def test_the_deadline_curve_never_shows_a_bound_below_what_was_seen(clustered):
    curve = rows(DEADLINE.chart(clustered), "curve")
    assert all(row["share"] is None or row["share"] <= row["upper"] for row in curve)
    assert all(row["upper"] > 0 for row in curve)


def test_the_deadline_curve_tells_misses_and_bound_of_the_deadline_asked_for(clustered):
    assert title(DEADLINE.chart(clustered)) == "0 of 180 calls missed 5 ms; at 95 % confidence at most 1.7 % do"


def test_the_deadline_curve_says_what_the_calls_met_and_is_that_under_load_where_there_was_one(clustered):
    (closed,) = clustered.worst
    free, loaded = (replace(closed, metric="response", load=load, n=n) for load, n in (("", 500), ("cpu", 400)))
    for worst in ((closed, free, loaded), (loaded, free, closed)):
        shown = DEADLINE.chart(replace(clustered, worst=worst))
        assert subtitle(shown).endswith("; paced, under cpu load")
        assert worst_case(replace(clustered, worst=worst)) is loaded
    assert subtitle(DEADLINE.chart(replace(clustered, worst=(closed, free)))).endswith("; paced")
    assert subtitle(DEADLINE.chart(clustered)).endswith("; closed loop")
    assert worst_case(replace(clustered, worst=())) is None


def test_a_deadline_far_away_does_not_press_the_curve_flat(clustered):
    assert rows(DEADLINE.chart(clustered), "asked") == []
    ends = DEADLINE.picture(clustered).params["ends"]
    assert ends[1] / ends[0] < 10


def test_a_cell_of_one_trial_can_be_drawn(clustered):
    series = replace(clustered.series[0], values=clustered.series[0].values[:1])
    shape = replace(
        clustered.shape, n=1, form=Form.TOO_FEW, clusters=clustered.shape.clusters[:1], labels={0: np.zeros(1, np.int8)}
    )
    cell = replace(clustered, series=(series,), shape=shape)
    drawn = {kind: CELL_FIGURES[kind].chart(cell).to_dict() for kind in set(CELL_FIGURES) - {"deadline"}}
    assert all("data" in chart or "datasets" in chart for chart in drawn.values())


@pytest.mark.parametrize("kind", CELL_FIGURES)
def test_a_parameter_does_not_take_the_name_of_one_of_vega(kind):
    assert not {"width", "height", "padding", "autosize", "background", "cursor"} & set(CELL_FIGURES[kind].params)


@pytest.mark.parametrize("kind", CELL_FIGURES)
def test_a_drawn_figure_has_the_size_that_it_was_given(clustered, kind):
    chart = CELL_FIGURES[kind].chart(clustered)
    width = float(to_svg(chart).partition('width="')[2].partition('"')[0])
    assert chart.width < width < chart.width + 260
