"""Reading files alone: how many a second come, and whether they came from the disk."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice
from threading import Thread
from time import perf_counter

from stopwatt.bulk.images import read

_PAGE = 4096


def files_a_second(paths: Sequence[str], readers: int) -> tuple[float, int]:
    """Read files with so many threads at a time, each file once.

    Args:
        paths: Of the files.
        readers: Threads; what reads them waits for the disk and not for the interpreter.

    Returns:
        Files a second, and how many of them could be read.
    """
    done: list[int] = []
    waiting = iter(paths)  # `next` on it is one step of the interpreter: threads share it
    threads = [Thread(target=_read_all, args=(waiting, done), daemon=True) for _ in range(min(readers, len(paths)))]
    start = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (perf_counter() - start), sum(done)


def _read_all(paths: Iterable[str], done: list[int]) -> None:
    done.append(sum(isinstance(read(path), bytes) for path in paths))


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
    with suppress(OSError):  # only its owner may leave the time of access alone, and to note that time is to wait
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOATIME)
        try:
            os.preadv(file, [bytearray(1)], os.fstat(file).st_size // 2 // _PAGE * _PAGE, os.RWF_NOWAIT)
        except BlockingIOError:
            return False
        finally:
            os.close(file)
        return True
    return None
