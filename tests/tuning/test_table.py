"""What a search prints."""

import io
import sys
from pathlib import Path

import numpy as np
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parent))

from planted_setups import Machine

from stopwatt.reporting.console import THEME, WIDTH
from stopwatt.tuning.chosen import conclude
from stopwatt.tuning.table import render_tuned


def shown(*where, **planted):
    machine = Machine([10e-3, 1e-3, 2e-3, 9e-3], np.random.default_rng(0), **planted)
    search = machine.search(*where)
    stream = io.StringIO()
    console = Console(file=stream, width=WIDTH, theme=THEME, highlight=False, emoji=False)
    render_tuned(console, conclude(search, machine.run(search)), (), run="f00", where="results.db", pack="")
    return " ".join(stream.getvalue().split())


def test_the_winner_stands_beside_the_default_with_how_many_times_faster_it_is():
    text = shown("latency<20ms")
    assert "backend1+channels-last" in text
    assert "default" in text
    assert "stored as run f00 in results.db" in text


def test_wrong_answers_are_named():
    assert "wrong answers" in shown(invalid=[3])


def test_without_a_winner_the_nearest_is_named():
    text = shown("latency<0.9ms")
    assert "nearest" in text
    assert "latency<0.9ms" in text


def test_a_batch_that_all_have_stands_above_the_table_and_not_in_it():
    text = shown("latency<20ms")
    assert text.startswith("planted(size=1), batch 1, threads 1: least time of a call where latency<20ms")
    assert "setup latency ms" in text
