"""From nothing to processes that can work: workers load the model, and the first of them says what an image is."""

from collections.abc import Callable
from dataclasses import replace

from stopwatt.bulk.pipeline.flow import Flow
from stopwatt.bulk.pipeline.groups import Ready
from stopwatt.bulk.pipeline.job import Job, lanes_of
from stopwatt.bulk.pipeline.layout import fitting
from stopwatt.bulk.pipeline.ring import Ring, image_bytes
from stopwatt.bulk.pipeline.staff import Staff
from stopwatt.bulk.records import Layout


class Opening:
    """Of a run.

    Args:
        job: What to do.
        staff: Nobody yet.
        flow: Not begun.
        ring: Not open.
        say: Tells a person.
    """

    def __init__(self, job: Job, staff: Staff, flow: Flow, ring: Ring, say: Callable[[str], None]) -> None:
        self._job = job
        self._staff = staff
        self._flow = flow
        self._ring = ring
        self._say = say

    def hire_workers(self) -> None:
        """Start them; each says when it is ready."""
        for devices in lanes_of(self._job.layout):
            self._staff.hire_worker(devices)

    def hire_decoders(self, ready: Ready) -> Layout:
        """Make room for images as the first model takes them, and start whoever fills it.

        Returns:
            The layout: with the batch that the model takes, and a queue that there is memory for.

        Raises:
            EnvironmentUnfit: There is no memory for a batch.
        """
        layout = self._with_batch(ready.batch)
        if self._job.any_queue:
            layout = fitting(layout, image_bytes(ready.contract.preprocess))
        if not layout.queue:
            self._flow.open(layout.batch, 0, 0)
            return layout
        layout = self._with_room(layout, ready)
        self._flow.open(layout.batch, len(self._ring), self._ring.used(layout))
        self._staff.equip(self._ring.name, ready.contract.preprocess)
        self._staff.hire_decoders(layout.decoders, self._flow.schedule)
        return layout

    def _with_batch(self, batch: int) -> Layout:
        layout = self._job.layout
        if batch != layout.batch:
            self._say(f"the model takes batches of {batch} only: batch {batch} in place of {layout.batch}")
        return replace(layout, batch=batch)

    def _with_room(self, wanted: Layout, ready: Ready) -> Layout:
        layout = self._ring.open(wanted, ready.contract.preprocess, may_grow=self._job.may_grow)
        if layout != wanted:
            self._say(f"memory is short: a queue of {layout.queue:,} images in place of {wanted.queue:,}")
        return layout
