"""The classes that a run of a classifier names for each image, as its file has them."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stopwatt.bulk.comparing.results import Head
from stopwatt.errors import UsageError


@dataclass(frozen=True, slots=True)
class Scored:
    """A class of an image: what annotations call it, its name where it has one, and its score."""

    category: int
    score: float
    label: str = ""

    @property
    def name(self) -> str:
        """As people are shown it."""
        return self.label or f"class {self.category}"


Ranking = tuple[Scored, ...]
"""The classes that a result has for an image, by falling score."""


@dataclass(frozen=True, slots=True)
class Classified:
    """What a result says of the images: file name and classes of each, by id."""

    head: Head
    names: Mapping[int, str]
    rankings: Mapping[int, Ranking]


def best_of(ranking: Ranking) -> int | None:
    """The class that stands first; `None` where there is none."""
    return ranking[0].category if ranking else None


def scores_of(ranking: Ranking) -> dict[int, float]:
    """Score of each class."""
    return {one.category: one.score for one in ranking}


def read_classes(head: Head) -> Classified:
    """The classes of each image.

    Raises:
        UsageError: The file is not as `stopwatt run --task classify` writes it.
    """
    names: dict[int, str] = {}
    rankings: dict[int, Ranking] = {}
    for place, (image, name, ranking) in enumerate(_rows(head.file)):
        if image in rankings:
            raise _not_classes(head.file, f"element {place} is of image {image}, as one before")
        names[image], rankings[image] = name, ranking
    return Classified(head, names, rankings)


def _rows(path: Path) -> Iterator[tuple[int, str, Ranking]]:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"the file cannot be read: {error.strerror}", when=str(path), now="check its rights"
        ) from error
    except (ValueError, RecursionError) as error:
        raise _not_classes(path, f"it is no JSON: {error}") from error
    if not isinstance(document, list):
        raise _not_classes(path, "it is no list of images")
    for place, row in enumerate(document):
        try:
            listed = [_scored(one) for one in row["classes"]]
            found = int(row["image_id"]), str(row["file_name"]), tuple(sorted(listed, key=lambda one: -one.score))
        except KeyError as error:
            raise _not_classes(path, f"element {place} has no {error}") from error
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise _not_classes(path, f"element {place} cannot be read: {error}") from error
        yield found


def _scored(one: Mapping[str, Any]) -> Scored:
    score = float(one["score"])
    if not math.isfinite(score):
        raise ValueError(f"a score is {score}")
    return Scored(int(one["category_id"]), score, str(one.get("label") or ""))


def _not_classes(path: Path, why: str) -> UsageError:
    return UsageError(
        f"the file holds no classes of images: {why}",
        when=str(path),
        now="name a file that `stopwatt run --task classify` wrote, classes.json",
    )
