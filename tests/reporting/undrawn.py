"""A renderer for tests of everything but the figures."""

from stopwatt.reporting.charts.renderer import Drawn, Renderer


class Undrawn(Renderer):
    """Answers at once, with figures that show nothing."""

    def __init__(self):
        self.count = 0

    def __exit__(self, *_):
        pass

    def send(self, document):
        assert "\n" not in document
        self.count += 1

    def receive(self):
        return Drawn(('<svg width="600" height="200" viewBox="0 0 600 200"></svg>',) * self.count, "")
