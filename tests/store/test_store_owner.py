"""A run belongs to the process that works on it, as long as that process lives."""

import os
import subprocess

from stopwatt.store.owner import is_alive, this_process


def test_this_process_is_alive():
    assert is_alive(this_process())


def test_another_process_is_alive_until_it_ends():
    other = subprocess.Popen(["sleep", "60"])
    owner = this_process(other.pid)
    assert is_alive(owner)
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(owner)  # a zombie works on nothing
    other.wait()
    assert not is_alive(owner)


def test_a_later_process_with_the_same_number_is_another_one():
    boot, namespace, pid, started = this_process().split("/")
    assert not is_alive(f"{boot}/{namespace}/{pid}/{int(started) - 1}")
    assert not is_alive(f"another boot/{namespace}/{pid}/{started}")


def test_nobody_is_not_alive():
    assert not is_alive("")
    assert not is_alive("garbage/with/four/parts")
