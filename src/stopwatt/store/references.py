"""How users name what is in a store: a run by its id, its tag or its age."""

import re
from pathlib import Path

from stopwatt.errors import UsageError
from stopwatt.store.database import Store
from stopwatt.store.model import Run

_LATEST = re.compile(r"last(?:~(\d{1,9}))?")
ABOUT_MACHINE = "about_machine"
"""Key of a run's request: what it measured is the machine and no model, so that `last` never means it."""
_HEXADECIMAL = re.compile(r"[0-9a-f]{1,32}", re.IGNORECASE)


def names_a_store(word: str) -> bool:
    """Whether a word means a whole results database: a URL, a path, or a file that is there.

    A slash alone makes no path: tags are often names of branches.
    """
    begins_as_path = word.startswith(("/", "./", "../", "~"))
    return "://" in word or begins_as_path or word.endswith((".db", ".sqlite")) or Path(word).is_file()


def find_runs(store: Store, word: str) -> list[Run]:
    """The runs that a word means: `last`, `last~1` (the one before), a tag, an id or its beginning.

    Args:
        store: Where to look. Runs that have saved nothing yet do not count.
        word: As the user writes it.

    Returns:
        At least one; several only for a tag. Oldest first.

    Raises:
        UsageError: No such run, several ids that begin so, or a word that is both a tag and the beginning of an id.
    """
    runs = [run for run in store.runs() if run.rounds]
    if found := _LATEST.fullmatch(word):
        of_models = [run for run in runs if ABOUT_MACHINE not in run.request]
        return [_by_age(of_models, int(found[1] or 0), word, store.where)]
    tagged = [run for run in runs if run.tag == word] if word else []
    numbered = [run for run in runs if run.id.startswith(word.lower())] if _HEXADECIMAL.fullmatch(word) else []
    if tagged and numbered:
        raise UsageError(
            f"{word!r} is a tag and also the beginning of the id {numbered[0].id}",
            when=store.where,
            now="write more digits of the id, or another tag",
        )
    if len(numbered) > 1:
        near = ", ".join(run.id[:12] for run in numbered[:3])
        raise UsageError(
            f"several ids of a run begin with {word!r}: {near} ...", when=store.where, now="write more of its digits"
        )
    if not tagged and not numbered:
        raise UsageError(f"there is no run or tag {word!r}", when=store.where, now="stopwatt show lists what there is")
    return tagged or numbered


def _by_age(runs: list[Run], age: int, word: str, where: str) -> Run:
    if age >= len(runs):
        raise UsageError(
            f"there is no run {word!r}: the results database holds {len(runs)} with measurements",
            when=where,
            now="stopwatt show lists what there is",
        )
    return runs[-1 - age]
