"""An outpost whose workers start without torch, and whose instruments take no time."""

from light_run import Unmetered

from stopwatt.bulk.cluster import outpost
from stopwatt.bulk.pipeline import staff

CODE = "as it is"
"""In place of the digest of all files: somebody may edit one while a test runs."""


class LightOutpost(outpost.Outpost):
    def __init__(self):
        staff.WORKER = "light_worker"
        outpost.Ticker = Unmetered
        super().__init__()

    def code(self):
        return CODE
