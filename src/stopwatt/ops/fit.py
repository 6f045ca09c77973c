"""Learning from the operator database: which rows, how well, and the predictor that is kept."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from stopwatt.errors import UsageError
from stopwatt.operators.table import DeviceSpecs, Table, joined
from stopwatt.operators.work import Family
from stopwatt.ops.measured import measured_tables
from stopwatt.predicting.evaluate import Evaluation, evaluate
from stopwatt.predicting.predictor import LEAST_ROWS, Predictor, fit
from stopwatt.store import Store

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
    store: Store, families: Collection[Family] = (), *, device: str = "", quick: bool = False, seed: int = 0
) -> Fitted:
    """Learn from all operators that a store holds, say how well, keep the predictor.

    Args:
        store: With measured or imported operators.
        families: Only these; those that were learnt before and are not among them stay as they are. All if empty.
        device: That is held out where unseen devices are asked for.
        quick: Evaluate on few rows.
        seed: Of samples, folds and models.

    Raises:
        UsageError: There is no family with enough rows, or scikit-learn is not installed.
    """
    _need_learner()
    specs, tables = store.operators.specs(), _tables(store, families, seed)
    tried = TRIED_QUICKLY if quick else TRIED
    usable = {family: rows for family, (rows, _) in tables.items() if len(rows) >= LEAST_ROWS}
    if not usable:
        raise UsageError(
            f"no family of operators has {LEAST_ROWS} rows to learn from",
            when=store.operators.where,
            now="measure some (stopwatt ops measure) or bring those of others (stopwatt ops import aiconfigurator)",
        )
    learnt, parts = Predictor({}), []
    for family, rows in usable.items():
        begin = time.monotonic()
        learnt = Predictor(dict(learnt.models) | dict(fit({family: rows}, specs, seed=seed).models))
        seconds = time.monotonic() - begin
        evaluation = evaluate(rows, specs, most=tried, device=device, seed=seed)
        parts.append(_part(rows, tables[family][1], seconds, evaluation))
    predictor = Predictor(dict(_kept(store).models) | dict(learnt.models)) if families else learnt
    content = predictor.to_bytes()
    store.operators.save_predictor(NAME, content, _summary(predictor, specs))
    skipped = {family: len(rows) for family, (rows, _) in tables.items() if family not in usable}
    return Fitted(tuple(parts), skipped, len(content), store.operators.where, tried)


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


def _tables(store: Store, families: Collection[Family], seed: int) -> dict[Family, tuple[Table, int]]:
    """Rows to learn from, and how many there are, by family."""
    own: dict[Family, list[Table]] = {}
    for table in measured_tables(store):
        own.setdefault(table.family, []).append(table)
    others = {one.family for one in store.operators.sources()}
    found = {}
    for family in sorted(own.keys() | others):
        if families and family not in families:
            continue
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
