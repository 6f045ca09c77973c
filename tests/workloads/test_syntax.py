import gc
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from stopwatt.workloads.signature import outline


@pytest.fixture
def restless_collection():
    """The collector lets other threads go on in the middle of a tree, as finalizers in Python do."""

    def pause(phase, info):
        time.sleep(0)

    usual = gc.get_threshold()
    gc.set_threshold(10, 1, 1)
    gc.callbacks.append(pause)
    yield
    gc.callbacks.remove(pause)
    gc.set_threshold(*usual)


def test_threads_may_read_python_files_at_once(tmp_path, restless_collection):
    path = tmp_path / "model.py"
    path.write_text("def model(width=(1 + (2 * (3 - (4 / 5))))):\n    return [width for _ in range(9)]\n" * 10)
    with ThreadPoolExecutor(4) as pool:
        outlines = list(pool.map(lambda _: outline(path), range(16)))
    assert {len(one.callables) for one in outlines} == {10}
