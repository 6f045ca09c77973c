"""Memory that calls take from the system anew."""

import subprocess
import sys

from stopwatt.devices.paging import fault_seconds, faults, note_on

CHURN = """
import sys
import numpy as np
from stopwatt.devices.paging import faults, keep_memory
if sys.argv[1] == "keep" and not keep_memory():
    sys.exit(3)
def call():
    held = [np.full(2**23, 1, dtype=np.uint8) for _ in range(5)]
call()
before = faults()
call()
print(faults() - before)
"""


def pages_of_a_call(how):
    done = subprocess.run([sys.executable, "-c", CHURN, how], capture_output=True, text=True, check=False)
    return None if done.returncode == 3 else int(done.stdout)


def test_a_page_costs_something_and_is_counted(undisturbed):
    @undisturbed
    def _():
        before = faults()
        assert fault_seconds() > 0
        assert faults() - before >= 1024


def test_memory_that_is_kept_is_not_taken_again():
    kept = pages_of_a_call("keep")
    if kept is None:
        return  # another C library than glibc: `keep_memory` says so
    assert kept < 64 < pages_of_a_call("give back")


def test_few_pages_are_not_worth_a_word():
    assert note_on(63, 1e-9) is None


def test_pages_that_take_little_of_a_call_are_not_worth_a_word():
    assert note_on(100, 10.0) is None


def test_pages_that_take_much_of_a_call_are_named_with_what_to_do():
    note = note_on(7140.0, 0.02)
    assert note.kind == "memory-churn"
    assert "7,140 pages" in note.text
    assert "MALLOC_TRIM_THRESHOLD_" in note.now


def test_a_share_is_never_more_than_all():
    assert "100 %" in note_on(1e6, 1e-6).text
