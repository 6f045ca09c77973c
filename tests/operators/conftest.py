"""What tests of operators share."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for explained, whichever way pytest imports
