"""Learning from the operator database: which rows, how well, and the predictor that is kept."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from stopwatt.errors import StopwattError, UsageError
from stopwatt.operators.table import DeviceSpecs, Table, joined
from stopwatt.operators.work import DIMENSIONS, Family
from stopwatt.ops.ahead import Ahead
from stopwatt.ops.measured import place_tables
from stopwatt.ops.measuring import Nobody, Onlooker
from stopwatt.ops.places import specs_in
from stopwatt.predicting.evaluate import Evaluation, evaluate
from stopwatt.predicting.family import FamilyModel
from stopwatt.predicting.predictor import LEAST_ROWS, Predictor, fit
from stopwatt.store import Store
from stopwatt.sweeping.execute import Interrupted

NAME = "operators"
"""Under which the predictor is kept."""
MOST = 60_000
"""Imported rows of a family that are learnt from, at most; what was measured here is always kept."""
TRIED, TRIED_QUICKLY = (12_000, 4_000), (2_000, 1_000)
"""Rows that an evaluation learns from and is tried on, at most."""


@dataclass(frozen=True, slots=True)
class Part:
    """One family as it was learnt.

    Attributes:
        family: Which.
        rows: In the database.
        learnt: Of them that were learnt from.
        devices: Of those.
        powered: Rows with a power among those.
        seconds: That fitting took.
        evaluation: How well; `None` where it was not asked for.
    """

    family: Family
    rows: int
    learnt: int
    devices: tuple[str, ...]
    powered: int
    seconds: float
    evaluation: Evaluation | None


@dataclass(frozen=True, slots=True)
class Fitted:
    """What was learnt and kept.

    Attributes:
        parts: By family.
        skipped: Families with too few rows, and how many they have.
        size: Bytes of the predictor.
        where: The store that keeps it.
        tried: Rows that the evaluations learnt from and were tried on, at most.
    """

    parts: tuple[Part, ...]
    skipped: Mapping[Family, int]
    size: int
    where: str
    tried: tuple[int, int]


def fit_store(
    store: Store,
    families: Collection[Family] = (),
    *,
    device: str = "",
    quick: bool = False,
    seed: int = 0,
    watcher: Onlooker | None = None,
) -> Fitted:
    """Learn from all operators that a store holds, say how well, keep the predictor.

    Each family is kept as soon as it is fitted: whatever ends this, whole families are new, the others are as before.

    Args:
        store: With measured or imported operators.
        families: Only these; those that were learnt before and are not among them stay as they are. All if empty.
        device: That is held out where unseen devices are asked for.
        quick: Evaluate on few rows.
        seed: Of samples, folds and models.
        watcher: Looks on.

    Raises:
        UsageError: There is no family with enough rows, or scikit-learn is not installed.
        Interrupted: The user stopped it; it says which families are new.
    """
    _need_learner()
    specs, tables = specs_in(store), _tables(store, families, seed)
    tried = TRIED_QUICKLY if quick else TRIED
    usable = {family: rows for family, (rows, _) in tables.items() if len(rows) >= LEAST_ROWS}
    if not usable:
        raise UsageError(
            f"no family of operators has {LEAST_ROWS} rows to learn from",
            when=store.operators.where,
            now="measure some (stopwatt ops measure) or bring those of others (stopwatt ops import aiconfigurator)",
        )
    learning = _Learning(store, specs, {} if not families else dict(_kept(store).models))
    parts: list[Part] = []
    ahead = Ahead.of(usable, tried, watcher or Nobody())
    try:
        for family, rows in usable.items():
            ahead.step(str(family), len(rows))
            begin = time.monotonic()
            learning.learn(family, rows, seed)
            seconds = time.monotonic() - begin
            evaluation = evaluate(rows, specs, most=tried, device=device, seed=seed, told=partial(ahead.asked, rows))
            parts.append(_part(rows, tables[family][1], seconds, evaluation))
        size = learning.keep()
    except KeyboardInterrupt:
        raise _stopped(learning.learnt, usable) from None
    finally:
        ahead.end()
    skipped = {family: len(rows) for family, (rows, _) in tables.items() if family not in usable}
    return Fitted(tuple(parts), skipped, size, store.operators.where, tried)


class _Learning:
    """Families as they are learnt, each kept at once beside those that were learnt before.

    Args:
        store: Keeps them.
        specs: Of devices.
        others: Families that stay as they are in the end.
    """

    def __init__(self, store: Store, specs: Mapping[str, DeviceSpecs], others: dict[Family, FamilyModel]) -> None:
        self.learnt: dict[Family, FamilyModel] = {}
        self._store = store
        self._specs = specs
        self._others = others
        self._before: dict[Family, FamilyModel] | None = None

    def learn(self, family: Family, rows: Table, seed: int) -> None:
        """One more."""
        self.learnt |= fit({family: rows}, self._specs, seed=seed).models
        if self._before is None:
            self._before = _readable(self._store)
        self._save(self._before | self.learnt)

    def keep(self) -> int:
        """All are learnt: those of which no row is left are gone; bytes of the predictor."""
        return self._save(self._others | self.learnt)

    def _save(self, models: Mapping[Family, FamilyModel]) -> int:
        predictor = Predictor(dict(models))
        content = predictor.to_bytes()
        self._store.operators.save_predictor(NAME, content, _summary(predictor, self._specs))
        return len(content)


def _stopped(learnt: Collection[Family], usable: Collection[Family]) -> Interrupted:
    left = [str(family) for family in usable if family not in learnt]
    if not left:
        when = "all families are fitted and kept; how well they predict was not said of all"
        return Interrupted("stopped on request", when=when, now="stopwatt ops fit says it")
    if not learnt:
        when = "no family was fitted to its end: all are as before"
        return Interrupted("stopped on request", when=when, now="start the same command again")
    when = f"{', '.join(map(str, learnt))}: fitted and kept; all others are as before"
    return Interrupted("stopped on request", when=when, now=f"stopwatt ops fit --family {','.join(left)} fits the rest")


def _need_learner() -> None:
    try:
        import sklearn  # noqa: F401  (only whether it is there)
    except ImportError as error:
        raise UsageError(
            "learning from operators needs scikit-learn", when=str(error), now="pip install 'stopwatt[predict]'"
        ) from error


def _kept(store: Store) -> Predictor:
    found = store.operators.predictor(NAME)
    return Predictor.from_bytes(found[0]) if found else Predictor({})


def _readable(store: Store) -> dict[Family, FamilyModel]:
    """What was learnt before; nothing where that is damaged or of another version: it is about to be replaced."""
    try:
        return dict(_kept(store).models)
    except StopwattError:
        return {}


def _tables(store: Store, families: Collection[Family], seed: int) -> dict[Family, tuple[Table, int]]:
    """Rows to learn from, and how many there are, by family."""
    own: dict[Family, list[Table]] = {}
    for table in place_tables(store):
        own.setdefault(table.family, []).append(table)
    others = {one.family for one in store.operators.sources()}
    found = {}
    for family in sorted(own.keys() | others):
        if (families and family not in families) or not DIMENSIONS[family]:
            continue  # the latter: nothing to tell its operators apart by (views, and what no formula knows)
        rows, total = _imported(store, family, seed)
        measured = own.get(family, [])
        found[family] = (joined([*measured, *rows]), total + sum(map(len, measured)))
    return found


def _imported(store: Store, family: Family, seed: int) -> tuple[list[Table], int]:
    """As many rows of each source, so that none outweighs the others."""
    counts = [one.rows for one in store.operators.sources() if one.family is family]
    most = _level(counts, MOST)
    rng = np.random.default_rng(seed)
    taken = []
    for table in store.operators.each_table(family=family):
        rows = np.arange(len(table)) if len(table) <= most else np.sort(rng.choice(len(table), most, replace=False))
        taken.append(table.take(rows))
    return taken, sum(counts)


def _level(counts: Collection[int], total: int) -> int:
    """The largest number of rows of each source with which all together are not more than `total`."""
    left, sources = total, sorted(counts)
    for place, count in enumerate(sources):
        share = left // (len(sources) - place)
        if count > share:
            return share
        left -= count
    return max(sources, default=0)


def _part(rows: Table, total: int, seconds: float, evaluation: Evaluation) -> Part:
    powered = int((rows.power_w > 0).sum())
    devices = tuple(map(str, np.unique(rows.device)))
    return Part(rows.family, total, len(rows), devices, powered, seconds, evaluation)


def _summary(predictor: Predictor, specs: Mapping[str, DeviceSpecs]) -> dict[str, object]:
    return {
        "families": {
            str(family): {"rows": model.rows, "devices": list(model.domain.devices), "power": model.power is not None}
            for family, model in predictor.models.items()
        },
        "specs": sorted(specs),
    }
