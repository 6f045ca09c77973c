import os
import time
from types import SimpleNamespace

from stopwatt.records import Status
from stopwatt.sweeping import oom
from stopwatt.sweeping.executors.ending import obituary
from stopwatt.sweeping.executors.log import LOG_HEAD, LOG_TAIL, Log
from stopwatt.sweeping.executors.worker import listen


def test_a_log_keeps_the_beginning_and_the_end_of_a_gigabyte():
    log = Log()
    log.add(b"first words\n")
    for _ in range(1000):
        log.add(b"x" * 100_000)
    log.add(b"last words")
    text = log.text()
    assert text.startswith("first words")
    assert text.endswith("last words")
    assert "bytes left out" in text
    assert len(text) < LOG_HEAD + LOG_TAIL + 100


def test_a_short_log_is_whole():
    log = Log()
    log.add(b"a" * 10)
    log.add(b"b" * 10)
    assert log.text() == "a" * 10 + "b" * 10


def test_bytes_that_are_no_text_do_no_harm():
    log = Log()
    log.add(b"\xff\x00ok")
    assert log.text().endswith("ok")


def test_the_way_a_process_died_is_told_apart():
    assert obituary(-11, 0).status is Status.CRASHED
    assert "SIGSEGV" in obituary(-11, 0).trouble.what
    assert obituary(-9, 1).trouble.what == "killed, probably out of memory"
    assert "from outside" in obituary(-9, 0).trouble.what
    assert obituary(0, 0).status is Status.NO_RESULT
    assert obituary(3, 0).status is Status.NO_RESULT


def test_the_kernels_count_of_kills_for_memory_is_read(tmp_path):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/vmstat").write_text("pgfault 7\noom_kill 3\n")
    assert oom.kills(tmp_path) == 3
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/memory.events").write_text("low 0\noom 2\noom_kill 1\n")
    assert oom.kills(tmp_path) == 1


def test_without_counters_no_kill_is_claimed(tmp_path):
    assert oom.kills(tmp_path) == 0


def test_an_answer_that_arrives_as_the_worker_ends_is_not_lost():
    (pipe, answering), (output, printing) = os.pipe(), os.pipe()
    os.write(printing, b"last words\n")

    def end():
        os.write(answering, b'{"answer":{}}\n')
        return 0

    worker = SimpleNamespace(stdout=SimpleNamespace(fileno=lambda: output), poll=end)
    try:
        heard = listen(worker, pipe, Log(), time.monotonic() + 10, lambda _: None)
    finally:
        for descriptor in (pipe, answering, output, printing):
            os.close(descriptor)
    assert heard == (b'{"answer":{}}', False)
