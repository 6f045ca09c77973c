import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for sweep_example, whichever way pytest imports

from sweep_example import Example, analysis_of

from stopwatt.reporting.charts.renderer import Drawn, Renderer
from stopwatt.reporting.html import page


@pytest.fixture(scope="session")
def sweep():
    """The example sweep: 2 layers x 4 hidden x 4 batches on two backends."""
    return analysis_of(Example(trials=60))


@pytest.fixture(scope="session")
def clustered(sweep):
    """A cell with clusters at 1.25 x and 2 x."""
    return next(cell for cell in sweep.cells if cell.row.cell.setup.backend == "eager")


class Undrawn(Renderer):
    """Answers at once, with figures that show nothing."""

    def __init__(self):
        self.count = 0

    def __exit__(self, *_):
        pass

    def send(self, documents):
        self.count = len(documents)

    def receive(self):
        return Drawn(('<svg width="600" height="200" viewBox="0 0 600 200"></svg>',) * self.count, "")


@pytest.fixture
def undrawn(monkeypatch):
    """Pages without the seconds that drawing takes."""
    monkeypatch.setattr(page, "Renderer", Undrawn)
