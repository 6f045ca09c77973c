"""How well operators are predicted: NVIDIA's published H200 tables, and for unseen devices those of its package."""

import importlib.util
import math
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from result import RESULTS, Page
from stopwatt.operators.table import DeviceSpecs, Table, joined
from stopwatt.operators.work import Family
from stopwatt.ops.importing import import_tables
from stopwatt.ops.systems import find_systems
from stopwatt.predicting.evaluate import LONG_S, OURS, Answered, ask, evaluate, noise_floor
from stopwatt.predicting.neighbours import Disagreement, disagreements
from stopwatt.predicting.predictor import Predictor, fit
from stopwatt.predicting.scores import Scores
from stopwatt.predicting.splits import Question, divide
from stopwatt.store import open_store

H200 = "NVIDIA H200"
TABLES = Path(os.environ.get("STOPWATT_H200_OPERATORS", Path(__file__).parents[2] / "shared/data/h200-operators"))
SYSTEMS = ("a100_sxm", "b200_sxm", "h100_sxm", "h200_sxm", "l40s")
SOFTWARE = "vllm"
MOST = (8_000, 3_000)
FEW, OWN = 512, 32
PER_DEVICE = 8_000
SEEDS = (0, 1, 2)
HEAD = (
    "question",
    "rows learnt",
    "predicted by",
    "MAPE",
    "median",
    "within 10 %",
    "bias",
    "covered",
    "width",
    "flagged",
)
BESIDE = {Family.GEMM: ("m", "n", "k"), Family.ATTENTION: ("batch", "kv_len")}
"""Sizes along which rows are compared with their neighbours."""
FLOORS = ("what", "of", "along", "rows", "mean", "median")
SOURCE = (
    "ai-dynamo/aiconfigurator (Apache-2.0, NVIDIA CORPORATION & AFFILIATES), system `h200_sxm`, collection `vllm "
    "0.22.0` at commit 095f58a51: GEMM and attention with power"
)


@dataclass
class Found:
    """All that is shown.

    Attributes:
        rows: Of the tables, as the head has them.
        targets: `(what, reached value, bound, noise)`; lower is better unless the bound is a pair. NaN for no noise.
        floors: What rows and their neighbours disagree by, as the table has it.
        data: For machines.
    """

    rows: dict[str, list[list[str]]] = field(default_factory=dict)
    targets: list[tuple[str, float, tuple[float, float], float]] = field(default_factory=list)
    floors: list[list[str]] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)

    def add(self, part: str, name: str, answer: Answered) -> None:
        """Rows of one question: everybody's time, ours by kind, and the energy likewise."""
        rows = self.rows.setdefault(part, [])
        for number, (who, scores) in enumerate(answer.time.items()):
            rows.append([name if not number else "", f"{answer.trained:,}" if not number else "", who, *cells(scores)])
        for kind, scores in answer.kinds.items() if len(answer.kinds) > 1 else ():
            rows.append(["", "", f"{OURS}: {kind}", *cells(scores)])
        for who, scores in answer.energy.items():
            rows.append(["", "", f"energy, {who}", *cells(scores)])
        for kind, scores in answer.energy_kinds.items() if len(answer.energy_kinds) > 1 else ():
            rows.append(["", "", f"energy, {OURS}: {kind}", *cells(scores)])
        self.data[f"{part}: {name}"] = document(answer)

    def bound(self, what: str, value: float, high: float, low: float = -math.inf, noise: float = math.nan) -> None:
        """Note a target, and the least noise that neighbours show."""
        self.targets.append((what, value, (low, high), noise))

    def floor(self, what: str, found: tuple[Disagreement, ...]) -> dict[str, float]:
        """Note how much neighbours disagree; for each type and kind the least mean."""
        for one in found:
            cells = [one.kind, one.size, f"{one.rows:,}", share(one.mean), share(one.median)]
            self.floors.append([what, *cells])
        self.data.setdefault("floors", []).extend({"what": what} | asdict(one) for one in found)
        least: dict[str, float] = {}
        for one in found:
            least[one.kind] = min(one.mean, least.get(one.kind, math.inf))
        return least


