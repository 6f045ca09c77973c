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


def test_what_is_faster_than_the_end_is_said():
    text = shown(climbed(("inference-mode", "bf16", "compile")))
    assert "measured on the way, and faster than this end: compile bf16 batch 1 cpu" in text
    assert "faster than this end" not in shown(climbed(("inference-mode", "threads:2")))


def test_shares_that_are_not_of_all_orders_are_named():
    """The reverse order climbs int8 first, which gives no result on the base; ONNX Runtime then adds to nothing."""
    text = shown(climbed(("onnxruntime", "int8"), orders=2, fails=["eager:grad int8"]))
    assert "not measured alone: int8 (it cannot be done)" in text
    assert "the share of onnxruntime and int8 is that in 1 of 2 orders" in text
    assert "that in 1 of" not in shown(climbed(("onnxruntime", "int8"), orders=2))
