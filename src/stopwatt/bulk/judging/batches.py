"""Which batch a model is called with, from what it does with a few of them. Pure.

1, 2, 4, ... -> as long as images a second grow by more than the noise, and memory is left -> the smallest that is best
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot
from statistics import median

from stopwatt.units import quantity, ratio

LEAST_GAIN = 1.03
"""Less than that is not worth the memory and the wait of a larger batch."""
MOST = 256
"""Larger ones are not tried: they cost memory, and no device that is known needs them for images."""
_PATIENCE = 2
"""Batches in a row that may bring nothing: the next may suit the tiles of a kernel better."""
_MEMORY_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Tried:
    """What models did with a batch, all of them at once.

    Attributes:
        batch: Images of a call.
        rates: Images a second of all together, of each turn; at least one.
        worker_bytes: Memory that the largest worker had for itself; 0 where nobody says.
    """

    batch: int
    rates: tuple[float, ...]
    worker_bytes: int = 0

    @property
    def rate(self) -> float:
        """Images a second."""
        return median(self.rates)

    def is_better_than(self, other: "Tried") -> bool:
        """By more than the noise, and by what is worth anything."""
        return self.rate / other.rate > max(LEAST_GAIN, 1 + hypot(self.noise, other.noise))

    @property
    def noise(self) -> float:
        """Half of what turns differed by, as a share."""
        return (max(self.rates) - min(self.rates)) / 2 / self.rate


def candidates(known: Sequence[int], images: int) -> tuple[int, ...]:
    """Batches that can be tried, rising.

    Args:
        known: That a pack was converted for; empty for a model that takes any.
        images: Of the run for each model: no batch is larger.
    """
    any_of_them = (1 << power for power in range(MOST.bit_length()))
    found = sorted(known or any_of_them)
    return tuple(batch for batch in found if batch <= max(images, found[0]))


def best(tried: Sequence[Tried]) -> Tried:
    """The smallest batch that no larger one is better than; of one at least."""
    found = tried[0]
    for one in tried[1:]:
        if one.is_better_than(found):
            found = one
    return found


def why_not(tried: Sequence[Tried], following: int, workers: int, memory_bytes: int | None) -> str:
    """Why the next batch is not tried; empty where it shall be.

    Args:
        tried: So far, in order; one at least.
        following: The next.
        workers: Processes with a model.
        memory_bytes: That is left without them; `None` where nobody says.
    """
    since = len(tried) - 1 - tried.index(best(tried))
    if since >= _PATIENCE:
        return "larger ones bring no more"
    needed = workers * _expected_bytes(tried, following)
    if memory_bytes is not None and needed > _MEMORY_SHARE * memory_bytes:
        return f"there is no memory for {following}: it would take {quantity(needed, 'B')}"
    return ""


def _expected_bytes(tried: Sequence[Tried], batch: int) -> float:
    """Memory of a worker, on the line through the last two."""
    last = tried[-1]
    if len(tried) == 1:
        return last.worker_bytes
    before = tried[-2]
    slope = (last.worker_bytes - before.worker_bytes) / (last.batch - before.batch)
    return last.worker_bytes + max(0.0, slope) * (batch - last.batch)


def sentence(tried: Sequence[Tried], why: str) -> str:
    """What was chosen, and from what.

    Args:
        tried: All.
        why: Nothing further was tried.
    """
    found, first = best(tried), tried[0]
    names = ", ".join(str(one.batch) for one in tried)
    rate = f"{quantity(found.rate, '1')} images/s of the model alone"
    if found is not first:
        rate += f", {ratio(found.rate / first.rate)} those of batch {first.batch}"
    return f"auto: batch {found.batch} of {names}: {rate}; {why}"
