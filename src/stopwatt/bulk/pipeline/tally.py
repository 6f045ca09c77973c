"""What a run has done so far, and how quickly: counted where outcomes pass, on their way to the journal."""

from collections.abc import Mapping

from stopwatt.bulk.pipeline.groups import Row
from stopwatt.bulk.pipeline.job import Sink
from stopwatt.bulk.records import Stage


class Tally:
    """Counts of this part of a run.

    Args:
        known: A byte for each image, not 0 where an earlier part has settled it.
        recorder: Takes the lines of the others.

    Attributes:
        done, failed: Images that were settled.
        failed_in_model: Of those.
        by_lane: Images of each lane that is there.
        stage_s: Seconds of work.
    """

    def __init__(self, known: bytearray, recorder: Sink) -> None:
        self._known = known
        self._recorder = recorder
        self._decoded = self._answered = 0
        self.done = self.failed = self.failed_in_model = 0
        self.by_lane: dict[int, int] = {}
        self.stage_s = dict.fromkeys(Stage, 0.0)

    def settle(self, rows: list[Row]) -> None:
        """Have images recorded that were not known before; of a group that is done again, most were."""
        known = self._known
        rows = [row for row in rows if not known[row[0]]]
        failed = sum(row[1] for row in rows)
        self.failed += failed
        self.done += len(rows) - failed
        self._recorder.put(row[2] for row in rows)

    def decoded(self, images: int, read_s: float, decode_s: float) -> float:
        """Images left a decoder; mean seconds of one, of all so far."""
        self.stage_s[Stage.READ] += read_s
        self.stage_s[Stage.DECODE] += decode_s
        self._decoded += images
        return (self.stage_s[Stage.READ] + self.stage_s[Stage.DECODE]) / self._decoded

    def answered(self, lane: int, rows: list[Row], seconds: Mapping[Stage, float]) -> float:
        """A group left a lane; mean seconds of one, of all so far."""
        self.by_lane[lane] += len(rows)
        self.failed_in_model += sum(failed for _, failed, _ in rows)
        for stage, spent in seconds.items():
            self.stage_s[stage] += spent
        self._answered += 1
        self.settle(rows)
        return (self.stage_s[Stage.PREPARE] + self.stage_s[Stage.MODEL]) / self._answered
