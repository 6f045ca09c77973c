"""What images show, as somebody said it: the folder that each lies in, or a CSV file."""

import csv
import posixpath
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stopwatt.errors import UsageError
from stopwatt.text import one_line

FOLDERS = "folders"
"""Asks for the folders of the images as their labels."""
_HEAD = ["file", "label"]


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of images.

    Attributes:
        of: Name or number of the class of each labelled image, by id.
        source: Where they are from; empty where there are none.
    """

    of: Mapping[int, str] = field(default_factory=dict)
    source: str = ""


def labels_of(asked: str | None, names: Mapping[int, str], known: Collection[str] | None) -> Labels:
    """The labels of some images.

    Args:
        asked: A CSV file of `file,label`, `folders`, or `None`: folders, if each is called as a class.
        names: File names of the images, by id, as the results have them.
        known: Names of all classes; empty where they have none, `None` where not all are known.

    Raises:
        UsageError: The file cannot be read, labels none of the images, or names a class that the model has not.
    """
    if asked is None:
        return _guessed(names, known or ())
    labels, source = (
        (_folders(names), "the folders of the images") if asked == FOLDERS else (_listed(Path(asked), names), asked)
    )
    if not labels:
        raise UsageError(
            "none of the images has a label",
            when=f"{source}; the first image is {one_line(next(iter(names.values()), 'none'))}",
            now="write file names as the results have them, or put each image into a folder of its class",
        )
    if known is not None:
        _check(labels, known, source)
    return Labels(labels, source)


def _guessed(names: Mapping[int, str], known: Collection[str]) -> Labels:
    """Folders, if every image lies in one that is called as a class."""
    found = _folders(names)
    usable = len(found) == len(names) > 0 and set(found.values()) <= set(known)
    return Labels(found, "the folders of the images") if usable else Labels()


def _folders(names: Mapping[int, str]) -> dict[int, str]:
    """The innermost folder of each image that lies in one."""
    folders = {image: posixpath.basename(posixpath.dirname(name)) for image, name in names.items()}
    return {image: folder for image, folder in folders.items() if folder}


def _listed(path: Path, names: Mapping[int, str]) -> dict[int, str]:
    labels = _read(path)
    return {
        image: labels[posixpath.normpath(name)] for image, name in names.items() if posixpath.normpath(name) in labels
    }


def _read(path: Path) -> dict[str, str]:
    """Label of each file of a CSV."""
    found: dict[str, str] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file, strict=True)
            if next(rows, None) != _HEAD:
                raise _wrong(path, 1, "the first line is not `file,label`")
            for row in rows:
                if not row:
                    continue
                if len(row) != len(_HEAD):
                    raise _wrong(path, rows.line_num, f"{len(row)} values, not 2")
                name = posixpath.normpath(row[0])
                if found.setdefault(name, row[1]) != row[1]:
                    raise _wrong(path, rows.line_num, f"{one_line(name)} has two labels")
    except OSError as error:
        raise UsageError(
            f"the labels cannot be read: {error.strerror}",
            when=str(path),
            now=f"name a CSV file of `file,label`, or write `{FOLDERS}`",
        ) from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise UsageError(f"the labels are no CSV in UTF-8: {error}", when=str(path), now="save it as that") from error
    return found


def _wrong(path: Path, line: int, what: str) -> UsageError:
    return UsageError(
        f"the labels cannot be read: {what}",
        when=f"{path}, line {line}",
        now="write `file,label` and then a file and its label a line; quote what has commas",
    )


def _check(labels: Mapping[int, str], known: Collection[str], source: str) -> None:
    """Refuse labels that no answer can ever match: an accuracy of 0 would look like the model's fault."""
    foreign = sorted({label for label in labels.values() if label not in known and not label.isdecimal()})
    if foreign:
        raise UsageError(
            f"{one_line(foreign[0])!r} is no class of the model"
            + (f", and {len(foreign) - 1} more labels are none" if len(foreign) > 1 else ""),
            when=source,
            now=f"the model has {_some(known)}"
            if known
            else "the results have no names of classes: write numbers, or give the model's contract its labels",
        )


def _some(known: Collection[str]) -> str:
    listed = sorted(map(one_line, known))
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")  # noqa: PLR2004  (a line)
