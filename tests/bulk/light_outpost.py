"""An outpost whose workers start without torch, and whose instruments take no time."""

from light_run import Unmetered

from stopwatt.bulk import staff
from stopwatt.bulk.cluster import outpost


class LightOutpost(outpost.Outpost):
    def __init__(self):
        staff.WORKER = "light_worker"
        outpost.Ticker = Unmetered
        super().__init__()
