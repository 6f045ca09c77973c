"""Which stopwatt this is, to the letter: machines of one run must not have two."""

import hashlib
from pathlib import Path

import stopwatt

SAME_CODE = "install the same stopwatt, of the same code, on all nodes"
"""What to do where they have two."""


def code_digest() -> str:
    """SHA-256 of the version and of all modules of the package, in hexadecimal."""
    root = Path(stopwatt.__file__).parent
    total = hashlib.sha256(stopwatt.__version__.encode())
    for path in sorted(root.rglob("*.py")):
        total.update(path.relative_to(root).as_posix().encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
