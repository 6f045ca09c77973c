"""A process with models: groups of images in, lines of the journal out (`groups` has the words).

    python -m stopwatt.bulk.pipeline.worker <descriptor>    # as the coordinator starts it: of its end of the connection

Each lane (one model on one device) has threads of its own; the main thread only passes groups on, so the next group is
here before a lane asks for it. When the coordinator is gone, so is the process.
"""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from threading import Lock
from typing import Any

from stopwatt.bulk.pipeline.groups import Attach, Begin, Group, Refused
from stopwatt.bulk.pipeline.lane import Lane
from stopwatt.bulk.pipeline.serve import Load, load
from stopwatt.bulk.pipeline.slots import Slots
from stopwatt.errors import ExitCode, StopwattError
from stopwatt.measuring import process
from stopwatt.measuring.faults import translate, write_down

_SWITCH_S = 0.0005
"""A thread of a lane that wants to go on waits no longer for the other's Python code; by default it is 5 ms."""


def main() -> None:
    """Serve until the coordinator closes the connection."""
    descriptor = int(sys.argv[-1])
    os.set_inheritable(descriptor, False)  # what a model starts must not hold the connection open
    connection = Connection(descriptor)
    process.show_crashes()
    process.ignore_interrupts()
    begin: Begin = connection.recv()
    process.die_with(begin.parent)
    process.be_first_victim()
    sys.setswitchinterval(_SWITCH_S)
    send = _sender(connection)
    try:
        lanes = [Lane(number, load(_on(begin.load, device)), send) for number, device in enumerate(begin.devices)]
    except StopwattError as error:
        send(Refused(error.what, error.when, error.now, error.exit_code))
    except Exception as error:  # noqa: BLE001  (models raise anything)
        write_down(error)
        _, trouble = translate(error, "loading the model")
        send(Refused(trouble.what, trouble.when, trouble.now, ExitCode.PARTLY_FAILED))
    else:
        _serve(connection, lanes)
    os._exit(0)  # neither exit handlers nor destructors of a model may keep it


def _on(wanted: Load, device: str) -> Load:
    return replace(wanted, setup=replace(wanted.setup, device=device))


def _sender(connection: Connection) -> Callable[[Any], None]:
    lock = Lock()

    def send(message: Any) -> None:
        with lock:
            connection.send(message)

    return send


def _serve(connection: Connection, lanes: Sequence[Lane]) -> None:
    for lane in lanes:
        lane.start()
    try:
        attach: Attach = connection.recv()
        for lane in lanes:
            lane.give(Slots.attach(attach.slots) if attach.slots else None)
        while True:
            group: Group = connection.recv()
            lanes[group.lane].give(group)
    except (EOFError, ConnectionResetError):
        return


if __name__ == "__main__":
    main()