def cells(scores: Scores) -> list[str]:
    """As the head has them, from the MAPE on."""
    bias = f"{100 * scores.bias:+.1f} %"
    outside = share(scores.outside) if math.isfinite(scores.coverage) else "-"
    first = [share(one) for one in (scores.mape, scores.median, scores.near)]
    return [*first, bias, share(scores.coverage), share(scores.width), outside]


def share(value: float) -> str:
    return f"{100 * value:.1f} %" if math.isfinite(value) else "-"


def document(answer: Answered) -> dict[str, Any]:
    def all_of(scores: Mapping[str, Scores]) -> dict[str, Any]:
        plain = {name: asdict(one) for name, one in scores.items()}
        return {
            name: {key: value if math.isfinite(value) else None for key, value in one.items()}
            for name, one in plain.items()
        }

    parts = ("time", "energy", "kinds", "energy_kinds")
    return {"learnt": answer.trained} | {name: all_of(getattr(answer, name)) for name in parts}


def package() -> Path | None:
    """Folder of the public package: named, or installed."""
    if named := os.environ.get("AICONFIGURATOR_DATA"):
        return Path(named)
    spec = importlib.util.find_spec("aiconfigurator_core")
    return Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None


def read(folder: Path) -> tuple[dict[Family, Table], list[Table], dict[str, DeviceSpecs]]:
    """H200 tables by family, GEMM tables of several devices (none without the package), specifications."""
    where = package()
    with open_store(str(folder / "operators.db")) as store:
        import_tables(store, TABLES, source="aiconfigurator h200_sxm")
        own = {family: joined(store.operators.tables(family=family)) for family in (Family.GEMM, Family.ATTENTION)}
        others: list[Table] = []
        if where is not None and find_systems(where):
            import_tables(store, where, source="package", systems=SYSTEMS, families=[Family.GEMM])
            names = [one.source for one in store.operators.sources() if one.source.startswith("package")]
            chosen = [one for one in names if f" {SOFTWARE} " in one and one.endswith(" gemm")]
            others = [table for name in chosen for table in store.operators.tables(source=name)]
        return own, others, store.operators.specs()


def sample(table: Table, most: int, seed: int = 0) -> Table:
    if len(table) <= most:
        return table
    return table.take(np.sort(np.random.default_rng(seed).choice(len(table), most, replace=False)))


def h200(found: Found, own: Mapping[Family, Table], specs: Mapping[str, DeviceSpecs]) -> None:
    """Random, unseen shapes and larger shapes, of both families; all rows and few of them."""
    for family, table in own.items():
        powers, times = floors(found, family, table)
        for question in (Question.RANDOM, Question.LARGER):
            (answer,) = evaluate(table, specs, questions=(question,), most=MOST).answers
            found.add(str(family), str(question), answer)
            if question is Question.LARGER:
                for kind, scores in answer.kinds.items():
                    noise = times.get(kind, math.nan)
                    found.bound(f"{family}, larger shapes, {kind}: MAPE", scores.mape, 0.06, noise=noise)
                found.bound(f"{family}, larger shapes: covered by 90 % intervals", answer.time[OURS].coverage, 1, 0.85)
        whole = (len(table) if family is Family.GEMM else 16_000, 10_000)
        (answer,) = evaluate(table, specs, questions=(Question.SHAPE,), most=whole).answers
        found.add(str(family), str(Question.SHAPE), answer)
        ours = answer.time[OURS]
        found.bound(f"{family}, unseen shapes, {answer.trained:,} rows: MAPE", ours.mape, 0.035)
        found.bound(f"{family}, unseen shapes: covered by 90 % intervals", ours.coverage, 0.92, 0.88)
        for kind, scores in answer.energy_kinds.items():
            what = f"{family}, energy of rows of at least 0.1 ms, {kind}: MAPE"
            found.bound(what, scores.mape, 0.03, noise=powers.get(kind, math.nan))
        few(found, table, specs)


