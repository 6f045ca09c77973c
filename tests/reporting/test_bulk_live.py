"""A bulk run while it goes on."""

import io
import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console

sys.path.insert(0, str(Path(__file__).parent))

from bulk_records import LAYOUT, tick

from stopwatt.reporting.bulk.live import LivePanel
from stopwatt.reporting.console import THEME


def panel(*, terminal):
    stream = io.StringIO()
    console = Console(file=stream, width=100, theme=THEME, force_terminal=terminal, highlight=False, color_system=None)
    return LivePanel(console), stream


def test_elsewhere_than_on_a_terminal_there_is_a_line_now_and_then():
    live, stream = panel(terminal=False)
    live.begin(3000, 0, LAYOUT)
    for second in range(140):
        live.tick(tick(second))
    live.end()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3  # after 10 s, and after each minute from there
    assert lines[1].startswith("1,400/3,000 images · 20.0 images/s · about 80 s left · queue 2/32 · model waits 60 %")
    assert "decoders wait 0 % · 2.1 cores · 1.00 GiB" in lines[1]


def test_a_terminal_shows_rate_queue_waiting_and_instruments():
    live, stream = panel(terminal=True)
    live.begin(3000, 0, LAYOUT)
    for second in range(5):
        live.tick(tick(second))
    text = stream.getvalue()
    assert "80/3,000 images" in text
    assert "20.0 images/s" in text
    assert "model waits 60 %" in text
    assert "gpu-0 40 % 210 W" in text
    live.end()


def test_what_was_before_the_first_image_is_in_no_rate():
    live, stream = panel(terminal=True)
    live.begin(3000, 0, LAYOUT)
    for second in range(5):
        live.tick(replace(tick(second), done=0, cpu_s=100.0 + second))
    for second in range(5, 9):
        live.tick(replace(tick(second), done=20 * (second - 4)))
    live.end()
    *_, last = [line for line in stream.getvalue().splitlines() if "images/s" in line]
    assert "20.0 images/s" in last


def test_an_earlier_part_of_the_run_counts():
    live, stream = panel(terminal=False)
    live.begin(3000, 1000, LAYOUT)
    for second in range(12):
        live.tick(tick(second))
    assert "going on: 1,000 of 3,000 images were done by an earlier start" in stream.getvalue()
    assert "1,200/3,000 images" in stream.getvalue()


def test_what_is_said_stays_above():
    live, stream = panel(terminal=False)
    live.begin(10, 0, LAYOUT)
    live.say("auto: 2 -> 4 decoders\x1b[2J")
    live.end()
    assert "auto: 2 -> 4 decoders" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_before_the_first_image_it_says_what_is_done():
    live, stream = panel(terminal=True)
    live.begin(10, 0, LAYOUT)
    live.tick(tick(0, readings={}, idle_s={}))
    live.end()
    assert "loading the model" in stream.getvalue()


def test_many_instruments_do_not_fill_the_screen():
    live, stream = panel(terminal=True)
    live.begin(3000, 0, LAYOUT)
    live.tick(tick(1, readings={f"gpu-{place}.utilisation": 90.0 for place in range(8)}))
    live.end()
    assert "gpu-3 90 %" in stream.getvalue()
    assert "gpu-4" not in stream.getvalue()
