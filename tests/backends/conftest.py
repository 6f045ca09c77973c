"""Makes `backend_models` importable: tests are imported by path, not from a package."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