def floors(found: Found, family: Family, table: Table) -> tuple[dict[str, float], dict[str, float]]:
    """Noise of the power of long rows, and of the time per operation of the largest rows, by type and kind."""
    division = divide(table, Question.LARGER, 0)
    assert division is not None
    long, large = table.take(table.time_s >= LONG_S), table.take(division.test)
    powers = disagreements(long, long.power_w, BESIDE[family])
    times = disagreements(large, large.time_s / large.flops, BESIDE[family])
    name = str(family)
    return found.floor(f"{name}: power, rows >= 0.1 ms", powers), found.floor(f"{name}: time, larger shapes", times)


def few(found: Found, table: Table, specs: Mapping[str, DeviceSpecs]) -> None:
    """Unseen shapes after few rows, several times: so few differ by which they are."""
    division = divide(table, Question.SHAPE, 0)
    assert division is not None
    train, test = table.take(division.train), sample(table.take(division.test), MOST[1])
    answers = [
        ask(Question.SHAPE, sample(train, FEW, seed), test, specs, seed, beside=seed == SEEDS[0]) for seed in SEEDS
    ]
    for seed, answer in zip(SEEDS, answers, strict=True):
        found.add(str(table.family), f"{Question.SHAPE}, {FEW} rows, draw {seed + 1}", answer)
    mean = float(np.mean([one.time[OURS].mape for one in answers]))
    found.bound(f"{table.family}, unseen shapes, {FEW} rows, mean of {len(SEEDS)} draws: MAPE", mean, 0.045)


def devices(found: Found, others: list[Table], specs: Mapping[str, DeviceSpecs]) -> None:
    """The H200 from other devices, without and with a few rows of its own; bf16 and fp8 of one software."""
    table = joined([sample(one, PER_DEVICE) for one in others])
    kinds = np.isin(table.kind, ("gemm",)) & np.isin(table.dtype, ("bfloat16", "float8_e4m3fn"))
    table = table.take(kinds)
    there = table.device == H200
    rows = np.random.default_rng(0).permutation(np.flatnonzero(there))
    train, test = table.take(~there), table.take(rows[OWN:][: MOST[1]])
    alone = ask(Question.DEVICE, train, test, specs, 0)
    helped = ask(Question.DEVICE, joined([train, table.take(rows[:OWN])]), test, specs, 0, beside=False)
    found.add("unseen device", "H200 from the others", alone)
    found.add("unseen device", f"and {OWN} rows of its own", helped)
    for kind in alone.kinds:
        found.bound(f"H200 from the others, {kind}: MAPE", alone.kinds[kind].mape, 0.075)
        found.bound(f"H200 with {OWN} rows of its own, {kind}: MAPE", helped.kinds[kind].mape, 0.05)


def speed(found: Found, table: Table, specs: Mapping[str, DeviceSpecs]) -> None:
    """Fitting the whole table, and asking the saved predictor for a thousand operators."""
    begin = time.process_time(), time.perf_counter()
    predictor = fit({Family.GEMM: table}, specs)
    cpu, wall = time.process_time() - begin[0], time.perf_counter() - begin[1]
    content = predictor.to_bytes()
    loaded = Predictor.from_bytes(content)
    asked = sample(table, 1000)
    begin_s, begin_cpu = time.perf_counter(), time.process_time()
    loaded.predict(Family.GEMM, asked, specs)
    predicting, predicting_cpu = time.perf_counter() - begin_s, time.process_time() - begin_cpu
    found.data["speed"] = {
        "fit_cpu_s": cpu,
        "fit_s": wall,
        "predict_1000_s": predicting,
        "predict_1000_cpu_s": predicting_cpu,
        "bytes": len(content),
        "rows": len(table),
    }


def verdict(value: float, bounds: tuple[float, float]) -> str:
    low, high = bounds
    return "reached" if low <= value <= high else "**not reached**"


def wanted(bounds: tuple[float, float]) -> str:
    low, high = bounds
    if math.isinf(low):
        return f"<= {100 * high:.1f} %"
    return f">= {100 * low:.0f} %" if high >= 1 else f"{100 * low:.0f} to {100 * high:.0f} %"


