"""A study of ways of measuring as people see it on a terminal."""

import io
import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from study_example import (
    INTERACTION,
    REFERENCE_S,
    SINGLES,
    UNSHOWN,
    crossed,
    effect,
    failed,
    found,
    mild,
    missing,
    study,
)

from stopwatt.cli import main
from stopwatt.records import Cell, Measurement, Note, Protocol, Samples, Setup, Severity, Status, Workload
from stopwatt.reporting.console import THEME
from stopwatt.reporting.ways import MOST_TOGETHER, render_studies, render_study
from stopwatt.reporting.ways_cross import IMPOSSIBLE, cross_table
from stopwatt.reporting.ways_lines import interval_text
from stopwatt.store import open_store
from stopwatt.ways import Ablation, Inputs, Load, Timer, Waiting, Warming, Way, sample_name


def shown(one, width=100, *, colour=False):
    stream = io.StringIO()
    system = "standard" if colour else None
    console = Console(
        file=stream, width=width, theme=THEME, highlight=False, force_terminal=colour, color_system=system
    )
    render_study(console, one)
    return stream.getvalue()


def flat(text):
    return " ".join(text.split())


def line_of(text, label):
    """The fields of the line that begins with a label."""
    line = next(line for line in text.splitlines() if line.startswith(label))
    return re.split(r"\s{2,}", line.strip())


def test_the_head_says_what_was_measured_and_what_the_reference_reports():
    first, second = shown(study()).splitlines()[:2]
    assert first == "mlp(hidden=300) · eager fp32 batch 1 cpu, 2 threads"
    assert second == "reference: 4.51 ms [4.47, 4.55] a call on average; 6 rounds"


def test_a_line_says_what_the_way_reports_instead_of_what_and_what_that_is():
    text = shown(study())
    assert line_of(text, "idle=100 ms") == ["idle=100 ms", "272", "4.51", "60 [55, 66]", "too long"]
    assert line_of(text, "inputs=zeros") == ["inputs=zeros", "3.92", "4.51", "0.87 [0.85, 0.90]", "too short"]
    assert line_of(text, "cache=flushed")[-1] == "undecided"
    assert line_of(text, "timer=time") == ["timer=time", "4.51", "4.51", "1.001 [0.994, 1.008]", "no difference"]


def test_the_choices_come_in_the_order_of_their_effect():
    text = shown(study())
    places = [text.index(f"\n{one.way.label} ") for one in SINGLES if one.ratio.value is not None]
    assert places == sorted(places)


def test_only_the_five_largest_have_a_sentence():
    text = flat(shown(study()))
    assert "- Without synchronisation you would report 0.07 ms instead of 4.51 ms (0.016 x [0.014, 0.018])" in text
    assert "- inputs=zeros: 3.92 ms" in text
    assert "- warmup=fixed:" not in text


def test_what_does_not_matter_is_one_line_and_the_undecided_one_for_each_reason():
    open_ = found(1.1, 0.9, 1.4)
    changed = tuple(
        replace(one, ratio=replace(open_, why="decided alone, but not among 9")) if one.way.idle_s == 0.001 else one
        for one in SINGLES
    )
    text = flat(shown(study(effects=changed)))
    assert "- Does not matter here (within 2 %): gc=running, timer=time - Und" in text
    assert "- Undecided (decided alone, but not among 9): idle=1 ms - Und" in text
    assert "- Undecided (more rounds would tell): cache=flushed -" in text


def test_interactions_are_told_only_where_they_are_shown():
    text = flat(shown(study()))
    assert INTERACTION.text in text
    assert UNSHOWN.text not in text


def test_of_many_interactions_the_strongest_are_told_and_the_others_counted():
    many = tuple(replace(INTERACTION, text=f"interaction {n}.") for n in range(9))
    text = flat(shown(study(interactions=many)))
    assert "interaction 4." in text
    assert "interaction 5." not in text
    assert "and 4 interactions more" in text


