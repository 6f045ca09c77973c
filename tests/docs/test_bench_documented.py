"""The figures and names in docs/bench.md are those of the code."""

import re
from pathlib import Path

import pytest

from stopwatt.analyse.summary import LARGEST, PACED_LARGEST, PACED_TAILS, TAILS
from stopwatt.measuring.parity import INT8_COSINE, TOLERANCE
from stopwatt.metrics import METRICS
from stopwatt.records import QUICK, THOROUGH, Status
from stopwatt.stats.quantiles import needed_trials

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "bench.md").read_text()


def table_after(heading):
    """Cells of the first table under a heading, by the first cell's names."""
    rows = re.search(r"(?:^\|.*\n)+", PAGE.partition(f"## {heading}\n")[2], re.MULTILINE)[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {name: row[1:] for row in cells for name in row[0].replace("`", "").split(", ")}


def test_the_tolerances_are_those_of_the_gate():
    table = table_after("The correctness gate")
    assert {name: float(row[0]) for name, row in table.items()} == {str(one): limit for one, limit in TOLERANCE.items()}
    assert f"at least {INT8_COSINE}" in table["int8"][1]


def test_every_metric_is_described_with_its_unit():
    parts = (*TAILS, LARGEST, *PACED_TAILS, PACED_LARGEST)
    units = {name: METRICS.get(name, METRICS["latency"]).unit for name in (*METRICS, *parts)}
    assert {name: row[0] for name, row in table_after("What each metric means").items()} == units


def test_every_status_is_described():
    assert set(table_after("How a row can end")) == set(Status)


def test_every_kind_of_note_is_described_on_one_of_the_pages_with_notes():
    source = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    kinds = set(re.findall(r"\bNote\(\s*\"([a-z-]+)\"", source))
    others = "".join((ROOT / "docs" / name).read_text() for name in ("environment.md", "compare.md"))
    described = set(table_after("Notes and warnings")) | set(re.findall(r"^\| `([a-z-]+)` \|", others, re.MULTILINE))
    assert kinds - described == set()
    assert "no-steady-state" in kinds


@pytest.mark.parametrize(("column", "rules"), [(0, QUICK), (1, THOROUGH)])
def test_the_protocols_are_described_with_their_figures(column, rules):
    table = {name: row[column] for name, row in table_after("Trials").items()}
    trials = f"{rules.trials}"
    if rules.trial_seconds is not None:
        trials += f", but at most {rules.trial_seconds:g} s of them and at least {rules.min_trials}"
    assert table == {
        "rounds": f"{rules.rounds}",
        "trials of a round": trials,
        "throughput": f"{rules.throughput_windows} windows of {rules.throughput_seconds:g} s",
        "longest round": f"{rules.timeout_s:g} s",
    }


def test_the_trials_that_percentiles_take_are_those_of_the_code():
    text = " ".join(PAGE.split())
    assert f"p90 takes {needed_trials(0.9)} trials, p99 {needed_trials(0.99)}, p99.9 {needed_trials(0.999)}" in text
