import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for sweep_example, whichever way pytest imports

from sweep_example import Example, analysis_of
from undrawn import Undrawn


@pytest.fixture(scope="session")
def sweep():
    """The example sweep: 2 layers x 4 hidden x 4 batches on two backends."""
    return analysis_of(Example(trials=60))


@pytest.fixture(scope="session")
def clustered(sweep):
    """A cell with clusters at 1.25 x and 2 x."""
    return next(cell for cell in sweep.cells if cell.row.cell.setup.backend == "eager")


@pytest.fixture
def undrawn(monkeypatch):
    """Pages without the seconds that drawing takes."""
    monkeypatch.setattr("stopwatt.reporting.report.Renderer", Undrawn)