def test_ways_that_share_a_reason_share_a_line():
    text = flat(shown(study()))
    assert "Not measured: timer=events, timer=graph, timer=do_bench: reads the clock of a GPU, and a CPU has" in text
    assert "Not measured: idle=1 s: no round gave a number" in flat(
        shown(study(effects=(missing(Way(idle_s=1.0), ""),)))
    )


def test_many_reasons_are_counted():
    many = tuple(missing(Way(threads=n), f"reason {n}") for n in range(1, 12))
    text = flat(shown(study(effects=many)))
    assert "threads=8: reason 8" in text
    assert "threads=9" not in text
    assert "and 3 reasons more" in text


def test_ways_with_several_changes_have_a_shorter_table():
    text = shown(study())
    table = text.partition("\nTogether")[2]
    assert line_of(table, "inputs=zeros load=cpu") == ["inputs=zeros load=cpu", "7.67", "1.70 [1.50, 1.90]", "too long"]
    assert "warmup=none sync=none" not in table.partition("Warm-up")[0]  # the cross table has it


def test_of_many_combinations_the_largest_are_listed_and_the_others_counted():
    many = tuple(effect(Way(threads=n, load=Load.CPU), 1.5) for n in range(1, MOST_TOGETHER + 6))
    text = shown(study(combined=many))
    assert f"\nthreads={MOST_TOGETHER} load=cpu " in text
    assert f"threads={MOST_TOGETHER + 1} " not in text
    assert "(and 5 more; --json has all of them)" in text


def test_the_cross_table_has_a_column_for_each_warm_up_and_marks_what_differs():
    rows = {(sync, timer): texts for sync, timer, texts in cross_table(study()).rows}
    none, fixed, steady = rows[Waiting.EACH, Timer.TIME]
    assert none == "4.92 [4.84, 4.99] *"
    assert fixed == "4.74 [4.66, 4.81] *"
    assert steady == "4.51 [4.48, 4.55]"  # no difference
    assert rows[Waiting.EACH, Timer.PERF_COUNTER][2] == "4.51 [4.47, 4.55]"  # the reference, with its own interval
    assert rows[Waiting.END, Timer.PERF_COUNTER][2] == "-"  # nobody measured it


def test_what_nobody_can_measure_is_called_impossible_in_the_cross_table():
    on_gpu = (
        effect(Way(timer=Timer.EVENTS), 0.99),
        effect(Way(sync=Waiting.NONE), 0.02),
        effect(Way(sync=Waiting.END), 0.98),
        effect(Way(sync=Waiting.END, timer=Timer.EVENTS), 0.97),
        effect(Way(timer=Timer.GRAPH), 0.9),
    )
    table = cross_table(study(setup=Setup("eager", device="cuda"), effects=on_gpu[:3], combined=on_gpu[3:]))
    rows = {(sync, timer): texts for sync, timer, texts in table.rows}
    assert rows[Waiting.NONE, Timer.EVENTS] == (IMPOSSIBLE,)
    assert (Waiting.EACH, Timer.GRAPH) in rows
    assert (Waiting.NONE, Timer.GRAPH) not in rows  # a graph cannot be told when to wait: no row says so


def test_choices_measured_only_one_by_one_make_no_cross_table():
    assert cross_table(study(combined=())) is None
    assert cross_table(study(combined=(effect(Way(warmup=Warming.NONE, sync=Waiting.END), 1.1),))) is None


def test_a_complete_table_of_two_by_two_is_drawn():
    corner = effect(Way(warmup=Warming.NONE, sync=Waiting.NONE), 0.8)
    sides = (effect(Way(warmup=Warming.NONE), 1.1), effect(Way(sync=Waiting.NONE), 0.9))
    table = cross_table(study(effects=sides, combined=(corner,)))
    assert [len(texts) for _, _, texts in table.rows] == [2, 2]
    assert table.ways == {corner.way, *(one.way for one in sides)}


