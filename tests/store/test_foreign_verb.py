"""`stopwatt import` of a table, as a user types it, and `stopwatt.import_table`."""

import csv
import json
import sys
from pathlib import Path

import pytest
from foreign_examples import MEANS, TIME

import stopwatt
from stopwatt.cli import main
from stopwatt.errors import UsageError
from stopwatt.store import Selection, open_store

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
WIDTH = 100
OPTIONS = ("--axis", "Layers", "--axis", "Batch size", "--time", TIME)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "means.csv").write_text(MEANS)
    return tmp_path


@pytest.fixture
def type_in(capsys):
    """Runs a line; what it printed."""

    def run(*words, code=0):
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in words])
        printed = capsys.readouterr()
        assert stop.value.code == code, printed.err
        return printed.out if code == 0 else printed.err

    return run


def test_an_import_says_what_it_brought_and_what_the_table_cannot_support(folder, type_in):
    text = type_in("import", "means.csv", *OPTIONS, "--tag", "vendor")

    assert "4 cells of imported:means, means in s from 'Average time (s)'" in text
    assert "4 new measurements, 0 that were there already" in text
    assert "the correctness gate did not run" in " ".join(text.split())
    assert "no tail" in text
    assert max(map(len, text.splitlines())) <= WIDTH
    with open_store("stopwatt.db") as store:
        (run,) = store.runs()
    assert (run.tag, run.rounds) == ("vendor", 4)
    assert f"stopwatt show --run {run.id[:8]}" in text


def test_a_dry_run_shows_the_first_cells_and_stores_nothing(folder, type_in):
    text = type_in("import", "means.csv", *OPTIONS, "--dry-run")

    for part in ("Batch size", "batch", "1, 8", "layers=1", "2.00 ms", "line 2", "nothing was stored"):
        assert part in text
    assert [path.name for path in folder.iterdir()] == ["means.csv"]


def test_what_was_imported_is_listed_shown_and_exported(folder, type_in):
    type_in("import", "means.csv", *OPTIONS)
    listed = json.loads(type_in("show", "--workload", "imported:means", "--batch", "8", "--json"))["measurements"]
    shown = type_in("show", listed[0]["id"])
    type_in("export", "out.csv")

    assert [entry["params"] for entry in listed] == [{"layers": 1}, {"layers": 2}]
    for part in ("mean_latency", "4.00 ms", "stated.sha256", "means.csv, line 3", "only-means", "stated:"):
        assert part in shown
    with Path("out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["metric"], row["kind"]) for row in rows} == {("mean_latency", "reading")}
    assert [float(row["value"]) for row in rows] == [0.002, 0.004, 0.003, 0.007]


def test_a_second_import_says_that_everything_was_there(folder, type_in):
    type_in("import", "means.csv", *OPTIONS)
    assert "0 new measurements, 4 that were there already" in type_in("import", "means.csv", *OPTIONS)


def test_another_reading_of_the_same_file_is_pointed_out(folder, type_in):
    type_in("import", "means.csv", *OPTIONS)
    text = type_in("import", "means.csv", *OPTIONS, "--name", "other")
    assert "the store holds another reading of this file" in text


def test_wrong_input_ends_with_code_2_and_stores_nothing(folder, type_in):
    (folder / "means.csv").write_text(MEANS.replace("0.007", "-1"))
    text = type_in("import", "means.csv", *OPTIONS, code=2)

    assert "the time -1 is not positive" in text
    assert "means.csv, line 5" in text
    assert "now:" in text
    assert not (folder / "stopwatt.db").exists()


def test_an_export_has_no_columns_to_name(folder, type_in):
    (folder / "out.json").write_text("{}")
    for options in (OPTIONS, ("--dry-run",)):
        assert "only a table" in type_in("import", "out.json", *options, code=2)


def test_stopwatts_own_table_is_sent_to_the_export_that_can_be_read_back(folder, type_in):
    type_in("import", "means.csv", *OPTIONS)
    type_in("export", "out.csv")
    assert "FILE.json" in type_in("import", "out.csv", code=2)


def test_the_examples_are_what_their_formula_writes(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import made_up_tables

    sys.modules.pop("made_up_tables")
    made_up_tables.write_means(tmp_path / "made-up-means.csv")
    made_up_tables.write_trials(tmp_path / "made-up-trials.csv")
    for name in ("made-up-means.csv", "made-up-trials.csv"):
        assert (tmp_path / name).read_text() == (EXAMPLES / name).read_text()


def test_the_library_imports_a_table_as_the_command_does(folder):
    brought = stopwatt.import_table("means.csv", axis=["Layers", "Batch size"], time=TIME, by="a paper", tag="vendor")

    assert (brought.new, brought.table.cells, brought.table.metric) == (4, 4, "mean_latency")
    with open_store() as store:
        (run,) = store.runs()
        assert len(store.entries(Selection(run=run.id))) == 4
    assert run.command.startswith("stopwatt import means.csv --axis Layers")
    assert run.command.endswith("--tag vendor")


def test_the_library_refuses_a_column_that_it_does_not_know(folder):
    with pytest.raises(UsageError, match="'tiem'") as refused:
        stopwatt.import_table("means.csv", axis="Layers", tiem=TIME)
    assert "time" in refused.value.now
