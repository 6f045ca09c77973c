"""The process that decodes, as the coordinator meets it: over its connection."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from multiprocessing.connection import Pipe
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stopwatt.bulk.pipeline.decoder import Decoder
from stopwatt.bulk.pipeline.orders import Begin, Order, order_of
from stopwatt.bulk.pipeline.slots import Slots
from stopwatt.images.decoding import prepared
from stopwatt.images.item import Trouble
from stopwatt.images.source import open_source
from stopwatt.serving.contract import Preprocess

INPUT = Preprocess(24, 32)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(20):
        pixels = rng.integers(0, 255, (int(rng.integers(10, 90)), 64, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.jpg")
    return tmp_path


@pytest.fixture
def slots():
    made = Slots.create(20, INPUT.height, INPUT.width)
    yield made
    made.close()


@contextmanager
def decoder(slots):
    connection, theirs = Pipe()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "stopwatt.bulk.pipeline.decoder", str(theirs.fileno())],
        pass_fds=(theirs.fileno(),),
    )
    theirs.close()
    connection.send(Begin(os.getpid(), slots.name, INPUT))
    try:
        yield process, connection
    finally:
        connection.close()
        process.kill()
        process.wait()


def answers(connection, count):
    got = []
    while len(got) < count:
        assert connection.poll(60), "no answer"
        got += connection.recv()
    assert len(got) == count
    return got


def test_every_order_is_answered_once_in_order_with_the_pixels_in_its_slot(folder, slots):
    items = open_source(str(folder)).items
    places = {item.number: 19 - item.number for item in items}
    with decoder(slots) as (_, connection):
        connection.send([order_of(item, places[item.number]) for item in items[:5]])
        connection.send([order_of(items[5], places[5])])
        connection.send([order_of(item, places[item.number]) for item in items[6:]])
        got = answers(connection, 20)
    assert [(one.number, one.slot) for one in got] == list(places.items())
    for one in got:
        pixels, placement = prepared((folder / f"{one.number}.jpg").read_bytes(), INPUT)
        assert one.failed is None
        assert one.placement == placement
        assert np.array_equal(slots.pixels(one.slot), pixels)
        assert one.read_s >= 0
        assert one.decode_s > 0


def test_a_bad_image_costs_its_own_result_only(folder, slots):
    (folder / "3.jpg").write_bytes(b"")
    (folder / "5.jpg").write_text("text")
    items = open_source(str(folder)).items
    (folder / "7.jpg").unlink()  # between listing and reading
    with decoder(slots) as (process, connection):
        connection.send([order_of(item, item.number) for item in items])
        got = answers(connection, 20)
        assert process.poll() is None
    troubles = {one.number: one.failed.trouble for one in got if one.failed}
    assert troubles == {3: Trouble.EMPTY, 5: Trouble.NOT_AN_IMAGE, 7: Trouble.MISSING}
    assert all((one.placement is None) == (one.failed is not None) for one in got)


def test_answers_do_not_wait_for_slow_images_behind_them(folder, slots):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (2500, 2500, 3), np.uint8)).save(folder / "x.png")
    orders = [Order(0, 0, str(folder / "0.jpg")), *(Order(n, n, str(folder / "x.png")) for n in range(1, 4))]
    with decoder(slots) as (_, connection):
        connection.send(orders)
        assert connection.poll(60)
        assert len(connection.recv()) < 4


def test_a_decoder_ends_when_the_connection_is_closed(slots):
    with decoder(slots) as (process, connection):
        connection.close()
        assert process.wait(60) == 0


def test_an_interrupt_is_left_to_the_coordinator(folder, slots):
    with decoder(slots) as (process, connection):
        connection.send([Order(0, 0, str(folder / "0.jpg"))])
        answers(connection, 1)
        process.send_signal(signal.SIGINT)
        connection.send([Order(1, 1, str(folder / "1.jpg"))])
        assert answers(connection, 1)[0].failed is None


def test_a_decoder_that_is_killed_is_noticed_and_another_attaches_to_the_same_slots(folder, slots):
    with decoder(slots) as (process, connection):
        process.kill()
        with pytest.raises((EOFError, ConnectionResetError)):
            connection.recv()
    with decoder(slots) as (_, connection):
        connection.send([Order(0, 7, str(folder / "0.jpg"))])
        assert answers(connection, 1)[0].slot == 7
    assert slots.pixels(7).any()


COORDINATOR = """
import os, subprocess, sys, time
from multiprocessing.connection import Pipe
from stopwatt.bulk.pipeline.orders import Begin, Order
from stopwatt.bulk.pipeline.slots import Slots
from stopwatt.serving.contract import Preprocess
slots = Slots.create(2, 24, 32)
ours, theirs = Pipe()
command = [sys.executable, "-P", "-m", "stopwatt.bulk.pipeline.decoder", str(theirs.fileno())]
process = subprocess.Popen(command, pass_fds=(theirs.fileno(),))
ours.send(Begin(os.getpid(), slots.name, Preprocess(24, 32)))
ours.send([Order(0, 0, sys.argv[1])])
ours.recv()
print(process.pid, flush=True)
time.sleep(600)
"""


def test_a_decoder_does_not_outlive_its_coordinator(folder):
    parent = subprocess.Popen(
        [sys.executable, "-c", COORDINATOR, str(folder / "0.jpg")], stdout=subprocess.PIPE, text=True
    )
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 60
    while is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_frames_of_a_video_are_decoded_and_their_failures_said(tmp_path, slots):
    av = pytest.importorskip("av")
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(6):
            pixels = np.full((48, 64, 3), 40 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    other = path.with_name("b.mp4")
    other.write_bytes(path.read_bytes())
    work = Decoder(INPUT, slots)
    for item in open_source(str(tmp_path)).items:
        answer = work.decode(order_of(item, item.number))
        assert answer.failed is None
        assert (answer.placement.width, answer.placement.height) == (64, 48)
        assert abs(int(slots.pixels(item.number)[8, 8, 0]) - 40 * item.frame) < 6
    assert work.decode(Order(9, 9, str(tmp_path / "gone.mp4"), 0)).failed.trouble is Trouble.MISSING
    assert work.decode(Order(9, 9, str(path), 1)).failed is None


def test_what_a_decoder_imports_is_little():
    code = "import stopwatt.bulk.pipeline.decoder, sys; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"torch", "rich", "sqlalchemy", "cyclopts", "av", "scipy", "stopwatt.store", "stopwatt.reporting"}
    assert not heavy & set(modules)