def test_other_changes_do_not_get_into_the_cross_table():
    other = effect(Way(warmup=Warming.NONE, sync=Waiting.NONE, inputs=Inputs.ZEROS), 5.0)
    assert cross_table(study(combined=(other, *crossed()))) == cross_table(study(combined=tuple(crossed())))


@pytest.mark.parametrize("width", [60, 72, 80, 100])
def test_nothing_is_cut_at_any_usual_width(width):
    text = shown(study(), width)
    assert max(map(len, text.splitlines())) <= width
    words = text.split()
    for one in SINGLES:
        assert all(part in words or f"{part}," in words or f"{part}:" in words for part in one.way.label.split())
    assert {"too", "long", "short", "difference", "undecided", "perf_counter"} <= set(words)
    assert "[1.022, 1.043]" in text
    assert "…" not in text


def test_a_narrow_terminal_leaves_out_what_can_be_told_from_the_rest():
    wide, narrow = shown(study(), 80), shown(study(), 60)
    assert re.search(r"reports +instead", wide)
    assert not re.search(r"reports +instead", narrow)


def test_colours_say_nothing_that_words_do_not():
    coloured = shown(study(notes=(Note("x", "it was hot"),)), colour=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == shown(study(notes=(Note("x", "it was hot"),)))


def test_a_study_of_which_every_round_failed_says_why_and_shows_no_table():
    text = flat(shown(failed()))
    assert "reference: not measured (no round); 0 rounds" in text
    assert "! 3 rounds failed: the model is not there (in the build); now: look for it" in text
    assert "ratio" not in text


def test_notes_of_the_rounds_are_told_with_what_to_do():
    text = shown(study(notes=(Note("x", "it was hot", now="wait"), Note("y", "by the way", Severity.INFO))))
    assert "! it was hot; now: wait\n" in text
    assert "- by the way\n" in text


def test_names_from_outside_cannot_change_the_terminal():
    text = shown(study(workload=Workload("a\x1b[31m[bold]b\nc.py:make")))
    assert "\x1b" not in text
    assert "[bold]b c.py:make" in text.splitlines()[0]


def test_nothing_that_matters_is_said_without_sentences_of_effects():
    text = shown(mild())
    assert "you would report" not in text
    assert "gc=running, timer=time" in text


def test_studies_follow_each_other_and_none_says_how_to_come_by_one():
    stream = io.StringIO()
    render_studies(Console(file=stream, width=80, theme=THEME, highlight=False), (study(), failed()))
    assert stream.getvalue().count("reference:") == 2
    stream = io.StringIO()
    render_studies(Console(file=stream, width=80, theme=THEME, highlight=False), ())
    assert "stopwatt protocol WORKLOAD" in flat(stream.getvalue())


def test_the_end_of_a_wide_interval_is_not_rounded_to_1():
    assert interval_text(found(3.38, 1.35, 8.44)) == "3.38 [1.35, 8.44]"
    assert interval_text(found(0.016, 0.0141, 0.0181)) == "0.016 [0.014, 0.018]"


def ablated(source, effect_of_none=0.5, **setup):
    """Three rounds of an ablation with one way in it, saved as a worker leaves them."""
    way = Way(sync=Waiting.NONE)
    cell = Cell(Workload(source), Setup(**setup), Protocol(rounds=3, ablation=Ablation((way,))), machine="here")
    for number in range(3):
        dice = np.random.default_rng(number)
        reference = REFERENCE_S * 1e9 * dice.lognormal(0, 0.01, 2)
        yield Measurement(
            cell,
            number,
            Status.OK,
            samples={
                "latency": Samples(np.rint(np.repeat(reference, 10)).astype(np.int64), "ns"),
                sample_name(way): Samples(reference * effect_of_none * dice.lognormal(0, 0.001, 2), "ns"),
                sample_name(way, "reference"): Samples(reference, "ns"),
                sample_name(way, "calls"): Samples(np.full(2, 10.0), "calls"),
            },
        )


def ordinary():
    values = np.rint(np.random.default_rng(0).normal(1e6, 1e4, 100)).astype(np.int64)
    yield Measurement(
        Cell(Workload("mlp"), Setup(), Protocol()), 0, Status.OK, samples={"latency": Samples(values, "ns")}
    )


@pytest.fixture
def run(tmp_path, capsys):
    """`(verb, *runs, options)`: saves measurements as a run each, and returns what the verb prints."""

    def go(verb, *runs, options=(), code=0):
        path = tmp_path / "results.db"
        if not path.exists():
            with open_store(path) as store:
                for measurements in runs:
                    begun = store.begin_run("stopwatt protocol", "plan", "", "0")
                    for measurement in measurements:
                        store.save(begun, measurement)
        with pytest.raises(SystemExit) as stop:
            main([*verb, "--store", str(path), *options])
        assert stop.value.code == code
        printed = capsys.readouterr()
        return printed.err if code else printed.out

    return go


def test_show_ways_prints_the_latest_run_that_holds_an_ablation(run):
    text = run(["show", "--ways"], ablated("old.py:m"), ablated("new.py:m"), ordinary())
    assert "new.py:m" in text
    assert "old.py:m" not in text
    assert "- Without synchronisation you would report" in text


def test_show_ways_takes_the_options_of_show(run):
    text = run(["show", "--ways"], ablated("old.py:m"), ablated("new.py:m"), options=("--workload", "old.py:m"))
    assert "old.py:m" in text
    assert "new.py:m" not in text


def test_show_ways_as_json_has_every_number(run):
    document = json.loads(run(["show", "--ways"], ablated("m.py:m"), options=("--json",)))
    (one,) = document["studies"]
    assert math.isclose(one["effects"][0]["ratio"], 0.5, rel_tol=0.01)
    assert one["effects"][0]["changes"] == {"sync": "none"}


def test_a_store_without_an_ablation_has_no_studies(run):
    assert json.loads(run(["show", "--ways"], ordinary(), options=("--json",)))["studies"] == []
    assert "stopwatt protocol WORKLOAD" in flat(run(["show", "--ways"]))


def test_plot_ways_draws_the_study_of_a_run(run, tmp_path):
    text = run(["plot", "ways"], ablated("m.py:m"), options=("--out", str(tmp_path / "a.svg")))
    assert "Reported against the reference: sync=none 0.50" in text
    assert "sync=none" in (tmp_path / "a.svg").read_text()


def test_plot_ways_of_several_studies_asks_which(run):
    both = [*ablated("m.py:m", batch=1), *ablated("m.py:m", batch=8)]
    assert "here are 2" in run(["plot", "ways"], both, code=2)
    chart = json.loads(run(["plot", "ways", "batch=8"], options=("--json",)))
    assert "batch 8" in chart["says"]


def test_plot_ways_without_an_ablation_says_how_to_come_by_one(run):
    assert "stopwatt protocol WORKLOAD" in run(["plot", "ways"], ordinary(), code=2)


def test_a_report_of_an_ablation_counts_workloads_instead_of_cells(run, undrawn, tmp_path):
    out = ("--out", str(tmp_path / "report.html"))
    text = flat(run(["report"], ablated("m.py:m"), options=out))
    assert "- Without synchronisation you would report" in text
    assert "report.html: 1 workload measured in several ways, " in text
    both = [*ablated("m.py:m"), *ordinary()]
    with open_store(tmp_path / "results.db") as store:
        begun = store.begin_run("stopwatt protocol", "plan", "", "0")
        for measurement in both:
            store.save(begun, measurement)
    assert "report.html: 1 cell, 1 workload measured" in flat(run(["report"], options=out))
