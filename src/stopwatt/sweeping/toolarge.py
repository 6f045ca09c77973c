"""Batches that need not be tried: a smaller one of the same workload and setup did not fit into memory."""

from dataclasses import replace

from stopwatt.records import Cell, Status, Trouble

NOT_TRIED = "not tried: "
"""How the trouble of a batch begins that was left out."""
_PROBABLY = "probably out of memory"


def ran_out(status: Status, trouble: Trouble | None) -> bool:
    """Whether there is no result because memory ran out, as far as the runtime or the kernel say."""
    if status is Status.OUT_OF_MEMORY:
        return True
    return status is Status.KILLED and trouble is not None and _PROBABLY in trouble.what


def left_out(trouble: Trouble | None) -> bool:
    """Whether a cell was not tried, because a smaller batch did not fit."""
    return trouble is not None and trouble.what.startswith(NOT_TRIED)


class TooLarge:
    """Hears of every round of a run; tells which batches are larger than one that did not fit.

    Where a larger batch ran, the smaller one failed for another reason than its size, and nothing is left out.
    """

    def __init__(self) -> None:
        self._ran: dict[str, int] = {}
        self._failed: dict[str, int] = {}

    def hear(self, cell: Cell, status: Status, trouble: Trouble | None = None) -> None:
        """How a round of a cell ended."""
        batch = cell.setup.batch
        if status is Status.OK:
            family = _family(cell)
            self._ran[family] = max(batch, self._ran.get(family, 0))
        elif ran_out(status, trouble):
            family = _family(cell)
            self._failed[family] = min(batch, self._failed.get(family, batch))

    def trouble(self, cell: Cell) -> Trouble | None:
        """Why a cell is not tried; `None` for one that is."""
        if not self._failed:  # spares the hash of each cell
            return None
        family = _family(cell)
        failed, ran = self._failed.get(family), self._ran.get(family, 0)
        if failed is None or failed <= ran or cell.setup.batch <= failed:
            return None
        return Trouble(
            f"{NOT_TRIED}batch {failed} did not fit into memory",
            "larger batches of the same setup take more",
            f"measure it by itself if you think that it fits: --batch {cell.setup.batch}",
        )


def _family(cell: Cell) -> str:
    return replace(cell, setup=replace(cell.setup, batch=1)).key
