"""What a ladder prints."""

import io
import sys
from pathlib import Path

from rich.console import Console

sys.path.insert(0, str(Path(__file__).parent))

from planted_climb import climbed

from stopwatt.climbing.table import render_ladder
from stopwatt.reporting.console import THEME, WIDTH


def shown(ladder):
    stream = io.StringIO()
    console = Console(file=stream, width=WIDTH, theme=THEME, highlight=False, emoji=False)
    render_ladder(console, ladder, (), run="f00", where="results.db")
    return " ".join(stream.getvalue().split())


def test_every_step_has_a_row_and_what_was_not_kept_its_reason():
    text = shown(climbed(fails=["channels-last"]))
    for step in ("inference-mode", "channels-last", "threads:2", "bf16", "compile", "onnxruntime", "int8"):
        assert step in text
    assert "not kept: channels-last (it cannot be done); bf16 (slower than without it)" in text
    assert "stored as run f00 in results.db" in text


def test_a_gain_that_depends_on_others_is_said_with_what_it_stood_on():
    text = shown(climbed(("onnxruntime", "int8")))
    assert "int8 buys 0.502 x [0.496, 0.508] on the base, but" in text
    assert "on top of onnxruntime" in text


def test_gains_that_only_multiply_are_not_said_to_depend_on_anything():
    assert " buys " not in shown(climbed(("inference-mode", "threads:2")))
