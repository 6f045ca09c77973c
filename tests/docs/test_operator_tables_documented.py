"""What docs/json.md says of `ops import`, `export`, `list`, and docs/operators-schema.md of columns and sizes."""

import csv
import json
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "ops"))

from operator_examples import capture, operator, place, replay, table
from table_files import package
from test_explain_documented import assert_same_keys

from stopwatt.cli import main
from stopwatt.operators.table import DeviceSpecs
from stopwatt.operators.work import DIMENSIONS, Family
from stopwatt.ops.schema import DIMS, HEADS
from stopwatt.store import open_store

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = (ROOT / "docs" / "operators-schema.md").read_text()


def documented(heading):
    section = (ROOT / "docs" / "json.md").read_text().partition(f"## `{heading}`\n")[2]
    return json.loads(re.search(r"```json\n(.*?)```", section, re.DOTALL)[1])


def printed(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main(["ops", *map(str, words), "--json"])
    assert ended.value.code == 0
    return json.loads(capsys.readouterr().out)


def test_the_page_has_the_keys_that_are_printed(tmp_path, capsys):
    where = tmp_path / "results.db"
    found = printed(capsys, "import", package(tmp_path), "--store", where)
    assert_same_keys(found, documented("ops import"))
    with open_store(where) as store:
        store.operators.save_capture(capture())
        store.operators.save_replays(place(), {operator().key: operator()}, [replay(operator().key)])
        store.operators.save_specs(DeviceSpecs("A", {"float32": 1.0}))
        store.operators.save_predictor("default", b"x", {"rows": 1})
        store.operators.save_table(table())
    found = printed(capsys, "export", tmp_path / "out.json", "--store", where)
    assert_same_keys(found, documented("ops export"))
    assert_same_keys(printed(capsys, "list", "--store", where), documented("ops list"))


def rows_under(heading):
    """Cells of the table under a heading, without its head."""
    section = SCHEMA.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return lines[2:]


def names_in(cell):
    return re.findall(r"`(\w+)`", cell)


def test_the_schema_names_every_column():
    named = [name for cells in rows_under("Columns") for name in names_in(cells[0])]
    assert sorted(named) == sorted(set(HEADS) - set(DIMS))


def test_the_schema_names_the_sizes_of_every_family():
    sizes = {
        name: set(names_in(cells[1])) for cells in rows_under("Families and their sizes") for name in names_in(cells[0])
    }
    assert sizes == {str(family): set(DIMENSIONS[family]) for family in Family}


def test_the_times_of_the_example_are_those_of_its_formula():
    with (ROOT / "examples" / "made-up-operators.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["family"] == "gemm":
                work = 2 * float(row["m"]) * float(row["n"]) * float(row["k"]) * float(row["batch"]) / 100e9
            else:
                work = (float(row["read_bytes"]) + float(row["write_bytes"])) / 10e9
            assert float(row["time_s"]) == pytest.approx(20e-6 + work)
