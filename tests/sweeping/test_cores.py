"""Two measurements never share a core, on one machine and across processes."""

import os
import subprocess
import sys

import pytest

from stopwatt.errors import EnvironmentUnfit
from stopwatt.sweeping.cores import Cores

CLAIM = (
    "import sys, pathlib; from stopwatt.sweeping.cores import Cores; c = Cores(1, [3, 4], pathlib.Path(sys.argv[1]));"
)


def test_claims_do_not_overlap(tmp_path):
    with Cores(2, [0, 1, 2], tmp_path) as first, Cores(1, [0, 1, 2], tmp_path) as second:
        assert first.numbers == (0, 1)
        assert second.numbers == (2,)


def test_too_few_free_cores_are_an_error_that_claims_nothing(tmp_path):
    with Cores(2, [0, 1, 2], tmp_path):
        with pytest.raises(EnvironmentUnfit, match="1 of 3 are free"):
            Cores(2, [0, 1, 2], tmp_path)
        with Cores(1, [0, 1, 2], tmp_path) as rest:
            assert rest.numbers == (2,)


def test_a_claim_ends_with_its_process_however_it_dies(tmp_path):
    code = CLAIM + "print(c.numbers, flush=True); import time; time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "(3,)\n"
    with Cores(1, [3, 4], tmp_path) as other:
        assert other.numbers == (4,)
    holder.kill()
    holder.communicate()
    with Cores(2, [3, 4], tmp_path) as both:
        assert both.numbers == (3, 4)


def test_a_lock_file_that_is_a_link_is_not_followed(tmp_path):
    target = tmp_path / "precious"
    target.write_text("mine")
    folder = tmp_path / "locks"
    folder.mkdir(mode=0o700)
    (folder / "core-0").symlink_to(target)
    with pytest.raises(OSError, match="symbolic links"):
        Cores(1, [0], folder)
    assert target.read_text() == "mine"


def test_a_folder_of_another_user_or_a_link_is_refused(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(EnvironmentUnfit, match="not this user's"):
        Cores(1, [0], tmp_path / "link")


def test_by_default_the_cores_are_those_that_the_process_may_use(tmp_path):
    with Cores(1, folder=tmp_path) as claimed:
        assert set(claimed.numbers) <= os.sched_getaffinity(0)
