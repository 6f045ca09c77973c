"""Files that never come and processes that never answer cost their own result, and the run goes on."""

import json
import threading
from dataclasses import replace

import psutil
import pytest
from test_ceilings import files, stand_of  # noqa: F401  (a fixture)

from stopwatt.bulk.judging import ceilings
from stopwatt.bulk.judging.ceilings import measure_ceilings
from stopwatt.bulk.judging.reading import files_a_second, within
from stopwatt.bulk.pipeline import crew, staff
from stopwatt.bulk.pipeline.child import Child
from stopwatt.bulk.pipeline.crew import Crew, Died
from stopwatt.bulk.pipeline.job import Job
from stopwatt.bulk.pipeline.serve import Load
from stopwatt.bulk.records import Layout
from stopwatt.images.items import Files, Frames, Names
from stopwatt.records import Precision, Setup


def test_an_image_that_a_decoder_is_never_done_with_fails_after_a_second_try(photos, bulk, monkeypatch):
    monkeypatch.setattr(staff, "DECODER", "light_decoder")
    monkeypatch.setenv("LIGHT_HANGERS", "9")
    record, folder, listener = bulk(photos(24), timeout_s=3.0)
    assert (record.done, record.failed) == (23, {"too-slow": 1})
    (failed,) = [json.loads(line) for line in (folder / "failed.jsonl").read_text().splitlines()]
    assert failed["file_name"] == "000009.bmp"
    assert failed["why"] == "the decoder died of it twice: it gave no answer for 3 s and was ended"
    assert len([said for said in listener.said if said.startswith("a decoder died")]) >= 2


@pytest.mark.parametrize(
    ("timeout_s", "decode_s"), [(600.0, 120.0), (1800.0, 360.0), (60.0, 60.0)], ids=["default", "longer", "shorter"]
)
def test_an_image_has_a_shorter_time_limit_than_a_batch_and_a_video_the_same(timeout_s, decode_s):
    setup = Setup("eager", "", Precision.FP32, 4, "cpu")
    layout = Layout(1, 1, ("cpu",), 4, 8, 1)
    job = Job(Files("/", Names([b"a.jpg"])), bytearray(1), Load("", None, setup), layout, True, False, timeout_s)
    assert job.decode_timeout_s == decode_s
    assert replace(job, items=Frames("/", ["a.mp4"], [1], [1])).decode_timeout_s == timeout_s


def test_a_process_that_the_kernel_does_not_let_go_is_left_to_it(light, monkeypatch):
    monkeypatch.setattr(crew, "LEAVE_S", 0.05)
    monkeypatch.setattr(Child, "kill", lambda _: None)  # as if it waited for a disk
    with Crew() as all_of_them:
        member = all_of_them.hire("light_sleeper", 1, (0,), "never heard")
        try:
            all_of_them.end(member, "it gave no answer")
            news = []
            while not news:
                news = list(all_of_them.news(0.01))
            ((who, died),) = news
            assert (who, died.why) == (member, "it gave no answer")
            assert isinstance(died, Died)
            assert died.how.trouble.what == "killed, but the kernel still holds it"
            assert not all_of_them.members
            assert psutil.pid_exists(member.child.pid)
        finally:
            member.child._process.kill()
            member.child._process.wait()


def test_what_a_dead_mount_keeps_waiting_is_left_alone():
    ever = threading.Event()
    with pytest.raises(TimeoutError):
        within(0.01, ever.wait)
    ever.set()
    assert within(60.0, lambda: 5) == 5


def test_the_ceiling_of_the_storage_is_not_waited_for_for_ever(files, monkeypatch):  # noqa: F811  (the fixture)
    asked, ever = [], threading.Event()
    monkeypatch.setattr(ceilings, "_STUCK_S", 0.01)
    monkeypatch.setattr(ceilings, "cached_share", lambda paths: asked.append(paths) or ever.wait())
    stand, _, _ = stand_of(files)
    found = measure_ceilings(stand, turns=3, turn_s=0.01)
    ever.set()
    assert found.storage is None
    assert found.why["storage"] == "a file was not read within 60 s"
    assert found.model > 0
    assert len(asked) == 1, "a dead mount is not asked twice"


def test_no_file_is_begun_when_the_time_for_reading_is_over(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    _, read = files_a_second([str(tmp_path / "a")] * 50, 2, longest_s=0.0)
    assert read == 0
