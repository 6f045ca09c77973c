"""The processes of a run between their start and the first image: what can be tried with them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stopwatt.bulk.pipeline.crew import Crew, Died, Member
from stopwatt.bulk.records import Layout

if TYPE_CHECKING:
    from stopwatt.bulk.pipeline.slots import Slots
    from stopwatt.images.items import Items


@dataclass(frozen=True, slots=True)
class Stand:
    """Processes that are ready and have nothing to do.

    Attributes:
        crew: Listens to them.
        decoders: By name.
        lanes: The same; a worker with several lanes stands for each.
        slots: None of which is in use; `None` where lanes read and decode for themselves.
        items: The images of the run.
        layout: Of the run.
        cores: CPU time a second that it may use.
        bury: Told of a process that died.
        stopped: Whether somebody wants to leave.
    """

    crew: Crew
    decoders: Mapping[int, Member]
    lanes: Mapping[int, Member]
    slots: "Slots | None"
    items: "Items"
    layout: Layout
    cores: float
    bury: Callable[[Member, Died], None]
    stopped: Callable[[], bool]
