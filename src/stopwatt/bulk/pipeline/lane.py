"""One model on one device inside a worker: while it runs a batch, the next is made ready and the last is read.

    the worker's main thread   groups ->
    the lane's thread            gather, normalise, stage ->              -> read, send the answer
    the model's thread                                     -> call, fetch ->

The two threads take turns with two batches: a device has its next batch when it is done with one, and a CPU with a
core to spare uses it. All calls of the model come from one thread. A lane that decodes for itself has one batch only:
there one thing happens after another.
"""

import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Thread
from time import perf_counter
from typing import Any

from stopwatt.bulk.keeping.lines import line
from stopwatt.bulk.pipeline.groups import Answer, Group, Ready, Refused
from stopwatt.bulk.pipeline.serve import Batch, Model, failure, poisoned
from stopwatt.bulk.pipeline.slots import Slots
from stopwatt.bulk.pipeline.taking import FromFiles, FromSlots, Taken, Taker
from stopwatt.bulk.records import Stage
from stopwatt.errors import ExitCode
from stopwatt.images.item import Failed
from stopwatt.measuring.faults import translate, write_down
from stopwatt.serving.contract import Found

_STANDARD_ERROR = 2


@dataclass(slots=True)
class _Work:
    """A group, as far as it is done."""

    ticket: int
    images: Taken
    results: dict[int, Found | Failed] = field(default_factory=dict)  # by place in the group


@dataclass(slots=True)
class _Call:
    """Images of a group that share a call of the model."""

    work: _Work
    places: Sequence[int]
    batch: Batch
    staged: Any = None
    outputs: Any = None
    error: Exception | None = None
    seconds: float = 0.0


class Lane:
    """Answers groups; it has said that it is ready before it gets the first.

    Args:
        number: In its worker.
        model: Loaded.
        send: Sends a message to the coordinator; safe from any thread.
    """

    def __init__(self, number: int, model: Model, send: Callable[[Any], None]) -> None:
        self._number = number
        self._model = model
        self._send = send
        self._inbox: SimpleQueue[Slots | Group | _Call | None] = SimpleQueue()
        self._calls: SimpleQueue[_Call] = SimpleQueue()
        self._waiting: deque[Group | tuple[_Work, Sequence[int]]] = deque()
        self._free: list[Batch] = []

    def start(self) -> None:
        """Make the model ready, in a thread of its own."""
        self._thread(self._infer)

    def give(self, message: Slots | Group | None) -> None:
        """The slots first, or `None` where the lane reads and decodes for itself; then groups."""
        self._inbox.put(message)

    def _thread(self, target: Callable[[], None]) -> None:
        Thread(target=self._guarded, args=(target,), daemon=True).start()

    def _guarded(self, target: Callable[[], None]) -> None:
        try:
            with self._model.runner.active():
                target()
        except BaseException as error:  # noqa: BLE001  (a thread that ends silently would leave the run waiting)
            write_down(error)
            _, trouble = translate(error, "a lane")  # CUDA's own last lines give advice, the first says what happened
            os.write(_STANDARD_ERROR, f"{trouble.what}\n".encode(errors="backslashreplace"))
            os._exit(1)

    # --- the model's thread ---

    def _infer(self) -> None:
        model = self._model
        try:
            model.warm()
        except Exception as error:  # noqa: BLE001  (models raise anything)
            write_down(error)
            _, trouble = translate(error, "the first call of the model")
            self._send(Refused(trouble.what, trouble.when, trouble.now, ExitCode.PARTLY_FAILED))
            return
        self._send(Ready(self._number, model.contract, model.batch, model.runner.computed()))
        self._thread(self._serve)
        while True:
            call = self._calls.get()
            start = perf_counter()
            try:
                call.outputs = model.outputs(call.staged)
            except Exception as error:  # noqa: BLE001  (models raise anything)
                call.error = error
            call.seconds = perf_counter() - start
            self._inbox.put(call)

    # --- the lane's thread ---

    def _serve(self) -> None:
        taker = self._taker(self._inbox.get())
        self._free = [Batch(self._model) for _ in range(taker.ahead)]
        while True:
            message = self._inbox.get()
            if isinstance(message, _Call):
                self._read(message)
            elif isinstance(message, Group):
                self._waiting.append(message)
            while self._free and self._waiting:
                self._begin(self._waiting.popleft(), taker)

    def _taker(self, slots: Any) -> Taker:
        if slots is None:
            return FromFiles(self._model.contract.preprocess, self._model.batch)
        return FromSlots(slots)

    def _begin(self, part: Group | tuple[_Work, Sequence[int]], taker: Taker) -> None:
        """Put images where the model takes them from."""
        if isinstance(part, Group):
            work = _Work(part.ticket, taker.take(part.images))
            places: Sequence[int] = range(len(work.images.numbers))
            if not places:
                return self._answer(work)
        else:
            work, places = part
        call = _Call(work, places, self._free.pop())
        start = perf_counter()
        try:
            call.staged = call.batch.staged([work.images.pixels[place] for place in places])
        except Exception as error:  # noqa: BLE001  (a device may have no memory left)
            call.error = error
        _count(work, Stage.PREPARE, perf_counter() - start)
        return self._read(call) if call.error else self._calls.put(call)

    def _read(self, call: _Call) -> None:
        """What a call said; one that failed is made again for each image by itself, so that it costs its own only."""
        work, places = call.work, call.places
        _count(work, Stage.MODEL, call.seconds)
        start = perf_counter()
        try:
            work.results.update(zip(places, self._found(call), strict=True))
        except Exception as error:
            if poisoned(error):
                raise
            if len(places) == 1:
                work.results[places[0]] = failure(error)
            else:
                self._waiting.extendleft((work, (place,)) for place in reversed(places))
        _count(work, Stage.POSTPROCESS, perf_counter() - start)
        self._free.append(call.batch)
        if len(work.results) == len(work.images.numbers):
            self._answer(work)

    def _found(self, call: _Call) -> list[Found]:
        if call.error is not None:
            raise call.error
        return self._model.found(call.outputs, [call.work.images.placements[place] for place in call.places])

    def _answer(self, work: _Work) -> None:
        images = work.images
        for place, (number, placement) in enumerate(zip(images.numbers, images.placements, strict=True)):
            result = work.results[place]
            images.rows.append((number, isinstance(result, Failed), line(number, placement, result)))
        self._send(Answer(self._number, work.ticket, images.rows, images.seconds))


def _count(work: _Work, stage: Stage, seconds: float) -> None:
    work.images.seconds[stage] = work.images.seconds.get(stage, 0.0) + seconds
