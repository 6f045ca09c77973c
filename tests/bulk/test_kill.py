"""Whatever is killed, whenever: no image is lost or doubled, and the results are those of an undisturbed run."""

import contextlib
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

HERE = Path(__file__).parent


@pytest.fixture
def start(light, tmp_path):
    """`(data, out, **options)`: a run in a process of its own, with its own children."""
    begun = []

    def run(data, out, model="classifier", **options):
        plain = {"decoders": 2, "workers": 1, "batch": 16} | options
        command = [sys.executable, HERE / "light_run.py", data, light(model).source, out, json.dumps(plain)]
        begun.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        return begun[-1]

    yield run
    for process in begun:
        process.kill()
        process.communicate()


def numbers_in(journal):
    return Counter(json.loads(line)["number"] for line in journal.read_bytes().splitlines()[1:])


def wait_until(true, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def lines_of(journal):
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def children_of(parent, module):
    """Its workers, or its decoders, that are alive."""
    found = []
    for one in parent.children():
        with contextlib.suppress(psutil.Error):
            found += [one] if module in one.cmdline() else []
    return found


def test_children_that_are_killed_change_nothing(many, bulk, results):
    data = many(400)
    _, undisturbed, _ = bulk(data, "unhurried", out="undisturbed", workers=2)
    journal, over = undisturbed.parent / "disturbed" / "journal.jsonl", threading.Event()

    def kill_some():
        while lines_of(journal) < 2 and not over.wait(0.01):  # models are being loaded
            pass
        workers, decoders = (
            children_of(psutil.Process(), name) for name in ("light_worker", "stopwatt.bulk.pipeline.decoder")
        )
        victims = [*workers, *decoders[:1]]  # an image that costs two decoders is given up
        random.Random(5).shuffle(victims)
        for one in victims:
            with contextlib.suppress(psutil.Error):
                one.kill()
            over.wait(0.15)

    killer = threading.Thread(target=kill_some)
    killer.start()
    try:
        record, disturbed, listener = bulk(data, "unhurried", out="disturbed", workers=2)
    finally:
        over.set()
        killer.join()
    assert record.restarts > 0, listener.said
    assert numbers_in(disturbed / "journal.jsonl") == dict.fromkeys(range(400), 1)
    assert (record.done, record.failed) == (396, {"not-an-image": 4})
    assert results(disturbed) == results(undisturbed)


def kill(process):
    """End it as `kill -9` does; its children end by themselves."""
    children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.kill()
    process.wait()
    psutil.wait_procs(children, timeout=20)
    assert not [one for one in children if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("size", [(1500, 2), pytest.param((20_000, 8), marks=pytest.mark.long)])
def test_a_run_that_is_killed_again_and_again_ends_as_an_undisturbed_one(many, start, results, tmp_path, size):
    count, kills = size
    data, whole, killed = many(count), tmp_path / "whole", tmp_path / "killed"
    assert start(data, whole).wait() == 3  # some images are broken
    chance = random.Random(count)
    for _ in range(kills):
        begun, process = lines_of(killed / "journal.jsonl"), start(data, killed)
        while process.poll() is None and lines_of(killed / "journal.jsonl") <= max(begun, 1):
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.4))
        kill(process)
    assert start(data, killed).wait() == 3
    assert numbers_in(killed / "journal.jsonl") == dict.fromkeys(range(count), 1)
    assert results(killed) == results(whole)


def test_an_interrupted_run_says_so_and_goes_on(many, start, results, tmp_path):
    data = many(3000)
    out = tmp_path / "out"
    process = start(data, out, batch=2)
    wait_until(lambda: lines_of(out / "journal.jsonl") > 20)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "goes on where it stopped" in said
    assert 20 < lines_of(out / "journal.jsonl") < 3001
    assert not (out / "classes.json").exists()
    assert start(data, out, batch=2).wait() == 3
    assert start(data, tmp_path / "whole", batch=2).wait() == 3
    assert results(out) == results(tmp_path / "whole")


def test_two_runs_do_not_write_into_one_folder(many, start, tmp_path):
    data = many(3000)
    first = start(data, tmp_path / "out", batch=1)
    wait_until(lambda: lines_of(tmp_path / "out" / "journal.jsonl") > 5)
    first.send_signal(signal.SIGSTOP)  # or it might be done before the second begins
    second = start(data, tmp_path / "out", batch=1)
    _, said = second.communicate(timeout=60)
    first.send_signal(signal.SIGCONT)
    assert second.returncode == 2
    assert "another process is writing results here" in said
    assert first.wait() == 3
