"""What stands on the terminal at the end of a bulk run."""

import io
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parent))

from bulk_records import CEILINGS, LAYOUT, record

from stopwatt.bulk.records import Bottleneck, Ceilings, Node
from stopwatt.reporting.bulk.summary import described, headline, render_run
from stopwatt.reporting.console import THEME, WIDTH


def shown(one, width=WIDTH):
    stream = io.StringIO()
    render_run(Console(file=stream, width=width, theme=THEME, highlight=False, emoji=False), one)
    return stream.getvalue()


def line_with(text, one):
    (found,) = [line for line in shown(one).splitlines() if text in line]
    return found.split()


def test_the_run_stands_beside_its_ceilings_and_the_binding_one_is_named():
    assert line_with("this run", record()) == ["this", "run", "20.5"]
    assert line_with("decoding alone", record()) == ["decoding", "alone", "20.0", "100", "%", "binds"]
    assert line_with("the model alone", record()) == ["the", "model", "alone", "50.0", "41", "%"]
    assert "not measured: no file could be read" in shown(record())


def test_each_worker_has_its_rate():
    assert line_with("cuda:0 0", record())[-1] == "12.0"
    assert line_with("cuda:1 1", record())[-1] == "8.00"


def test_each_node_of_a_cluster_has_its_rate_in_place_of_its_workers():
    far, gone = Node("far", LAYOUT, 150, 15.0), Node("gone", LAYOUT, 50, 5.0, lost="its node died")
    both = record(nodes=(far, gone))
    assert line_with("  far ", both) == ["far", "15.0"]
    assert line_with("  gone ", both) == ["gone", "5.00", "lost"]
    assert "cuda:0 0" not in shown(both)


def test_the_bottleneck_stands_with_what_a_change_is_worth():
    text = shown(record())
    assert "decode-bound: the model waited 60 % of the time for images\n" in text
    assert "4 more decoders are worth up to 1.9 x\n" in text


def test_stages_are_times_of_an_image():
    assert line_with("decode and fit", record())[-1] == "100"
    assert line_with("read the file", record())[-1] == "1.00"
    assert line_with("wait in the queue", record())[-1] == "100"  # 2 waited, 20 a second came


def test_energy_has_its_verdict_and_what_is_missing_its_reason():
    text = shown(record())
    assert "energy of GPU board: 2100 J, 10.5 J an image, suspect (counter and power field disagree)" in text
    assert "energy of CPU package: unavailable (no RAPL: virtual machine)" in text


def test_failures_are_counted_by_reason():
    text = shown(record())
    assert "3 images failed: truncated" in text
    assert "2 images failed: missing" in text
    assert "note: batch 8 in place of 16" in text
    assert "processes that died and were started again: 1" in text


def test_meters_are_means_while_images_went_through():
    assert "gpu-0: power 210 W, utilisation 40.5 %, on average" in shown(record())


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_no_line_is_wider_than_the_terminal(width):
    assert all(len(line.rstrip()) <= width for line in shown(record(), width).splitlines())


def test_a_run_with_nothing_left_to_do_says_so():
    done = record(
        images_per_s=None, ticks=(), resumed=205, failed={}, done=205, energy={}, ceilings=Ceilings(None, None, None)
    )
    assert headline(done) == "205 images, all done before"
    assert "this run" in shown(done)


def test_a_resumed_run_counts_its_own_images():
    assert headline(record(resumed=105)) == "100 images in 10.0 s: 20.5 images/s; 105 were done before"


def test_a_layout_in_one_line():
    assert described(LAYOUT) == "2 decoders -> queue of 32 -> 2 workers (cuda:0, cuda:1), batch 8"
    single = replace(LAYOUT, decoders=1, workers=1, devices=("cpu",), queue=0)
    assert described(single) == "no queue -> 1 worker (cpu, 1 thread), batch 8"


def test_what_comes_from_outside_cannot_move_the_cursor():
    evil = record(notes=("\x1b[2J gone",), bottleneck=Bottleneck("none", "a\x1b[1mb"))
    assert "\x1b" not in shown(evil)


def test_a_ceiling_of_another_layout_is_marked_and_binds_nothing():
    alone = replace(LAYOUT, decoders=1, workers=1, devices=("cuda:0",))
    text = shown(record(ceilings=replace(CEILINGS, layout=alone)))
    assert "decoding alone (1 decoder) " in text
    assert "the model alone (1 worker) " in text
    assert text.count("binds") == 1
    assert line_with("shared cores", record(ceilings=replace(CEILINGS, layout=alone)))[-1] == "binds"


def test_without_ceilings_nothing_binds():
    assert "binds" not in shown(record(ceilings=replace(CEILINGS, model=None, decode=None, together=None)))
