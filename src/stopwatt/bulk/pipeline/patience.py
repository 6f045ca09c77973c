"""How much may go wrong before a run gives up: where nothing succeeds in between, nothing will."""

from typing import NoReturn

from stopwatt.bulk.pipeline.crew import Died
from stopwatt.errors import StopwattError
from stopwatt.records import Status

MOST_DEATHS_LOADING = 3
"""Processes that may die before all models are loaded."""
MOST_DEATHS = 20
"""Processes that may die, without any image done in between, before the run gives up."""
MOST_EXITS = 1
"""The same where a decoder ends with an exit code: no image does that, so none shall be blamed."""
HOPELESS = 64
"""Images that may fail in the model, with none done, before the run gives up."""


class Patience:
    """Counts what goes wrong."""

    def __init__(self) -> None:
        self._deaths = 0

    def renew(self) -> None:
        """Something went well."""
        self._deaths = 0

    def bear_death(self, died: Died, *, decoder: bool) -> None:
        """One more process has died.

        Raises:
            StopwattError: It is one too many.
        """
        self._deaths += 1
        if self._deaths > (MOST_EXITS if decoder and died.how.status is Status.NO_RESULT else MOST_DEATHS):
            raise StopwattError(
                f"{self._deaths} processes died without any image done in between",
                when=f"the last one: {died.why}",
                now="mend what ends them, then give the same command again: the run goes on where it stopped",
            )

    def bear_loading(self, died: Died) -> None:
        """It died before all models were loaded.

        Raises:
            StopwattError: It is one too many.
        """
        if self._deaths >= MOST_DEATHS_LOADING:
            raise StopwattError(
                f"{self._deaths} processes died while the model was loaded",
                when=died.why,
                now="try fewer workers or a smaller batch, if memory is short; else mend what ends them",
            )


def lose_hope(failed: int, why: str) -> NoReturn:
    """The model failed on every image so far.

    Args:
        failed: So many.
        why: Of one of them.

    Raises:
        StopwattError: Always.
    """
    raise StopwattError(
        f"the model failed on all of the first {failed} images",
        when=why,
        now="mend the model or its contract (or take --task raw, which expects nothing), and add --fresh",
    )
