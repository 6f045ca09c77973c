import io
import json
import os
import tempfile

import numpy as np
import pytest
from fake_meters import One

from stopwatt.energy import About, Scope
from stopwatt.meters.base import Gone
from stopwatt.meters.null import Null
from stopwatt.meters.sampler import Orders, Sampler
from stopwatt.meters.tracefile import Findings, TraceReader, TraceWriter

MS = 1_000_000


class Time:
    """A clock that only sleeping moves; a reading may take time, too."""

    def __init__(self):
        self.now = 0

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.now += round(seconds * 1e9)


def sampled(*instruments, seconds=1.0, energy=True, during=None):
    """Rows that a sampler writes within so much time of its own."""
    time, stream = Time(), io.StringIO()
    sampler = Sampler(instruments, TraceWriter(stream), energy=energy, clock=time.clock, sleep=time.sleep)
    if during:
        during(sampler, time)
    sampler.run(lambda: time.now <= seconds * 1e9)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def rows(lines, place=0, channel=None):
    found = [(line[2], line[3]) for line in lines if line[0] == "row" and line[1] == place]
    return [(at, reading[channel]) for at, reading in found if channel in reading] if channel else found


def counter(time, tick_ms, joules=2.0):
    return lambda: time.now // (tick_ms * MS) * joules


def test_a_row_is_written_when_the_counter_has_changed():
    one = One()

    def during(sampler, time):
        one._count = counter(time, 20)

    found = rows(sampled(one, during=during), channel="energy")
    assert [at for at, _ in found][:51] == [n * 20 * MS for n in range(51)]
    assert np.allclose(np.diff([joules for _, joules in found]), 2.0)


def test_a_counter_that_stands_still_is_written_as_often_as_everything_else():
    found = rows(sampled(One(count=lambda: 0.0)), channel="energy")
    assert [at for at, _ in found] == [n * 100 * MS for n in range(11)]


def test_everything_else_is_read_ten_times_a_second():
    found = rows(sampled(One()), channel="power")
    assert [at for at, _ in found] == [n * 100 * MS for n in range(11)]


def test_counters_are_not_read_unless_energy_was_asked_for():
    assert not rows(sampled(One(), energy=False), channel="energy")


def test_a_reading_that_takes_long_delays_no_later_one():
    one = One()

    def during(sampler, time):
        def slow():
            time.sleep(0.25)
            return {"power": 1.0}

        one._state = slow

    found = rows(sampled(one, during=during, energy=False), channel="power")
    assert [at // MS for at, _ in found] == [250, 550, 850, 1150]


def test_what_is_not_finite_was_not_read():
    assert rows(sampled(One(state=lambda: {"power": float("nan"), "temperature": 3.0}), energy=False))[0] == (
        0, {"temperature": 3.0},
    )  # fmt: skip


@pytest.mark.parametrize(("error", "why"), [(Gone("unplugged"), "unplugged"), (OSError(5, "io"), "reading it failed")])
def test_an_instrument_that_raises_has_said_its_last_word_and_the_others_go_on(error, why):
    def fail():
        raise error

    lines = sampled(One(state=fail), One("fake-1"))
    gone = [line for line in lines if line[0] == "gone"]
    assert len(gone) == 1
    assert gone[0][1] == 0
    assert gone[0][3].startswith(why)
    assert len(rows(lines, place=1, channel="power")) == 11


def test_an_instrument_is_told_whom_to_follow_until_it_is_gone():
    one = One()
    sampler = Sampler([one, *Null().find()], TraceWriter(io.StringIO()), energy=True)
    sampler.follow(7)
    sampler.close()
    assert (one.followed, one.closed) == ([7], True)


def test_orders_come_on_a_pipe_and_end_with_it():
    followed = []
    reading, writing = os.pipe()
    orders = Orders(followed.append, reading)
    assert orders()
    os.write(writing, b"follow 12\nfollow 13\n")
    assert orders()
    os.close(writing)
    assert not orders()
    os.close(reading)
    assert followed == [12, 13]


@pytest.fixture
def file():
    with tempfile.TemporaryFile() as file:
        yield file


def written(file, text):
    os.write(file.fileno(), text.encode())


def opened(file):
    writer = TraceWriter(open(file.fileno(), "w", closefd=False))  # noqa: SIM115  (a descriptor, as in a sampler)
    writer.found(Findings((About("a", Scope.GPU, "fake"), About("b", Scope.NONE, "fake")), {Scope.DRAM: "no"}, {}))
    return writer, TraceReader(file.fileno())


def test_what_was_written_is_read_as_traces(file):
    writer, reader = opened(file)
    writer.row(0, 10, {"energy": 1.0})
    writer.row(0, 20, {"power": 5.0})
    writer.until(20)
    reader.update()
    first, second = reader.traces(100)
    assert (first.about.name, list(first.time_ns), reader.findings.why) == ("a", [10, 20], {Scope.DRAM: "no"})
    assert first.time_ns.dtype == np.int64
    assert np.array_equal(first.channels["energy"], [1.0, np.nan], equal_nan=True)
    assert np.array_equal(first.channels["power"], [np.nan, 5.0], equal_nan=True)
    assert (second.time_ns.size, second.channels, second.gone) == (0, {}, "")


def test_a_line_that_a_killed_writer_left_unfinished_is_not_read(file):
    writer, reader = opened(file)
    writer.row(0, 10, {"power": 1.0})
    writer.flush()
    written(file, '["row",0,20,{"po')
    reader.update()
    assert list(reader.traces(100)[0].time_ns) == [10]
    written(file, 'wer":2.0}]\n')
    reader.update()
    assert list(reader.traces(100)[0].time_ns) == [10, 20]


def test_time_only_rises_and_what_is_forgotten_is_gone(file):
    writer, reader = opened(file)
    for at in (10, 20, 20, 15, 30):
        writer.row(0, at, {"power": float(at)})
    writer.flush()
    reader.update()
    assert list(reader.traces(29)[0].time_ns) == [10, 20]
    reader.forget_before(20)
    assert list(reader.traces(100)[0].time_ns) == [20, 30]


def test_what_has_been_read_takes_no_room_on_the_disk(file):
    writer, reader = opened(file)
    for at in range(20_000):
        writer.row(0, at, {"power": float(at)})
    writer.flush()
    before = os.fstat(file.fileno()).st_blocks
    reader.update()
    reader.forget_before(20_000)
    writer.row(0, 20_000, {"power": 1.0})
    writer.flush()
    reader.update()
    assert os.fstat(file.fileno()).st_blocks < before / 2
    assert list(reader.traces(30_000)[0].time_ns) == [20_000]


def test_an_instrument_is_silent_from_the_time_on_at_which_it_said_so(file):
    writer, reader = opened(file)
    writer.gone(0, 50, "unplugged")
    writer.flush()
    reader.update()
    assert [trace.gone for trace in reader.traces(49)] == ["", ""]
    assert [trace.gone for trace in reader.traces(50, "killed")] == ["unplugged", "killed"]
