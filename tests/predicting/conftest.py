"""What tests of predictions share."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for planted_models, whichever way pytest imports
