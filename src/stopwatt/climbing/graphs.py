"""What each step of a ladder did to the model's graph: operators, kernels and element types, before and after it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

from stopwatt.climbing.climb import Climb, Known
from stopwatt.climbing.rungs import Graph, Ladder
from stopwatt.climbing.steps import setup_of
from stopwatt.errors import StopwattError, UsageError
from stopwatt.operators.capture import Capture
from stopwatt.operators.changes import changes
from stopwatt.records import Setup

Take = Callable[[Setup], Capture]


def with_graphs(ladder: Ladder, climb: Climb, known: Known, take: Take) -> Ladder:
    """A ladder whose steps say what they did to the graph.

    Args:
        ladder: What measurements show.
        climb: How it was climbed.
        known: What is known of each setup.
        take: Takes one call of the model in a setup apart; asked once for each setup.

    Raises:
        UsageError: What the user said of the model is wrong.
    """
    take = cache(take)
    setups = [
        (setup_of(climb.base, rung.before), setup_of(climb.base, rung.chosen)) if rung.chosen != rung.before else ()
        for rung in climb.rungs(known)
    ]
    gains = [
        replace(one, graph=_graph(both, take)) if both and one.row is not None else one
        for one, both in zip(ladder.gains, setups, strict=True)
    ]
    return replace(ladder, gains=tuple(gains))


def _graph(both: Sequence[Setup], take: Take) -> Graph:
    try:
        return Graph(changes(*map(take, both)))
    except UsageError:
        raise
    except StopwattError as error:
        return Graph(None, error.what)
