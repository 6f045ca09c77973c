"""The terminal: width, colour and plainness decided in one place."""

import os
from typing import IO

from rich.console import Console
from rich.theme import Theme

WIDTH = 100
"""Widest table. A wider terminal does not make lines easier to read."""
MISSING = "-"
"""What stands where a value is missing."""

THEME = Theme({"best": "bold green", "warning": "yellow", "failure": "red", "quiet": "dim"})


def console_for(stream: IO[str]) -> Console:
    """A console on a stream: plain when piped or under NO_COLOR, never wider than 100 columns.

    Nothing that a user wrote is read as the name of a picture (`replay:x:` would be one).
    """
    if not stream.isatty():
        return Console(file=stream, width=WIDTH, theme=THEME, highlight=False, emoji=False, soft_wrap=False)
    width = min(WIDTH, os.get_terminal_size(stream.fileno()).columns or WIDTH)
    return Console(file=stream, width=width, theme=THEME, highlight=False, emoji=False)
