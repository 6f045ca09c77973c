"""docs/json.md says exactly what `tune` and `ladder` print."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "tuning"))
sys.path.insert(0, str(Path(__file__).parents[1] / "climbing"))

from planted_climb import climbed
from planted_setups import Machine
from test_json_documented import differences, documented, every_part

from stopwatt.climbing.result import LadderResult
from stopwatt.climbing.rungs import Graph
from stopwatt.operators.changes import Change, Changes
from stopwatt.records import Note
from stopwatt.store import open_store
from stopwatt.tuning.chosen import conclude
from stopwatt.tuning.result import TuneResult

NOTES = (Note("governor", "slow", now="faster"),)


@pytest.fixture
def run(tmp_path):
    with open_store(str(tmp_path / "results.db")) as store:
        return store.begin_run("stopwatt tune", "", "", "")


def assert_all_described(documents, heading, *alike):
    """Every key is described, and every part of the description reached; that of a row by one of those alike."""
    described, seen = documented(heading), set()
    for document in documents:
        assert differences(document, described, seen=seen) == []
    missing = {one_row(part, alike) for part in every_part(described)} - {one_row(part, alike) for part in seen}
    assert missing == set(), "the examples do not reach these"


def one_row(part, alike):
    return re.sub(rf"^\.({'|'.join(map(re.escape, alike))})(?=\.|$)", ".row", part)


def tuned(run, *where):
    planted = Machine([10e-3, 1e-3, 2e-3, 9e-3, 8e-3], np.random.default_rng(0), invalid=[3], memory={2: 5e7})
    search = planted.search(*where)
    return json.loads(TuneResult(conclude(search, planted.run(search)), run, "results.db", NOTES).to_json())


def test_tune_prints_what_is_described(run):
    document = tuned(run, "latency<20ms")
    document["refused"] = {"eager tf32": "no backend offers it"}
    rows = ("winner", "runner_up", "default", "front[]", "nearest")
    assert_all_described([document, tuned(run, "latency<0.9ms")], "## `tune`", *rows)


CHANGE = Change("relu", "float32", 2.0, 1.0)
SEEN = Graph(
    Changes(
        *[(CHANGE,)] * 4,
        calls_before=2.0,
        calls_after=1.0,
        fused={"fused": 1.0},
        unnamed={"relu": 1.0},
        types_before={"float32": 2.0},
        types_after={"float32": 1.0},
    )
)


def test_ladder_prints_what_is_described(run):
    ladder = climbed()
    seen = tuple(replace(one, graph=SEEN) for one in ladder.gains)
    rival = climbed(("inference-mode", "bf16", "compile")).rival
    document = json.loads(LadderResult(replace(ladder, gains=seen, rival=rival), run, "results.db", NOTES).to_json())
    assert_all_described([document], "## `ladder`", "base", "end", "steps[].with_it", "rival.row")
