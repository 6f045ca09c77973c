"""What a layout must keep to: cores, memory, slots, and what somebody asked for. Pure."""

from dataclasses import dataclass

_MEMORY_SHARE = 0.5
"""Of the memory that is left, what new processes may take."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a layout must keep to.

    Attributes:
        cores: CPU time a second that the run may use.
        memory_bytes: That is left on the machine, or to the control group; `None` where that is not known.
        decoder_bytes, worker_bytes: That one of them takes; 0 where that is not known.
        slots: Places of the ring that exist: the queue cannot become longer.
        fixed: Names of fields of `Layout` that somebody asked for and that therefore stay.
    """

    cores: float
    memory_bytes: int | None = None
    decoder_bytes: int = 0
    worker_bytes: int = 0
    slots: int = 1 << 30
    fixed: frozenset[str] = frozenset()

    def room_for(self, each_bytes: int) -> int:
        """How many processes of this size may be added."""
        if self.memory_bytes is None or not each_bytes:
            return 1 << 30
        return int(_MEMORY_SHARE * self.memory_bytes // each_bytes)

    def hold(self, decoders: int, workers: int) -> bool:
        """Whether so many more of both are within memory."""
        return self.room_for(decoders * self.decoder_bytes + workers * self.worker_bytes) > 0
