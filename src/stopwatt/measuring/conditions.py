"""What the measured code did to its own conditions while it was timed."""

from stopwatt.backends.base import Runner
from stopwatt.records import Note, Setup


def recompilations(runner: Runner) -> int:
    """How often the model was compiled again so far."""
    return int(runner.computed().get("recompilations", 0))


def changed_conditions(runner: Runner, compiled: int, setup: Setup) -> list[Note]:
    """Notes on what is not as it was asked for, or did not stay so.

    Args:
        runner: After the trials.
        compiled: Recompilations before the trials.
        setup: What was asked for.
    """
    notes = []
    if again := recompilations(runner) - compiled:
        notes.append(_recompiled(again))
    threads = int(runner.computed().get("threads", setup.threads))
    if threads != setup.threads:
        notes.append(_other_threads(threads, setup.threads))
    return notes


def _recompiled(times: int) -> Note:
    return Note(
        "recompiled",
        f"the model was compiled again {times} times inside the timed trials: their longest ones are compilations",
        now="look for shapes or Python values that change between calls (TORCH_LOGS=recompiles names them)",
    )


def _other_threads(threads: int, asked: int) -> Note:
    return Note(
        "threads-changed",
        f"{threads} threads computed where {asked} were asked for: the numbers are those of {threads}",
        now=f"look whether the model's own code sets threads, or ask for --threads {threads}",
    )
