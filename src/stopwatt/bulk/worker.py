"""A process with a model: groups of images in, lines of the journal out (`groups` has the words).

    python -m stopwatt.bulk.worker <descriptor>    # as the coordinator starts it: of its end of the connection

Each lane (one model on one device) is a thread; the main thread only passes groups on, so the next group is here
before a lane asks for it. When the coordinator is gone, so is the process.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from stopwatt.bulk.groups import Answer, Attach, Begin, Group, Ready, Refused, Row
from stopwatt.bulk.lines import line
from stopwatt.bulk.records import Failed, Stage
from stopwatt.bulk.serve import Model, load
from stopwatt.bulk.slots import Slots
from stopwatt.errors import ExitCode, StopwattError
from stopwatt.measuring import process
from stopwatt.measuring.faults import translate, write_down
from stopwatt.serving.contract import Found, Placement

if TYPE_CHECKING:
    from stopwatt.bulk.orders import Order


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
    try:
        lanes = [_Lane(number, begin, device, connection) for number, device in enumerate(begin.devices)]
    except StopwattError as error:
        _refuse(connection, Refused(error.what, error.when, error.now, error.exit_code))
    except Exception as error:  # noqa: BLE001  (models raise anything)
        write_down(error)
        _, trouble = translate(error, "loading the model")
        _refuse(connection, Refused(trouble.what, trouble.when, trouble.now, ExitCode.PARTLY_FAILED))
    else:
        _serve(connection, lanes)
    os._exit(0)  # neither exit handlers nor destructors of a model may keep it


def _serve(connection: Connection, lanes: "list[_Lane]") -> None:
    lock = Lock()
    for lane in lanes:
        lane.start(lock)
    try:
        attach: Attach = connection.recv()
        slots = Slots.attach(attach.slots) if attach.slots else None
        for lane in lanes:
            lane.groups.put(slots)
        while True:
            group: Group = connection.recv()
            lanes[group.lane].groups.put(group)
    except (EOFError, ConnectionResetError):
        return


def _refuse(connection: Connection, refused: Refused) -> None:
    connection.send(refused)


class _Lane:
    """One model on one device. It is loaded by the main thread, and used by one of its own."""

    def __init__(self, number: int, begin: Begin, device: str, connection: Connection) -> None:
        wanted = replace(begin.load, setup=replace(begin.load.setup, device=device))
        self._number = number
        self._model = load(wanted)
        self._connection = connection
        self.groups: SimpleQueue[Any] = SimpleQueue()

    def start(self, lock: Lock) -> None:
        """Let it wait for the slots, and then for groups."""
        Thread(target=self._guarded, args=(lock,), daemon=True).start()

    def _guarded(self, lock: Lock) -> None:
        try:
            with self._model.runner.active():
                self._run(lock)
        except BaseException as error:  # noqa: BLE001  (a thread that ends silently would leave the run waiting)
            write_down(error)
            os._exit(1)

    def _run(self, lock: Lock) -> None:
        model = self._model
        try:
            model.warm()
        except Exception as error:  # noqa: BLE001  (models raise anything)
            write_down(error)
            _, trouble = translate(error, "the first call of the model")
            with lock:
                _refuse(self._connection, Refused(trouble.what, trouble.when, trouble.now, ExitCode.PARTLY_FAILED))
            return
        with lock:
            self._connection.send(Ready(self._number, model.contract, model.batch, model.runner.computed()))
        slots = self.groups.get()
        work = _Direct(model) if slots is None else _FromSlots(model, slots)
        while True:
            group: Group = self.groups.get()
            rows = work.rows(group.images)
            seconds, model.seconds = model.seconds, {}
            with lock:
                self._connection.send(Answer(self._number, group.ticket, rows, seconds))


class _FromSlots:
    """Images that decoders have put into slots."""

    def __init__(self, model: Model, slots: Slots) -> None:
        self._model = model
        self._slots = slots

    def rows(self, images: "Sequence[tuple[int, int, Placement]]") -> list[Row]:
        """What becomes of them."""
        pixels = [self._slots.pixels(slot) for _, slot, _ in images]
        placements = [placement for _, _, placement in images]
        results = self._model.results(pixels, placements)
        numbers = [number for number, _, _ in images]
        return _rows(numbers, placements, results)


class _Direct:
    """Images that the lane reads and decodes itself: no queue."""

    def __init__(self, model: Model) -> None:
        from stopwatt.bulk.decoder import Decoder

        preprocess = model.contract.preprocess
        self._model = model
        self._slots = Slots.create(model.batch, preprocess.height, preprocess.width)
        self._decoder = Decoder(preprocess, self._slots)

    def rows(self, images: "Sequence[Order]") -> list[Row]:
        """What becomes of them."""
        answers = [self._decoder.decode(order._replace(slot=place)) for place, order in enumerate(images)]
        seconds = self._model.seconds
        seconds[Stage.READ] = sum(answer.read_s for answer in answers)
        seconds[Stage.DECODE] = sum(answer.decode_s for answer in answers)
        good = [(answer.number, answer.slot, answer.placement) for answer in answers if answer.placement is not None]
        rows = [
            (answer.number, True, line(answer.number, None, answer.failed))
            for answer in answers
            if answer.failed is not None
        ]
        return rows + (_FromSlots(self._model, self._slots).rows(good) if good else [])


def _rows(numbers: Sequence[int], placements: Sequence[Placement], results: "Sequence[Found | Failed]") -> list[Row]:
    return [
        (number, isinstance(result, Failed), line(number, placement, result))
        for number, placement, result in zip(numbers, placements, results, strict=True)
    ]


if __name__ == "__main__":
    main()
