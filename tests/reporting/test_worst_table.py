"""The worst case as people see it."""

import io

import numpy as np
import pytest

from stopwatt.analyse.summary import summarise
from stopwatt.records import Cell, Measurement, Paced, Protocol, Samples, Setup, Status, Workload
from stopwatt.reporting.console import WIDTH, console_for
from stopwatt.reporting.table import render_bench
from stopwatt.reporting.worst import worst_lines
from stopwatt.ways import Load

US = 1_000


def measured(response=None, *, latency=None, load_from=None):
    load = Load.NONE if load_from is None else Load.CPU
    rules = Protocol(rounds=1, paced=None if response is None else Paced(1e-3, len(response), load=load))
    given = latency if latency is not None else 200 * US + np.random.default_rng(0).permutation(300)
    samples = {"latency": Samples(np.asarray(given), "ns")}
    if response is not None:
        late = Samples(np.full(5, 55 * US), "ns")
        calls = Samples(np.full(len(response), 123 * US), "ns")
        samples |= {"response": Samples(np.asarray(response), "ns"), "service": calls, "wake_late": late}
    facts = {} if load_from is None else {"load_from": load_from}
    cell = Cell(Workload("mlp"), Setup(), rules)
    return [Measurement(cell, 0, Status.OK, samples=samples, facts=facts)]


def shown(measurements, deadlines=()):
    stream = io.StringIO()
    console = console_for(stream)
    for line in worst_lines(summarise(measurements, deadlines=deadlines)):
        console.print(line)
    return stream.getvalue()


def line_with(text, *words):
    (line,) = [line for line in text.splitlines() if all(word in line for word in words)]
    return " ".join(line.split())


def test_the_maximum_stands_first_with_trials_and_time():
    text = shown(measured(), deadlines=(1e-3,))
    assert line_with(text, "eager fp32", "latency", "60") == "eager fp32 latency 200 us 300 60.0 ms"
    assert text.index("max") < text.index("deadline")


def test_a_deadline_has_misses_share_and_bound():
    text = shown(measured(), deadlines=(1e-3,))
    assert line_with(text, "of 300") == "1.00 ms eager fp32 latency 0 of 300 0 % 0.99 %"


def test_deadlines_are_grouped_and_rise():
    text = shown(measured(), deadlines=(1e-3, 5e-4, 2e-3))
    assert [line.split()[0] for line in text.splitlines() if "of 300" in line] == ["500", "1.00", "2.00"]


def test_load_and_overruns_are_columns_where_arrivals_were_paced():
    text = shown(measured(np.r_[np.full(500, 300 * US), np.full(500, 1500 * US)], load_from=500), deadlines=(1e-3,))
    assert line_with(text, "response", "cpu", "500 ms").endswith("500 500 ms 123 us 500")
    assert line_with(text, "response", "-", "300 us").endswith("500 499 ms 123 us 0")
    assert "woken 55.0 us late in the median" in text
    assert "overruns" not in shown(measured(), deadlines=(1e-3,))


def test_a_bound_that_was_widened_is_marked_and_explained():
    latency = 200 * US + np.random.default_rng(0).permutation(2000)
    latency[100:130] = 2000 * US
    text = shown(measured(latency=latency), deadlines=(1e-3,))
    assert line_with(text, "of 2000").endswith("% *")
    assert "come in bursts" in text
    assert "bursts" not in shown(measured(), deadlines=(1e-3,))


def test_the_annex_is_printed_where_there_are_enough_trials_to_ask_for_it():
    assert "extrapol" not in shown(measured(), deadlines=(1e-3,))
    assert "no extrapolation" in shown(measured(latency=np.full(10_000, 200 * US)), deadlines=(1e-3,))


def test_nothing_is_printed_where_nobody_asked():
    assert list(worst_lines(summarise(measured()))) == []


@pytest.mark.parametrize("deadlines", [None, (1e-3,)])
def test_the_table_of_bench_shows_it_below_when_asked(deadlines):
    stream = io.StringIO()
    rows = summarise(measured(), deadlines=deadlines)
    render_bench(console_for(stream), rows, (), run="01234567", where="results.db")
    assert ("worst case" in stream.getvalue()) == (deadlines is not None)


def test_the_widest_table_fits_100_columns():
    text = shown(measured(np.full(10**6, 999 * US), load_from=500_000), deadlines=(1e-3, 123456e-6))
    assert max(map(len, text.splitlines())) <= WIDTH