def sentences(found: Found, own: Mapping[Family, Table], noise: str) -> list[str]:
    reached = sum(low <= value <= high for _, value, (low, high), _ in found.targets)
    counts = ", ".join(f"{len(table):,} {family}" for family, table in own.items())
    fast = found.data["speed"]
    return [
        f"{reached} of {len(found.targets)} targets are reached; the others are named as not reached.",
        f"The H200 rows are a published selection: {SOURCE} ({counts} rows). For unseen devices: the tables of the "
        f"PyPI package `aiconfigurator-core` ({', '.join(SYSTEMS)}; collections of {SOFTWARE}). Nothing of them is "
        "kept here.",
        "An unseen shape is one that no row with these sizes was learnt from, in any type. Larger shapes are the fifth "
        "with the most operations of each type and kind. `unseen model` is not in the data: no row says its model.",
        f"Questions learn from at most {MOST[0]:,} rows and are asked of at most {MOST[1]:,}, but for unseen shapes of "
        "GEMM (all rows but a fifth of the shapes; asked of 10,000) and of attention (16,000).",
        "Energy is that of rows of at least 0.1 ms, from predicted time and predicted power. Shorter rows carry the "
        "power of what ran before them; some fp8 rows of 0.1 to 0.3 ms look as if they did, too (n = 65536, k = 1024: "
        "687 W at m = 768, 231 W at m = 769, 690 W at m = 1024), which no model of the operator can know.",
        "Noise of one row, as neighbours show it: each row's logarithm is compared with the straight line between the "
        "next smaller and the next larger row that differ in one size only. A function of the sizes can hardly err "
        "less, but where neighbours share their noise, and where the quantity bends between them. Power is a moving "
        "mean that a row carries over to those measured after it (of GEMM those with the next k, which therefore agree "
        "best). The targets have the least of these figures beside them.",
        noise,
        f"Fitting all {fast['rows']:,} GEMM rows, time and power, took {fast['fit_cpu_s']:.0f} s of CPU time "
        f"({fast['fit_s']:.0f} s on this machine, which was shared); predicting 1,000 operators "
        f"{fast['predict_1000_cpu_s']:.2f} s of CPU time ({fast['predict_1000_s']:.2f} s); the predictor has "
        f"{fast['bytes'] / 1e6:.1f} MB.",
    ]


def noise_sentence(own: Mapping[Family, Table], others: list[Table]) -> str:
    again = [one for one in others if one.device[0] == H200]
    floor = noise_floor(joined([own[Family.GEMM], *again])) if again else None
    if floor is None:
        return "Noise floor: not in the data that was there."
    return (
        f"Noise floor: {floor.rows:,} GEMM rows that are in two of the vendor's own collections of the same device and "
        f"software differ by {share(floor.median)} (median) and {share(floor.mean)} (mean)."
    )


def main(out: Path = RESULTS) -> None:
    if not TABLES.is_dir():
        print(f"no H200 tables in {TABLES}: name their folder in STOPWATT_H200_OPERATORS")
        return
    found = Found()
    with TemporaryDirectory() as folder:
        own, others, specs = read(Path(folder))
    speed(found, own[Family.GEMM], specs)
    h200(found, own, specs)
    if others:
        devices(found, others, specs)
    page = Page(
        "operator-prediction",
        "Predicted operators",
        "python benchmarks/run.py operator-prediction",
        sentences(found, own, noise_sentence(own, others)),
    )
    targets = [
        [what, share(value), wanted(bounds), verdict(value, bounds), share(noise)]
        for what, value, bounds, noise in found.targets
    ]
    page.tables.append(("Targets", ("what", "reached", "wanted", "", "noise of a row"), targets))
    page.tables.append(("Neighbours", FLOORS, found.floors))
    page.tables += [(part, HEAD, rows) for part, rows in found.rows.items()]
    page.data = found.data | {
        "targets": [
            {"what": what, "value": value, "low": low if math.isfinite(low) else None, "high": high}
            for what, value, (low, high), _ in found.targets
        ]
    }
    page.write(out)
