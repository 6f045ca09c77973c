"""What is reported of a worker that gave no readable answer."""

import json
import signal

import pydantic

from stopwatt import wire
from stopwatt.measuring.job import Answer
from stopwatt.records import Status, Trouble


def read_answer(message: bytes) -> Answer:
    """The answer of a worker's message; one that cannot be read is a result of its own."""
    try:
        return wire.from_document(Answer, json.loads(message)["answer"])
    except (ValueError, KeyError, pydantic.ValidationError) as error:
        what = f"the worker's answer cannot be read: {str(error).splitlines()[0]}"
        return Answer(Status.NO_RESULT, Trouble(what, now="report this with the log: it is a fault of stopwatt"))


def too_late(timeout_s: float) -> Trouble:
    """Why a worker was ended."""
    return Trouble(
        f"no answer within {timeout_s:g} s",
        "the worker was interrupted, then terminated, then killed, until it ended",
        "raise --timeout if the model is that slow; otherwise it hangs: the end of the log may show where",
    )


def obituary(returncode: int, oom_kills: int) -> Answer:
    """The answer for a worker that ended without one."""
    if returncode == -signal.SIGKILL:
        if oom_kills:
            what, now = "killed, probably out of memory", "try a smaller batch, or a machine with more memory"
        else:
            what, now = "killed by SIGKILL from outside", "look who killed it (dmesg, the job scheduler); then repeat"
        return Answer(Status.KILLED, Trouble(what, now=now))
    if returncode < 0:
        name = signal.Signals(-returncode).name
        return Answer(
            Status.CRASHED,
            Trouble(
                f"crashed with {name}", now="the end of the log shows the stack; the runtime or its driver is at fault"
            ),
        )
    return Answer(
        Status.NO_RESULT,
        Trouble(
            f"the worker ended with exit code {returncode} and without an answer",
            now="the measured code ended the process itself (sys.exit, os._exit): remove that, or look at the log",
        ),
    )
