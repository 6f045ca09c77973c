"""What a driver and the outpost on a node say to each other, in calls of a Ray actor.

    driver  -> code()                     which stopwatt is there; nothing else is sent before it is known to be ours
            -> look(Question)             does the node see the same files?
            -> begin(Task, items, pack)   load the model
            -> exchange(Order)            again and again: groups of images there, lines of the journal back

One call is under way at a time. Pixels never cross the network: a node reads images from paths of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stopwatt.bulk.asked import Asked
from stopwatt.bulk.judging.instruments import Now
from stopwatt.bulk.judging.ticks import Counts
from stopwatt.bulk.pipeline.groups import Refused
from stopwatt.bulk.pipeline.serve import Load
from stopwatt.bulk.records import Bottleneck, Ceilings, Layout
from stopwatt.records import Scalar
from stopwatt.serving.contract import Contract


@dataclass(frozen=True, slots=True)
class Sample:
    """A file of the data, as the driver sees it.

    Attributes:
        path: Absolute.
        size: In bytes.
        digest: SHA-256 of its beginning, in hexadecimal.
    """

    path: str
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Question:
    """Does a node see what the driver sees?

    Attributes:
        folder: Working folder of the driver, to which a model's source may be relative.
        samples: Files that must be there.
        pack: Path of the model's pack; empty for a workload.
        seal: Of that pack.
    """

    folder: str
    samples: tuple[Sample, ...]
    pack: str
    seal: str


@dataclass(frozen=True, slots=True)
class Seen:
    """It does.

    Attributes:
        pack: Whether the pack, too, is where the driver has it.
    """

    pack: bool


@dataclass(frozen=True, slots=True)
class Task:
    """What an outpost does.

    Attributes:
        asked: The request of the whole run.
        model, software: As `identity.Chosen` has them: equal where the same is computed.
        load: The model.
        layout: Of this node.
        left: Images of the whole run that are not done.
    """

    asked: Asked
    model: str
    software: str
    load: Load
    layout: Layout
    left: int


@dataclass(frozen=True, slots=True)
class Order:
    """What is new for an outpost.

    Attributes:
        groups: Images to do, too.
        stop: Whether to finish what workers have, and end.
        close: Whether nothing more will come.
        hopeful: Whether any image of the run has a result.
    """

    groups: tuple[range, ...] = ()
    stop: bool = False
    close: bool = False
    hopeful: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """An outpost has done all that it was given.

    Attributes:
        ceilings: Of its machine.
        bottleneck: What held it back.
        energy: As `Record.energy` has it, for the images that it did.
        trouble: For the notes of the record.
    """

    ceilings: Ceilings
    bottleneck: Bottleneck
    energy: Mapping[str, Scalar | None] = field(default_factory=dict)
    trouble: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class News:
    """What is new from an outpost.

    Attributes:
        lines: Of the journal, each image's once.
        said: Sentences for a person.
        layout: As it is.
        counts: As they are.
        now: What its instruments said last; `None` before they did.
        restarts: Processes that died and were started again, so far.
        contract: Of the model; `None` until it is loaded and groups may come.
        end: It has ended; these were its last lines. `Refused` where it could not go on.
    """

    lines: tuple[bytes, ...]
    said: tuple[str, ...]
    layout: Layout
    counts: Counts
    now: Now | None
    restarts: int
    contract: Contract | None
    end: Ended | Refused | None
