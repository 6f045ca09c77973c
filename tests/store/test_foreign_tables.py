"""Tables that others made become cells and measurements."""

import json
import tracemalloc

import numpy as np
import pytest
from foreign_examples import MEANS, TIME, read, seconds, vendor_table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stopwatt.analyse.summary import summarise
from stopwatt.records import Boundary, Measured, Precision, Status
from stopwatt.store import Selection
from stopwatt.store.export import export
from stopwatt.store.foreign.bring import bring_table
from stopwatt.store.importing import import_file

EXPECTED = {(1, 1): 0.002, (1, 8): 0.004, (2, 1): 0.003, (2, 8): 0.007}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "table.csv"


def test_a_line_of_means_is_a_cell_with_a_mean(path):
    table = read(path, MEANS)

    assert seconds(table) == EXPECTED
    first = table.measurements[0]
    assert first.status is Status.OK
    assert first.cell.workload.source == "imported:table"
    assert dict(first.cell.workload.params) == {"layers": 1}
    assert first.samples == {}
    assert first.log == "table.csv, line 2"


def test_what_nobody_said_is_unknown_and_no_rule_of_stopwatt_is_claimed(path):
    cell = read(path, MEANS).measurements[0].cell

    assert (cell.setup.backend, cell.setup.device, cell.setup.threads) == ("unknown", "unknown", 0)
    assert cell.setup.precision is Precision.UNKNOWN
    assert cell.protocol.boundary is Boundary.UNKNOWN
    assert (cell.protocol.trials, cell.protocol.warmup.min_calls) == (0, 0)
    assert cell.machine.startswith("stated:")
    assert dict(cell.software) == {}


def test_the_source_is_kept_and_every_fact_of_it_is_labelled_as_stated(path):
    facts = dict(read(path, MEANS, by="a paper", machine="an accelerator", backend="theirs").measurements[0].facts)

    assert facts.pop("imported_from") == str(path)
    assert all(name.startswith("stated.") for name in facts)
    assert facts["stated.column.batch"] == "Batch size"
    assert (facts["stated.by"], facts["stated.machine"], facts["stated.backend"]) == (
        "a paper", "an accelerator", "theirs",
    )  # fmt: skip
    assert len(facts["stated.sha256"]) == 64
    assert (facts["stated.times"], facts["stated.unit"]) == (TIME, "s")


def test_parts_of_the_setup_come_from_columns_or_are_said_for_all(path):
    text = "n,rt,fmt,where,threads,b,t_ms\n1,ours,float16,gpu,4,2,5\n2,theirs,FP32,gpu,8,2,6\n"
    table = read(
        path, text, axis=("n",), time="t_ms", backend="rt", precision="fmt", device="an accelerator", batch="b",
        threads="threads",
    )  # fmt: skip
    setups = [measurement.cell.setup for measurement in table.measurements]

    assert [setup.backend for setup in setups] == ["ours", "theirs"]
    assert [setup.precision for setup in setups] == [Precision.FP16, Precision.FP32]
    assert [setup.threads for setup in setups] == [4, 8]
    assert {(setup.batch, setup.device) for setup in setups} == {(2, "an accelerator")}


@pytest.mark.parametrize("head", ["batch", "Batch", "Batch size", "batch_size", "BatchSize"])
def test_an_axis_called_batch_is_the_batch_of_the_setup(path, head):
    table = read(path, f"n,{head},t_s\n1,4,1\n1,8,2\n", axis=("n", head), time="t_s")

    assert [measurement.cell.setup.batch for measurement in table.measurements] == [4, 8]
    assert dict(table.measurements[0].cell.workload.params) == {"n": 1}


def test_a_column_becomes_whole_numbers_numbers_or_texts_as_a_whole(path):
    text = "a,b,c,t (s)\n1,1,x,1\n2.0,2.5,3,1\n"
    params = [dict(m.cell.workload.params) for m in read(path, text, axis=("a", "b", "c"), time="t (s)").measurements]

    assert params == [{"a": 1, "b": 1.0, "c": "x"}, {"a": 2, "b": 2.5, "c": "3"}]
    assert [type(value) for value in params[1].values()] == [int, float, str]


