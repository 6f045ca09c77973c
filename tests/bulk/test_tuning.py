"""`--auto` on simulated pipelines: it climbs, says each step, takes back what brings nothing, keeps its limits."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cases import NOTHING, random_line
from simulated import NS, Line, simulate

from stopwatt.bulk.judging.limits import Limits
from stopwatt.bulk.judging.tuning import Climb, from_ceilings
from stopwatt.bulk.records import Ceilings, Layout

LAYOUT = Layout(2, 1, ("cpu",), 8, 32, 1)


def climbed(line, limits=None):
    """Let it climb on a simulation: the line that it ends with, and all that it said."""
    fastest = min(line.cores, 12) / (line.decode_s + line.model_s)
    images = round(max(600, 10 * fastest))  # enough to be judged by
    climb = Climb(line.layout, NOTHING, limits or Limits(line.cores))
    said, passed_ns = [], 0
    for _ in range(60):
        ticks, _ = simulate(line, images)
        steps = climb.look([replace(tick, at_ns=tick.at_ns + passed_ns) for tick in ticks[:12]])
        passed_ns += 6 * NS
        said += [step.sentence for step in steps]
        line = line.changed(
            decoders=climb.layout.decoders, workers=climb.layout.workers, queue=climb.layout.queue
        )  # fmt: skip
        if climb.finished:
            return line, said
    raise AssertionError("it never ends")


def rate_of(line):
    return simulate(line, 600)[1]


def test_it_adds_decoders_until_the_model_is_busy():
    line, said = climbed(Line(decode_s=0.1, model_s=0.02, decoders=1), Limits(64.0, fixed=frozenset({"workers"})))
    assert line.decoders >= 5
    assert rate_of(line) > 0.9 * 50
    assert any("1 -> 2 decoders: worth up to 2.0 x" in one for one in said)
    assert any(one.startswith("auto: kept: ") for one in said)


def test_it_climbs_from_random_layouts_to_what_the_cores_allow_at_most():
    draw = np.random.default_rng(5)
    reached = []
    for _ in range(8):
        line = random_line(draw, cores=8.0).changed(decoders=1, workers=1, write_s=1e-4, read_s=0.0)
        final, _ = climbed(line, Limits(8.0, slots=256))
        reached.append(rate_of(final) * (line.decode_s + line.model_s) / 8.0)
    assert np.median(reached) > 0.8


def test_nothing_is_tried_where_the_cores_are_full():
    start = Line(decode_s=0.05, model_s=0.02, decoders=2, cores=2.0)
    line, said = climbed(start, Limits(2.0, slots=start.queue))
    assert line == start
    assert len(said) == 1
    assert said[0].startswith("auto: nothing more to try at")


def test_what_brings_nothing_is_taken_back_and_not_tried_again():
    """Decoders that share a lock: more of them are not faster, though the cores are idle."""
    start = Line(decode_s=0.05, model_s=0.01, decoders=2)
    ticks, _ = simulate(start, 600)
    climb = Climb(start.layout, NOTHING, Limits(64.0, slots=start.queue))
    (first,) = climb.look(ticks)
    assert first.layout.decoders == 4
    judged = climb.look(ticks)  # the same rate as before
    assert judged[0].sentence.startswith("auto: taken back: ")
    assert climb.layout == start.layout
    after = climb.look(ticks)
    assert after[-1].layout == start.layout
    assert climb.finished


def test_what_somebody_asked_for_stays():
    start = Line(decode_s=0.1, model_s=0.02, decoders=1)
    line, _ = climbed(start, Limits(64.0, slots=start.queue, fixed=frozenset({"decoders", "workers", "queue"})))
    assert line == start


def test_memory_limits_what_is_added():
    start = Line(decode_s=0.1, model_s=0.005, decoders=1)
    gigabyte = 1 << 30
    line, _ = climbed(start, Limits(64.0, memory_bytes=gigabyte, decoder_bytes=gigabyte, slots=start.queue))
    assert line.decoders == 1


def test_a_short_queue_becomes_longer_but_not_longer_than_the_ring():
    line, said = climbed(
        Line(decode_s=0.04, model_s=0.02, batch=16, queue=16, spread=0.2),
        Limits(64.0, slots=32, fixed=frozenset({"decoders", "workers"})),
    )
    assert line.queue == 32
    assert any("queue 16 -> 32" in one for one in said)


def test_a_minute_ends_it():
    ticks, _ = simulate(Line(decode_s=0.1, decoders=1), 600)
    climb = Climb(Line(decode_s=0.1, decoders=1).layout, NOTHING, Limits(64.0))
    (change,) = climb.look(ticks[:12])
    assert change.layout != climb._trial.before
    steps = climb.look([replace(tick, at_ns=tick.at_ns + 61 * NS) for tick in ticks])
    assert steps[-1].sentence == "auto: a minute is over"
    assert climb.finished
    assert climb.look(ticks) == ()


def test_near_the_end_nothing_is_changed_any_more():
    line = Line(decode_s=0.1, decoders=1)
    ticks, _ = simulate(line, 600)
    climb = Climb(line.layout, NOTHING, Limits(64.0))
    (only,) = climb.look(ticks[:12], left=150)  # 15 s of work
    assert only.sentence == "auto: what is left is not worth another change"
    assert only.layout == line.layout
    assert climb.finished


def test_too_little_to_judge_by_changes_nothing():
    ticks, _ = simulate(Line(), 600)
    climb = Climb(Line().layout, NOTHING, Limits(64.0))
    assert climb.look(ticks[:2]) == ()
    assert climb.look([]) == ()
    assert not climb.finished


@pytest.mark.parametrize(
    ("ceilings", "decoders"),
    [
        (Ceilings(100.0, 20.0, 5000.0), 8),  # ten images a second each; more than the cores cannot run
        (Ceilings(30.0, 20.0, 5000.0), 4),  # three are enough, and half of one to spare
        (Ceilings(100.0, 20.0, 5000.0, together=30.0), 4),  # what the cores allow is all that can be used
        (Ceilings(4.0, 20.0, 5000.0), 1),
    ],
)
def test_ceilings_say_how_many_decoders_the_model_can_use(ceilings, decoders):
    step = from_ceilings(LAYOUT, ceilings, Limits(8.0))
    assert step.layout == replace(LAYOUT, decoders=decoders)
    assert step.sentence.startswith(f"auto: 2 -> {decoders} decoder")
    assert "each decodes 10.0 images/s" in step.sentence


def test_without_ceilings_or_where_decoders_were_asked_for_nothing_changes():
    known = Ceilings(100.0, 20.0, None)
    assert from_ceilings(LAYOUT, NOTHING, Limits(8.0)) is None
    assert from_ceilings(LAYOUT, known, Limits(8.0, fixed=frozenset({"decoders"}))) is None
    assert from_ceilings(replace(LAYOUT, queue=0), known, Limits(8.0)) is None
