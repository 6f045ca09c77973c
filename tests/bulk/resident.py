"""Memory of a run's processes together while it goes on, each page counted once."""

import time
from contextlib import suppress
from pathlib import Path

import psutil

KIB = 1024


def resident(root):
    """Bytes of a process and all that come from it: pages that several of them share are divided among these (PSS)."""
    with suppress(psutil.Error):
        return sum(_proportional(one.pid) for one in [root, *root.children(recursive=True)])
    return 0


def _proportional(pid):
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * KIB
    return 0


class Journal:
    """Counts lines of a file that grows, without its header."""

    def __init__(self, path):
        self._path, self._place, self._lines = path, 0, -1

    @property
    def images(self):
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._place)
                text = file.read()
            self._place += len(text)
            self._lines += text.count(b"\n")
        return max(0, self._lines)


def followed(process, journal, every_s):
    """`[(images done, bytes)]` from the start of a `Popen` to its end, its writing of results included."""
    root, counter, seen = psutil.Process(process.pid), Journal(journal), []
    while process.poll() is None:
        seen.append((counter.images, resident(root)))
        time.sleep(every_s)
    return [(images, size) for images, size in seen if size]


def growth(seen, early):
    """Bytes by which the most that was used behind `early` images is more than what was used at them."""
    behind = [size for images, size in seen if images >= early]
    return max(behind) - behind[0]
