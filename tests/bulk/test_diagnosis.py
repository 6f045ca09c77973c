"""The diagnosis names the bottleneck of pipelines in which it is known, and promises no less than a change brings."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cases import NOTHING, cases, gain_and_bound, verdict
from simulated import NS, Line, simulate

from stopwatt.bulk.judging.diagnosis import diagnose
from stopwatt.bulk.judging.stations import Station, seen
from stopwatt.bulk.records import Ceilings, Idle, Layout, Stage, Tick


def named(line, **more):
    return verdict(line, **more)[0]


def test_the_bottleneck_of_random_pipelines_is_named():
    known = cases(80, seed=3)
    right = [named(line, seed=place).name == truth for place, (line, truth) in enumerate(known)]
    assert len({truth for _, truth in known}) >= 3, "a study of one bottleneck would say nothing about the others"
    assert sum(right) >= 0.95 * len(right)


@pytest.mark.parametrize("cores", [64.0, 2.0, 4.0], ids=["cores-enough", "two-cores", "four-cores"])
@pytest.mark.parametrize("station", ["decode", "model"])
def test_a_change_brings_no_more_than_it_was_said_to_be_worth(station, cores):
    pairs = [gain_and_bound(line, station, seed=place) for place, (line, _) in enumerate(cases(25, 11, cores))]
    assert sum(gain <= 1.03 * bound for gain, bound in pairs) >= 0.95 * len(pairs)
    assert any(bound > 1.2 for _, bound in pairs) or cores == 2.0, "a bound that never promises anything is no test"


def test_a_change_brings_most_of_what_it_was_said_to_be_worth_where_nothing_is_shared():
    pairs = [gain_and_bound(line, "decode", seed=place) for place, (line, _) in enumerate(cases(25, 12))]
    close = [gain >= 0.85 * bound for gain, bound in pairs]
    assert sum(close) >= 0.8 * len(close)


def test_a_tie_is_called_a_tie():
    found = named(Line(decode_s=0.04, model_s=0.02, decoders=2, workers=1))
    assert found.name == "none"
    assert found.sentence.startswith("balanced: ")
    assert "only more of both" in found.remedy


def test_a_queue_as_long_as_a_batch_lets_everybody_wait_in_turn():
    line = Line(decode_s=0.04, model_s=0.02, batch=16, queue=16)
    found = named(line)
    assert found.name == "none"
    assert "nobody was busy all the time" in found.sentence
    assert "a longer queue (it has 16 places)" in found.remedy
    assert simulate(line.changed(queue=64), 800)[1] > 1.5 * simulate(line, 800)[1], "and so it is"


def test_decode_bound_says_what_more_decoders_are_worth():
    found = named(Line(decode_s=0.1, model_s=0.02, decoders=2, spread=0.1))
    assert found.name == "decode"
    assert found.sentence.startswith("decode-bound: the model waited 6")
    assert "more decoders are worth up to 2.5" in found.remedy
    assert found.remedy.endswith("then the model would be in the way")


def test_full_cores_make_more_processes_worth_nothing():
    line = Line(decode_s=0.05, model_s=0.02, decoders=2, cores=2.0)
    found = named(line)
    assert found.name == "decode"
    assert found.remedy == "more decoders are worth nothing: the cores were busy 100 % of the time"
    assert simulate(line.changed(decoders=4), 800)[1] < 1.05 * simulate(line, 800)[1], "and so it is"


def test_what_the_cores_allow_together_replaces_the_cpu_time_of_processes_that_may_spin_while_they_wait():
    line = Line(decode_s=0.05, model_s=0.02, decoders=2, cores=2.0)
    found = named(line, ceilings=Ceilings(50.0, 40.0, None, together=31.0))
    assert "then the cores would be in the way" in found.remedy


def test_decoders_that_mostly_read_are_bound_by_the_storage():
    found = named(Line(read_s=0.15, decode_s=0.02))
    assert found.name == "storage"
    assert "of their work on reading files" in found.sentence
    assert "files that are read in no time are worth up to" in found.remedy


def test_a_slow_writer_is_named():
    found = named(Line(write_s=0.06))
    assert found.name == "write"
    assert "results waited for it" in found.sentence


def test_a_model_bound_run_says_how_near_it_came_to_the_ceiling():
    line = Line(model_s=0.05, decode_s=0.01)
    found = named(line, ceilings=Ceilings(20.0, 200.0, None))
    assert found.name == "model"
    assert "% of the model ceiling" in found.sentence


def test_a_second_process_on_a_gpu_that_is_never_idle_is_worth_nothing():
    line = Line(model_s=0.05, decode_s=0.005)
    ticks, _ = simulate(line, 800)
    busy = [replace(tick, readings={"gpu-0.utilisation": 99.0}) for tick in ticks]
    found = diagnose(busy, line.layout, NOTHING, line.cores)
    assert "the GPU had a kernel 99 % of it" in found.sentence
    assert found.remedy.startswith("more workers are worth nothing: the GPU would be in the way")


def test_what_was_seen_for_too_short_a_time_gives_no_name():
    line = Line()
    ticks, _ = simulate(line, 800)
    found = diagnose(ticks[:2], line.layout, NOTHING, 2.0)
    assert found.name == "none"
    assert found.sentence.startswith("too little to say")
    assert diagnose([], line.layout, NOTHING, 2.0).sentence == "too little to say what held the run back"


def test_without_a_queue_the_largest_part_of_a_workers_time_is_named():
    layout = Layout(0, 1, ("cpu",), 4, 0, 1)
    ticks = [
        Tick(second * NS, 10 * second, 0, (10 * second,), 0, 0, 0, 0, 0, worked(second), None, None)
        for second in range(1, 20)
    ]
    found = diagnose(ticks, layout, NOTHING, 2.0)
    assert found.name == "decode"
    assert found.sentence == "decode-bound: without a queue, workers spent 60 % of their work on decoding"
    assert found.remedy == "decoders with a queue (--queue) are worth up to 3.3 x"


def worked(second):
    return {Stage.READ: 0.1 * second, Stage.DECODE: 0.6 * second, Stage.MODEL: 0.3 * second}


def test_images_that_fill_the_queue_count_as_decoded():
    """A queue that fills while the run is watched makes decoders look slower by what is in it."""
    line = Line(decode_s=0.02, model_s=0.03, decoders=1, queue=200, spread=0.0)
    ticks, _ = simulate(line, 200)
    decode = next(one for one in seen(ticks, line.layout).stations if one.name == "decode")
    assert decode.bound == pytest.approx(50, rel=0.05)


def test_decoders_that_fill_a_long_queue_are_not_what_holds_the_run_back():
    """Both never wait, but what waits in between grows: the model is slower."""
    line = Line(decode_s=0.02, model_s=0.03, decoders=1, queue=2000, spread=0.1)
    ticks, _ = simulate(line, 600)
    filling = ticks[:10]
    assert filling[-1].queued > filling[2].queued
    assert diagnose(filling, line.layout, NOTHING, 64.0).name == "model"


def test_a_queue_that_becomes_empty_lends_images_to_the_model():
    """Seen from a full queue on, slow decoders do not keep the model waiting at first."""
    line = Line(decode_s=0.05, model_s=0.03, decoders=1, queue=400, spread=0.1)
    ticks, _ = simulate(line, 600)
    lent = [replace(tick, queued=300 - round(13 * tick.at_ns / NS), idle_s={}) for tick in ticks[:12]]
    rising = [replace(tick, done=round(33 * tick.at_ns / NS)) for tick in lent]
    assert diagnose(rising, line.layout, NOTHING, 64.0).name == "decode"


def test_no_more_processes_are_proposed_than_there_are_cores_for():
    """A machine that is busy with other programs gives a worker little CPU time; the core is taken all the same."""
    line = Line(model_s=0.05, decode_s=0.005, decoders=1, cores=2.0)
    ticks, _ = simulate(line, 600)
    starved = [replace(tick, cpu_s=tick.cpu_s / 3, readings={"others.cores": 1.3}) for tick in ticks]
    found = diagnose(starved, line.layout, NOTHING, 2.0)
    assert found.remedy.startswith("1 more worker is worth")
    assert found.sentence.endswith("; other programs used 1.3 of the 2 cores")


def test_a_ceiling_of_another_layout_says_nothing_about_this_one():
    line = Line(model_s=0.05, decode_s=0.01)
    before = replace(line.layout, workers=2, devices=("cpu", "cpu"))
    assert "ceiling" not in named(line, ceilings=Ceilings(20.0, 200.0, None, layout=before)).sentence
    assert "ceiling" in named(line, ceilings=Ceilings(20.0, 200.0, None, layout=line.layout)).sentence


def test_the_time_in_which_nothing_is_left_to_decode_does_not_count():
    line = Line(decode_s=0.1, model_s=0.01, decoders=1)
    ticks, _ = simulate(line, 300)
    idle = dict(ticks[-1].idle_s)
    tail = [
        replace(
            ticks[-1], at_ns=ticks[-1].at_ns + second * NS, idle_s=idle | {Idle.DECODERS: idle[Idle.DECODERS] + second}
        )
        for second in (1, 2)
    ]
    assert diagnose([*ticks, *tail], line.layout, NOTHING, 64.0).name == "decode"


def test_a_station_that_was_busy_with_what_did_not_come_out_yet_bounds_nothing():
    station = Station("decode", servers=1, busy=0.3, parts=(0.3,), rate=0.0)
    assert station.bound == float("inf")
    assert station.load(5.0) == 0
