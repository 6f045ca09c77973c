"""What is said of a run whose layout changed shortly before its end."""

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from simulated import Line, simulate

from stopwatt.bulk.asked import Asked, Model
from stopwatt.bulk.judging.oversight import Oversight
from stopwatt.bulk.judging.ticks import Counts, Nobody


class Scripted:
    """A ticker with ticks that somebody made."""

    def __init__(self, settled):
        self.settled = tuple(settled)

    def observe(self, counts):
        pass


def overseer(settled, left):
    asked = Asked("photos", Model("m"), Path("out"), auto=True, workers=1)
    return Oversight(asked, Scripted(settled), Nobody(), left)


def test_the_diagnosis_is_that_of_the_layout_before_where_the_last_one_was_not_seen_for_long():
    line = Line(decode_s=0.1, decoders=1)
    ticks, _ = simulate(line, 600)
    one = overseer(ticks[:12], 10_000)
    changed = one.advise(line.layout, 1000)
    assert changed.decoders > 1
    one._ticker.settled = ()
    assert one.diagnosis(changed).name == "decode"
    assert one.diagnosis(changed).sentence.startswith("before the last change of the layout, decode-bound: ")


def test_a_layout_that_was_seen_for_long_enough_speaks_for_itself():
    line = Line(model_s=0.05, decode_s=0.01)
    ticks, _ = simulate(line, 600)
    one = overseer(ticks, 10_000)
    one._before = (tuple(simulate(Line(decode_s=0.1, decoders=1), 300)[0]), replace(line.layout, decoders=1))
    assert one.diagnosis(line.layout).name == "model"


def test_nothing_is_changed_when_the_last_images_are_under_way():
    line = Line(decode_s=0.1, decoders=1)
    ticks, _ = simulate(line, 600)
    one = overseer(ticks[:12], 600)
    one.observe(Counts(done=560, failed=20))
    assert one.advise(line.layout, 1000) is None
