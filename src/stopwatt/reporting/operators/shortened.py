"""Labels of operators in few characters."""

import re

from stopwatt.text import one_line

LONGEST = 30


def shortened(label: str, longest: int = LONGEST) -> str:
    """Without what tells little, as far as it has to be: spaces in shapes, then vectors (biases), then the end."""
    line = re.sub(r"(?<=\d), (?=\d)", ",", one_line(label))
    if len(line) > longest:
        line = re.sub(r" x \[\d*\]", "", line)
    return line if len(line) <= longest else f"{line[: longest - 3]}..."
