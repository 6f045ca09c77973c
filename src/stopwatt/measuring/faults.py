"""What an exception inside a round means. The only place that translates errors of models and runtimes."""

import errno
import os
import traceback

from stopwatt.errors import StopwattError, Unsupported
from stopwatt.records import Status, Trouble

_MEMORY_WORDS = ("out of memory", "can't allocate memory", "cannot allocate memory", "bad allocation", "bad_alloc")
_STANDARD_ERROR = 2
_FULL = {errno.ENOSPC, errno.EDQUOT}
_POISONED_WORDS = ("CUDA error", "cudaError", "CUDNN_STATUS", "CUBLAS_STATUS")


def write_down(error: BaseException) -> None:
    """Leave the traceback in the worker's log, past whatever the measured code made of `sys.stderr`."""
    text = "".join(traceback.format_exception(error))
    os.write(_STANDARD_ERROR, f"{text}\n".encode(errors="backslashreplace"))


def translate(error: BaseException, phase: str) -> tuple[Status, Trouble]:
    """Status and three-part trouble for an exception.

    Args:
        error: What was raised.
        phase: What the round was doing (`build`, `load`, `warm-up`, ...).
    """
    when = f"in {phase}"
    if isinstance(error, Unsupported):
        return Status.UNSUPPORTED, Trouble(error.what, error.when or when, error.now)
    if isinstance(error, StopwattError):
        return Status.FAILED, Trouble(error.what, error.when or when, error.now)
    if out_of_memory(error):
        return Status.OUT_OF_MEMORY, Trouble(
            f"out of memory: {_first_line(error)}", when, "try a smaller batch or a smaller precision"
        )
    found = _recognised(error, when)
    if found is not None:
        return found
    now = "the traceback stands at the end of its log: stopwatt show ID"
    if any(word in str(error) for word in _POISONED_WORDS):
        now = "the process was thrown away, since its CUDA context may be unusable; " + now
    return Status.FAILED, Trouble(f"{type(error).__name__}: {_first_line(error)}", f"{when}{_place(error)}", now)


def _recognised(error: BaseException, when: str) -> tuple[Status, Trouble] | None:
    if isinstance(error, KeyboardInterrupt):
        return Status.INTERRUPTED, Trouble("interrupted", when, "start the same command again: it goes on from here")
    if isinstance(error, SystemExit):
        return Status.FAILED, Trouble(
            f"the code called sys.exit({error.code!r})", when, "remove the exit from the code that is measured"
        )
    if isinstance(error, OSError) and error.errno in _FULL:
        what, now = (
            f"no room on the disk: {error.strerror}",
            "free space for the cache folder, or move it: STOPWATT_CACHE",
        )
        return Status.FAILED, Trouble(what, when, now)
    if type(error).__name__ == "FailOnRecompileLimitHit":  # torch._dynamo's; torch may not be there
        return Status.UNSUPPORTED, Trouble(
            "Dynamo compiled this model again and again and gave up: it would go on eagerly, by another name",
            when,
            "look for Python values that change between calls (TORCH_LOGS=recompiles), or use another backend",
        )
    return None


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory, of the host or of the device, ran out."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"MemoryError", "OutOfMemoryError"}:
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(word in text for word in _MEMORY_WORDS)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else "(no message)"
    return text if len(text) <= 300 else text[:297] + "..."  # noqa: PLR2004


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    outside = [frame for frame in frames if "/stopwatt/measuring/" not in frame.filename]
    return f", {outside[-1].filename}:{outside[-1].lineno}" if outside else ""
