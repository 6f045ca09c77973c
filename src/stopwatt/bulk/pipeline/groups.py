"""What the coordinator and a worker say to each other, over one `multiprocessing` connection.

    coordinator -> Begin, then Attach, then Group after Group
    worker      -> Ready for each of its lanes, or Refused; then Answer after Answer

A lane answers its groups in the order in which it was given them. As with decoders, the messages are pickles between
processes of one run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stopwatt.bulk.pipeline.serve import Load
from stopwatt.bulk.records import Stage
from stopwatt.records import Scalar
from stopwatt.serving.contract import Contract

Row = tuple[int, bool, bytes]
"""Number of an image, whether it failed, and its line of the journal."""


@dataclass(frozen=True, slots=True)
class Begin:
    """What a worker shall load.

    Attributes:
        parent: Process whose death ends this one.
        load: The model.
        devices: One for each lane.
    """

    parent: int
    load: Load
    devices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """A lane can take groups of `batch` images."""

    lane: int
    contract: Contract
    batch: int
    facts: dict[str, Scalar]


@dataclass(frozen=True, slots=True)
class Refused:
    """The model cannot run here."""

    what: str
    when: str
    now: str
    code: int


@dataclass(frozen=True, slots=True)
class Attach:
    """Where the slots are; empty where lanes read and decode for themselves."""

    slots: str


@dataclass(frozen=True, slots=True)
class Group:
    """Images for one call of the model.

    Attributes:
        lane: Of this process.
        ticket: Comes back with the answer.
        images: Number, slot and placement of each; or orders, where a lane decodes for itself.
    """

    lane: int
    ticket: int
    images: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a group.

    Attributes:
        lane, ticket: As they were given.
        rows: One for each image.
        seconds: Of work by stage.
    """

    lane: int
    ticket: int
    rows: list[Row]
    seconds: dict[Stage, float]
