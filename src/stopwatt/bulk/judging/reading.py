"""Reading files alone: how many a second come, and whether they came from the disk."""

import os
import stat
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice, takewhile
from queue import Empty, SimpleQueue
from threading import Thread
from time import perf_counter
from typing import TypeVar

from stopwatt.images.decoding import read

LONGEST_S = 10.0
_PAGE = 4096
T = TypeVar("T")


def within(seconds: float, step: Callable[[], T]) -> T:
    """What a step gives that reads files, which a dead mount keeps waiting for ever.

    Args:
        seconds: It may take.
        step: Is left alone, in a thread of its own, where it takes longer; must not raise.

    Raises:
        TimeoutError: It takes longer.
    """
    answers: SimpleQueue[T] = SimpleQueue()
    Thread(target=lambda: answers.put(step()), daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except Empty:
        raise TimeoutError from None


def files_a_second(paths: Sequence[str], readers: int, longest_s: float = LONGEST_S) -> tuple[float, int]:
    """Read files with so many threads at a time, each file once.

    Args:
        paths: Of the files.
        readers: Threads; what reads them waits for the disk and not for the interpreter.
        longest_s: After which no further file is begun.

    Returns:
        Files a second, and how many of them could be read.
    """
    done: list[int] = []
    waiting = iter(paths)  # `next` on it is one step of the interpreter: threads share it
    start = perf_counter()
    given = (waiting, start + longest_s, done)
    threads = [Thread(target=_read_all, args=given, daemon=True) for _ in range(min(readers, len(paths)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (perf_counter() - start), sum(done)


def _read_all(paths: Iterable[str], until: float, done: list[int]) -> None:
    in_time = takewhile(lambda _: perf_counter() < until, paths)
    done.append(sum(isinstance(read(path), bytes) for path in in_time))


def cached_share(paths: Sequence[str], most: int = 64) -> float | None:
    """Share of files whose middle lies in the page cache; `None` where nobody tells (files of others).

    Asked with a read that must not wait (`RWF_NOWAIT`, Linux 4.14); it brings nothing into the cache.

    Args:
        paths: Of the files.
        most: So many of them are asked about.
    """
    told = [one for one in map(_is_cached, islice(paths, most)) if one is not None]
    return sum(told) / len(told) if told else None


def _is_cached(path: str) -> bool | None:
    with suppress(OSError, ValueError):
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116  (as the path came)
            return None
        # only its owner may leave the time of access alone, and to note that time is to wait
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOATIME)
        try:
            os.preadv(file, [bytearray(1)], os.fstat(file).st_size // 2 // _PAGE * _PAGE, os.RWF_NOWAIT)
        except BlockingIOError:
            return False
        finally:
            os.close(file)
        return True
    return None
