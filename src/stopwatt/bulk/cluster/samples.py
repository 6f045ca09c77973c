"""Whether another machine sees the same images: a few of them are looked at before anything begins."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from stopwatt.bulk.cluster.words import Sample
from stopwatt.bulk.pipeline.groups import Refused
from stopwatt.errors import ExitCode
from stopwatt.images.items import Items

MOST = 3
_TRIED = 64
_BEGINNING = 1 << 20
_SHARED = "images are read by the nodes: put them where every node sees them under the same path (a shared file system)"


def samples_of(items: Items) -> tuple[Sample, ...]:
    """A few files, from everywhere in the data, that can be read here; fewer where most cannot."""
    return tuple(_found(items))[:MOST]


def differs(sample: Sample) -> Refused | None:
    """What is wrong with a file here; `None` where it is the same."""
    here = sample_of(sample.path)
    if here == sample:
        return None
    what = "another file is there" if isinstance(here, Sample) else here
    return Refused(f"a node does not see the images that the driver sees: {what}", sample.path, _SHARED, ExitCode.USAGE)


def sample_of(path: str) -> Sample | str:
    """A file as it is here, or why it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            digest = hashlib.sha256(file.read(_BEGINNING)).hexdigest()
            return Sample(path, file.seek(0, 2), digest)
    except OSError as error:
        return error.strerror or str(error)


def _found(items: Items) -> Iterator[Sample]:
    """The first, the last and the one in their middle; in place of those that cannot be read here, others."""
    total = len(items)
    places = dict.fromkeys((0, total - 1, total // 2, *range(0, total, max(1, total // _TRIED))))
    paths = dict.fromkeys(items[place].path for place in places)  # the frames of a video have one
    for path in paths:
        sample = sample_of(path)
        if isinstance(sample, Sample):
            yield sample