def test_count_and_deviation_stand_beside_the_mean(path):
    text = "n,t (ms),sd (us),reps\n1,2,5,1000\n2,3,0,500\n"
    found = read(path, text, axis=("n",), time="t (ms)", sd="sd (us)", count="reps").measurements

    assert found[0].readings == {
        "mean_latency": Measured(0.002, "s"),
        "mean_latency_sd": Measured(5e-6, "s"),
        "mean_latency_trials": Measured(1000, "1"),
    }
    assert found[1].readings["mean_latency_sd"] == Measured(0.0, "s")


def test_a_count_may_be_said_for_all(path):
    found = read(path, MEANS, count="1000").measurements
    assert {m.readings["mean_latency_trials"].value for m in found} == {1000}


@pytest.mark.parametrize(("unit", "factor"), [("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("s", 1.0)])
def test_times_are_read_in_the_unit_that_is_stated(path, unit, factor):
    table = read(path, "n,time\n1,2.5\n", axis=("n",), time="time", unit=unit)
    assert list(seconds(table).values()) == [pytest.approx(2.5 * factor)]


def test_each_line_may_be_a_trial(path):
    text = "n,t_us\n" + "".join(f"{n},{1000 * n + k}.5\n" for k in range(5) for n in (1, 2))
    table = read(path, text, axis=("n",), trials="t_us")

    assert (table.cells, table.trials, table.metric) == (2, 10, "latency")
    one, two = (measurement.samples["latency"] for measurement in table.measurements)
    assert (one.unit, one.values.dtype) == ("ns", np.int64)
    assert one.values.tolist() == [1_000_500, 1_001_500, 1_002_500, 1_003_500, 1_004_500]
    assert two.values.tolist() == [2_000_500, 2_001_500, 2_002_500, 2_003_500, 2_004_500]


def test_the_trials_of_a_cell_may_stand_side_by_side_and_differ_in_number(path):
    table = read(path, "n,t1,t2,t3,note\n1,5,6,7,x\n2,8,9,,y\n", axis=("n",), trials="t[0-9]*", unit="ms")

    assert [m.samples["latency"].values.tolist() for m in table.measurements] == [
        [5_000_000, 6_000_000, 7_000_000],
        [8_000_000, 9_000_000],
    ]


def test_a_pattern_that_is_a_head_is_that_column(path):
    table = read(path, "n,t [us]\n1,5\n1,6\n", axis=("n",), trials="t [us]")
    assert table.measurements[0].samples["latency"].values.tolist() == [5000, 6000]


@pytest.mark.parametrize("rounds", ["10,2,1", "c,a,b"])
def test_rounds_are_numbered_alike_in_all_cells(path, rounds):
    first, second, third = rounds.split(",")
    lines = [f"1,{first},5", f"2,{second},6", f"1,{second},7", f"2,{first},8", f"1,{third},9"]
    table = read(path, "n,run,t_s\n" + "\n".join(lines), axis=("n",), round="run", time="t_s")
    by_time = {m.readings["mean_latency"].value: (m.cell.workload.params["n"], m.round) for m in table.measurements}

    assert (table.cells, len(table.measurements)) == (2, 5)
    assert by_time[5][1] == by_time[8][1]
    assert by_time[7][1] == by_time[6][1]
    assert sorted([by_time[5][1], by_time[7][1], by_time[9][1]]) == [0, 1, 2]
    if rounds == "10,2,1":
        assert by_time[9][1] == 0  # numbers by size


def test_three_rounds_of_means_give_an_interval_and_one_gives_none(path):
    text = "n,run,t_s\n1,1,5\n1,2,5.1\n1,3,5.2\n2,1,7\n"
    several, alone = summarise(read(path, text, axis=("n",), round="run", time="t_s", count="100").measurements)
    mean = several.estimates["mean_latency"]

    assert mean.low < mean.value < mean.high
    assert (mean.n, mean.rounds, mean.method) == (300, 3, "t on 3 stated means of 300 trials")
    mean = alone.estimates["mean_latency"]
    assert (mean.value, mean.low, mean.n, mean.method) == (7.0, None, 100, "stated mean of 100 trials")
    assert mean.why == "no interval: only means are stated, not their trials"


def test_a_stated_deviation_makes_no_interval(path):
    (row,) = summarise(read(path, "n,t (s),sd (s)\n1,5,0.1\n", axis=("n",), time="t (s)", sd="sd (s)").measurements)
    assert row.estimates["mean_latency"].low is None


def test_the_table_says_on_every_row_what_it_cannot_support(path):
    means = summarise(read(path, MEANS).measurements)
    trials = summarise(read(path, "n,t_us\n1,5\n1,6\n", axis=("n",), trials="t_us").measurements)

    assert {tuple(counted.note.kind for counted in row.notes) for row in means} == {("imported", "only-means")}
    assert [counted.note.kind for counted in trials[0].notes] == ["imported", "order-stated"]
    assert means[0].estimates["latency"].value is None
    assert means[0].estimates["latency_p99"].value is None
    assert trials[0].estimates["mean_latency"].value is None


SPELLINGS = {
    "utf-8": MEANS.encode(),
    "byte-order mark": MEANS.encode("utf-8-sig"),
    "utf-16": MEANS.encode("utf-16"),
    "latin-1": MEANS.replace("Layers", "Größe").encode("latin-1"),
    "crlf": MEANS.replace("\n", "\r\n").encode(),
    "no last line end": MEANS.rstrip("\n").encode(),
    "blank lines": MEANS.replace("\n", "\n\n").encode(),
    "quotes": b'"Layers", "Batch size", "Average time (s)"\n"1", 1, 0.002\n1,8,0.004\n2 ,1 ,3e-3\n2,8, 7E-3\n',
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_text_table_may_be_written_in_many_ways(path, spelling):
    table = read(path, SPELLINGS[spelling], axis=("Größe" if spelling == "latin-1" else "Layers", "Batch size"))
    assert seconds(table) == EXPECTED


def test_semicolons_and_decimal_commas_are_read_when_they_are_stated(path):
    text = MEANS.replace(",", ";").replace("0.", "0,")
    assert seconds(read(path, text, separator=";", decimal=",")) == EXPECTED


@pytest.mark.parametrize(("ending", "separator"), [(".tsv", ""), (".txt", ""), (".csv", "tab"), (".csv", "\t")])
def test_tabs_separate_in_their_endings_and_where_they_are_stated(tmp_path, ending, separator):
    text = MEANS.replace(",", "\t")
    assert seconds(read(tmp_path / f"table{ending}", text, separator=separator)) == EXPECTED


def test_lines_of_json_are_a_table(tmp_path):
    lines = [line.split(",") for line in MEANS.splitlines()]
    objects = [dict(zip(lines[0], map(float, line), strict=True)) for line in lines[1:]]
    text = "\n".join(json.dumps(one) for one in objects)
    assert seconds(read(tmp_path / "table.jsonl", text)) == EXPECTED


def test_parquet_is_a_table_and_its_places_are_rows(tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {"Layers": [1, 1, 2, 2], "Batch size": [1, 8, 1, 8], TIME: [0.002, 0.004, 0.003, 0.007]}
    parquet.write_table(pa.table(columns), tmp_path / "source")
    table = read(tmp_path / "table.parquet", (tmp_path / "source").read_bytes())

    assert seconds(table) == EXPECTED
    assert table.measurements[-1].log == "table.parquet, row 4"


HOSTILE = ["=cmd|' /C calc'!A0", "<script>alert(1)</script>", "../../etc/passwd", "[bold]x[/]", "a,b;\"c'", "\N{FIRE}"]


def test_hostile_texts_stay_texts(path, store, tmp_path):
    quoted = ['"' + text.replace('"', '""') + '"' for text in HOSTILE]
    text = f"{quoted[0]},t (s)\n" + "".join(f"{value},1\n" for value in quoted)
    table = read(path, text, axis=(HOSTILE[0],), time="t (s)")
    bring_table(store, table)

    found = [measurement.cell.workload.params["cmd_c_calc_a0"] for measurement in store.measurements()]
    assert found == HOSTILE
    export(store, tmp_path / "out.csv", Selection())
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert not any(field.startswith("=") for line in lines for field in line.split(","))


def test_the_same_file_twice_brings_nothing_new_under_any_name(tmp_path, store):
    first = bring_table(store, read(tmp_path / "one.csv", MEANS, name="grid"))
    again = bring_table(store, read(tmp_path / "copy of one.csv", MEANS, name="grid"))

    assert (first.new, first.known) == (4, 0)
    assert (again.new, again.known, again.others) == (0, 4, ())
    assert len(store.entries(Selection())) == 4
    assert [(run.id, run.rounds) for run in store.runs()] == [(first.table.run.id, 4)]


def test_another_file_of_the_same_cells_is_kept_apart(tmp_path, store):
    bring_table(store, read(tmp_path / "one.csv", MEANS, name="grid"))
    other = bring_table(store, read(tmp_path / "two.csv", MEANS.replace("0.007", "0.009"), name="grid"))

    assert (other.new, other.others) == (4, ())
    rows = summarise(store.measurements())
    assert len(rows) == 8
    assert all(row.rounds_ok == 1 for row in rows)


def test_the_same_file_in_another_unit_is_another_reading_and_the_import_says_so(path, store):
    text = MEANS.replace(TIME, "time")
    first = bring_table(store, read(path, text, time="time", unit="s"))
    other = bring_table(store, read(path, text, time="time", unit="ms"))

    assert other.new == 4
    assert [run.id for run in other.others] == [first.table.run.id]
    assert all(row.rounds_ok == 1 for row in summarise(store.measurements()))


def test_a_run_knows_its_source_and_the_command_that_repeats_it(path, store):
    bring_table(store, read(path, MEANS, by="a paper", decimal="."))
    (run,) = store.runs()

    assert run.command == (
        f"stopwatt import {path} --axis Layers --axis 'Batch size' --time 'Average time (s)' --by 'a paper'"
    )
    source = run.request["source"]
    assert (source["file"], source["by"], len(source["sha256"])) == (str(path), "a paper", 64)


def test_an_imported_table_is_exported_and_read_back_as_it_was(path, store, tmp_path, where):
    bring_table(store, read(path, "n,t_us\n1,5\n1,6\n2,7\n", axis=("n",), trials="t_us", count=""))
    export(store, tmp_path / "out.json", Selection())

    assert import_file(store, tmp_path / "out.json").new == 0
    (tmp_path / "out.json").read_text().index('"boundary": "unknown"')


def test_a_vendors_grid_is_brought_whole(path, store):
    axes = ("Batch size", "Num LSTM layers", "Hidden size", "Sequence length")
    brought = bring_table(store, read(path, vendor_table(), axis=axes))
    rows = summarise(store.measurements())

    assert (brought.new, brought.table.cells, len(rows)) == (1680, 1680, 1680)
    cell = rows[-1].cell
    assert dict(cell.workload.params) == {"num_lstm_layers": 4, "hidden_size": 256, "sequence_length": 100}
    assert cell.setup.batch == 32
    assert rows[-1].estimates["mean_latency"].value == pytest.approx(1e-4 + 1e-9 * 4 * 100 * 256**2 * 5)


def test_a_long_table_is_read_in_memory_that_its_trials_take(path):
    lines = 60_000
    with path.open("w") as file:
        file.write("n,m,t_us\n")
        file.writelines(f"{k % 3},{k % 2},{1000 + k % 7}\n" for k in range(lines))
    tracemalloc.start()
    table = read(path, path.read_bytes(), axis=("n", "m"), trials="t_us")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert (table.cells, table.trials) == (6, lines)
    assert peak < 60 * lines  # 8 bytes a trial three times over, and the file itself, which the test holds


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    cells=st.dictionaries(
        st.tuples(st.integers(0, 2**40), st.sampled_from(["a", "b, c", 'd"e', "=f"])),
        st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=5),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_is_written_comes_back(path, cells):
    lines = ["size,kind,t"]
    lines += [
        '{},"{}",{!r}'.format(size, kind.replace('"', '""'), time) for (size, kind), ts in cells.items() for time in ts
    ]
    table = read(path, "\n".join(lines), axis=("size", "kind"), trials="t", unit="us")
    found = {tuple(m.cell.workload.params.values()): m.samples["latency"].values.tolist() for m in table.measurements}

    assert found == {cell: [round(time * 1e3) for time in times] for cell, times in cells.items()}


def test_a_pattern_of_trials_leaves_out_columns_that_are_named_for_something_else(path):
    text = "threads,turn,tokens,t1,t2\n1,1,8,5,6\n2,1,8,3,4\n2,2,8,3,5\n"
    spec = {"axis": ("threads", "tokens"), "round": "turn", "trials": "t*", "unit": "us"}
    table = read(path, text, **spec)

    assert [one.samples["latency"].values.tolist() for one in table.measurements] == [
        [5000, 6000], [3000, 4000], [3000, 5000],
    ]  # fmt: skip
    assert [one.cell.setup.threads for one in table.measurements] == [1, 2, 2]
    assert [one.round for one in table.measurements] == [0, 0, 1]
