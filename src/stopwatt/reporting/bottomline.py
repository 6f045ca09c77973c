"""One line of our own at the bottom of a terminal on which another program writes.

The other program's lines scroll above it: the terminal is told to scroll all of its rows but the last one, as package
managers do for their progress. What the other program writes is neither read nor changed, and its unfinished lines
(questions, its own progress) stay as they are.
"""

import contextlib
import os
from typing import IO

from rich.cells import set_cell_size

from stopwatt.text import one_line

_LEAST_ROWS, _LEAST_COLUMNS = 5, 20
_SAVE, _RESTORE = "\x1b7", "\x1b8"
_CLEAR = "\x1b[2K"


class BottomLine:
    """The line. Nothing happens on what is no terminal, or one that is too small, or that is in others' hands.

    Args:
        stream: Where it is shown.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._file = stream.fileno() if stream.isatty() and os.environ.get("TERM", "") not in {"", "dumb"} else None
        self._rows = 0
        self._plain = "NO_COLOR" in os.environ

    @property
    def possible(self) -> bool:
        """Whether it could be shown at all."""
        return self._file is not None

    def show(self, text: str) -> None:
        """Draw it, or draw it again; at the new bottom if the terminal has got another size."""
        if self._file is None or not self._ours():
            return
        columns, rows = os.get_terminal_size(self._file)
        if rows < _LEAST_ROWS or columns < _LEAST_COLUMNS:
            return
        # A row is made free first; the region is told each time, because the other program may have reset it.
        free = "" if rows == self._rows else f"\n{_SAVE}\x1b[1;{rows - 1}r{_RESTORE}\x1b[1A"
        self._rows = rows
        line = set_cell_size(one_line(text), min(columns, 100) - 1).rstrip()
        style = "" if self._plain else "\x1b[0;2m"
        self._write(f"{free}{_SAVE}\x1b[1;{rows - 1}r\x1b[{rows};1H{style}{_CLEAR}{line}{_RESTORE}")

    def close(self) -> None:
        """Give the whole terminal back, the line removed."""
        if self._rows:
            self._write(f"{_SAVE}\x1b[r\x1b[{self._rows};1H\x1b[0m{_CLEAR}{_RESTORE}")
            self._rows = 0

    def _ours(self) -> bool:
        """Whether we are in the foreground: a shell that was started may have taken the terminal, or given it away."""
        try:
            return self._file is not None and os.tcgetpgrp(self._file) == os.getpgrp()
        except OSError:
            return False

    def _write(self, text: str) -> None:
        """In one piece, so that nothing of another program's comes between."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.write(self._file, text.encode())
