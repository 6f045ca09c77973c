import errno

import pytest

from stopwatt.errors import Unsupported, WorkloadError
from stopwatt.measuring.faults import translate
from stopwatt.records import Status


class OutOfMemoryError(RuntimeError):
    """Named like torch's own."""


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Unsupported("no kernel", now="use fp32"), Status.UNSUPPORTED),
        (WorkloadError("bad code"), Status.FAILED),
        (MemoryError(), Status.OUT_OF_MEMORY),
        (OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"), Status.OUT_OF_MEMORY),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 99 bytes"),
            Status.OUT_OF_MEMORY,
        ),
        (RuntimeError("std::bad_alloc"), Status.OUT_OF_MEMORY),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), Status.FAILED),
        (ValueError("out of memory of good names"), Status.FAILED),
        (KeyboardInterrupt(), Status.INTERRUPTED),
        (SystemExit(3), Status.FAILED),
    ],
)
def test_errors_are_told_apart(error, status):
    found, trouble = translate(error, "trials")
    assert found is status
    assert trouble.what


def test_the_trouble_says_what_when_and_now():
    _, trouble = translate(ValueError("broken"), "warm-up")
    assert "broken" in trouble.what
    assert "warm-up" in trouble.when
    assert trouble.now


def test_a_poisoned_cuda_context_is_named():
    _, trouble = translate(RuntimeError("CUDA error: an illegal memory access was encountered"), "trials")
    assert "thrown away" in trouble.now


def test_a_message_of_megabytes_is_cut():
    _, trouble = translate(ValueError("x" * 10**6), "build")
    assert len(trouble.what) < 400


def test_a_full_disk_names_the_folder_to_look_after():
    status, trouble = translate(OSError(errno.ENOSPC, "No space left on device"), "reference")
    assert status is Status.FAILED
    assert "No space left" in trouble.what
    assert "STOPWATT_CACHE" in trouble.now
