"""The nodes of a cluster that take part in a run, and the outposts on them."""

import contextlib
from collections.abc import Mapping
from typing import Any

from stopwatt.bulk.asked import Asked
from stopwatt.bulk.cluster.code import SAME_CODE
from stopwatt.bulk.cluster.outpost import Outpost
from stopwatt.bulk.cluster.places import Place, gpus_of, layout_of, places_of, threads_of, together
from stopwatt.bulk.pipeline.groups import Refused
from stopwatt.bulk.records import Layout
from stopwatt.errors import EnvironmentUnfit, ExitCode
from stopwatt.sweeping.executors.joining import join
from stopwatt.text import counted, one_line

OUTPOST = Outpost


class Lost(Exception):  # noqa: N818  (what happened)
    """An outpost is gone; the text says how."""


class Joined:
    """A cluster that was joined.

    Args:
        asked: The request.
        batch: Images of a call.

    Attributes:
        layout: Of all nodes together.

    Raises:
        EnvironmentUnfit: Ray is not installed, the cluster does not answer, or no node offers what is needed.
        UsageError: The devices cannot be meant.
    """

    def __init__(self, asked: Asked, batch: int) -> None:
        self._asked = asked
        self._batch = batch
        self._gpus = gpus_of(asked.devices)
        self._ray = join(asked.address)
        places = self.places()
        if not places:
            gpus = f" and {counted(self._gpus, 'GPU')}" if self._gpus else ""
            raise EnvironmentUnfit(
                f"no node of the cluster offers a core{gpus}",
                when=asked.address or "a cluster of this machine alone",
                now="add nodes, or run without --executor ray",
            )
        self._threads = threads_of(asked, batch, places)
        self.layout = together([self.layout_of(place) for place in places])

    def places(self) -> list[Place]:
        """Nodes that can take part now."""
        return places_of(self._ray.nodes(), self._gpus)

    def layout_of(self, place: Place) -> Layout:
        """How the run is laid out on a node."""
        return layout_of(self._asked, self._batch, place, self._threads)

    def start(self, place: Place) -> Any:
        """An outpost that has all cores of a node; it is there when it answers."""
        actor = self._ray.remote(num_cpus=place.cores, num_gpus=self._gpus, max_restarts=0)(OUTPOST)
        pin = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(place.node, soft=False)
        return actor.options(scheduling_strategy=pin).remote()

    def end(self, outpost: Any) -> None:
        """It and its processes, at once."""
        with contextlib.suppress(Exception):
            self._ray.kill(outpost)

    def share(self, thing: Any) -> Any:
        """Once over the network to each node that asks for it."""
        return self._ray.put(thing)

    def wait(self, pending: Mapping[Any, Any], wait_s: float) -> list[Any]:
        """Those of the pending answers that have come; waits for a first one."""
        owed = list(pending)
        first, _ = self._ray.wait(owed, timeout=wait_s)
        done, _ = self._ray.wait(owed, num_returns=len(owed), timeout=0) if first else ([], owed)
        return list(done)

    def answer(self, pending: Any) -> Any:
        """What has come; `Refused` where there can be no outpost: a node without stopwatt cannot say so itself.

        Raises:
            Lost: Who owed it is gone. Whatever a call raised there is raised here as it is.
        """
        errors = self._ray.exceptions
        try:
            return self._ray.get(pending)
        except errors.RayTaskError:
            raise  # a fault of ours, with its traceback
        except errors.RayError as error:
            said = str(error).strip().splitlines()
            if getattr(error, "actor_init_failed", False):
                what = f"stopwatt cannot be started on a node: {one_line(said[-1].strip())}"
                return Refused(what, "", SAME_CODE, ExitCode.ENVIRONMENT)
            hidden = isinstance(error, errors.ActorUnavailableError)
            raise Lost("it cannot be reached any more" if hidden else one_line(said[0])) from error
