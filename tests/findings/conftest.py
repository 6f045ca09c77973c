"""Grids whose truth is known: rows with planted round medians."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
