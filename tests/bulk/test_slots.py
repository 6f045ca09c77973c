"""Memory that processes share, and that nobody has to remove."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stopwatt.bulk.pipeline import slots as slots_module
from stopwatt.bulk.pipeline.slots import Slots
from stopwatt.errors import EnvironmentUnfit

WRITER = """
import os, sys
from stopwatt.bulk.pipeline.slots import Slots
slots = Slots.attach(sys.argv[1])
slots.pixels(1)[:] = 7
print("written", flush=True)
sys.stdin.read()
"""


def writer(slots):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, slots.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "written\n"
    return process


def end(process):
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdin.close()
    process.stdout.close()


@pytest.fixture
def slots():
    made = Slots.create(3, 8, 16)
    yield made
    made.close()


def test_each_slot_is_an_image_of_its_own(slots):
    slots.pixels(2)[:] = 5
    assert slots.all.shape == (3, 8, 16, 3)
    assert len(slots) == 3
    assert [int(one.max()) for one in slots.all] == [0, 0, 5]


def test_what_one_process_writes_another_reads_without_a_copy(slots):
    process = writer(slots)
    assert np.array_equal(slots.pixels(1), np.full((8, 16, 3), 7, np.uint8))
    slots.pixels(1)[0, 0] = 9
    assert Slots.attach(slots.name).pixels(1)[0, 0, 0] == 9
    end(process)


def test_a_process_that_is_killed_leaves_the_others_their_slots(slots):
    end(writer(slots))
    assert slots.pixels(1).min() == 7


def test_slots_have_no_place_in_any_file_system(slots):
    descriptor = slots.name.rpartition(":")[0]
    assert str(Path(descriptor).readlink()).startswith("/memfd:")


OWNER = """
import subprocess, sys
from stopwatt.bulk.pipeline.slots import Slots
slots = Slots.create(64, 512, 512)
print(slots.name, flush=True)
sys.stdin.read()
"""


def test_when_the_owner_is_killed_nothing_is_left():
    before = set(os.listdir("/dev/shm"))  # noqa: PTH208  (names only)
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    name = owner.stdout.readline().strip()
    held = Slots.attach(name)
    end(owner)
    held.pixels(63)[:] = 1  # still ours
    with pytest.raises(OSError, match=r"."):
        Slots.attach(name)
    assert not {one for one in set(os.listdir("/dev/shm")) - before if "stopwatt" in one}  # noqa: PTH208


def test_more_than_there_is_memory_for_is_refused_before_it_is_claimed(monkeypatch):
    monkeypatch.setattr(slots_module, "memory_left", lambda: 1000)
    monkeypatch.setattr(os, "memfd_create", None)
    with pytest.raises(EnvironmentUnfit, match="no memory for a queue of 3 images") as refused:
        Slots.create(3, 8, 16)
    assert "--queue" in refused.value.now


def test_where_nobody_says_what_is_left_it_is_claimed(monkeypatch):
    monkeypatch.setattr(slots_module, "memory_left", lambda: None)
    made = Slots.create(3, 8, 16)
    made.close()
    assert len(made) == 3


def test_memory_that_is_refused_while_it_is_claimed_is_said_too(monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(EnvironmentUnfit, match="No space left"):
        Slots.create(3, 8, 16)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
