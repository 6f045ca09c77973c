"""Rows of the page of `bulk_gpu`, and what its sentences ask of runs."""

from collections.abc import Mapping
from typing import Any

from stopwatt.text import counted
from stopwatt.units import percent, quantity, ratio

Runs = Mapping[str, dict[str, Any]]
"""Runs by their keys, as the study keeps them."""
HEAD = (
    "setup", "images/s", "beside plain", "of its smallest ceiling", "GPU busy", "J/image", "GPU memory", "host cores",
    "held back by",
)  # fmt: skip
HEAD_OF_SEVERAL = (
    "setup", "images/s", "each GPU", "beside one GPU", "of its smallest ceiling", "least busy GPU", "J/image",
    "host cores", "held back by",
)  # fmt: skip
_APART = ("least_iou", "score_difference")
HEAD_COMPARED = ("setup", "images", "matched", "identical", "least IoU of a match", "largest difference of a score")


def row(run: dict[str, Any], alone: Runs) -> list[str]:
    """Of a run on one GPU, beside the plain one of all."""
    plain = rate_of(alone, {})
    return [
        setup(run["arm"]),
        rounded(run["images_per_s"]),
        ratio(run["images_per_s"] / plain) if plain else "-",
        _reached(run),
        _percent(busy(run)),
        _joules(run),
        _memory(run),
        _number(run.get("cores")),
        _held(run),
    ]


def row_of_several(run: dict[str, Any], alone: Runs, shared: Runs) -> list[str]:
    """Of a run on several GPUs, beside those on one."""
    arm = run["arm"]
    base = rate_of(alone, {name: arm[name] for name in ("backend", "precision", "batch")})
    everywhere = arm["devices"] == max(one["arm"]["devices"] for one in shared.values())
    return [
        setup(arm),
        rounded(run["images_per_s"]),
        rounded(run["images_per_s"] / arm["devices"]),
        ratio(run["images_per_s"] / base) if base else "-",
        _reached(run),
        _percent(busy(run)),
        _joules(run) if everywhere else "-",
        _number(run.get("cores")),
        _held(run),
    ]


def compared_rows(compared: Mapping[str, dict[str, Any]], results: Runs) -> list[list[str]]:
    """What `stopwatt run compare` says of each pair of runs."""
    rows = []
    for pair, said in compared.items():
        share = said.get("share_identical")
        rows.append(
            [
                setup(results[pair.partition(" ")[2]]["arm"]),
                str(said.get("images", "-")),
                str(said.get("matched", "-")),
                "-" if share is None else percent(share),
                *(f"{said[name]:.3g}" if said.get(name) is not None else "-" for name in _APART),
            ]
        )
    return rows


def setup(arm: Mapping[str, Any]) -> str:
    """`eager bf16, batch 8, 2 processes`."""
    workers = arm["workers"]
    processes = workers if isinstance(workers, str) else f"{workers} process{'' if workers == 1 else 'es'}"
    gpus = f" on {counted(arm['devices'], 'GPU')}" if arm["devices"] > 1 else ""
    queue = "" if arm["queue"] else ", no queue"
    return f"{arm['backend']} {arm['precision']}, batch {arm['batch']}, {processes}{gpus}{queue}"


def _held(run: dict[str, Any]) -> str:
    return str(run["bottleneck"]["name"]) if "bottleneck" in run else "-"


def _reached(run: dict[str, Any]) -> str:
    """Without a queue neither decoding nor the model has a ceiling of its own."""
    ceilings = run.get("ceilings", {"reached": None})
    known = ceilings["reached"] and run["arm"]["queue"]
    return f"{percent(ceilings['reached'])} ({ceilings['binding']})" if known else "-"


def _joules(run: dict[str, Any]) -> str:
    joules = joules_each(run)
    if joules is None:
        return "-"
    verdict = run["energy"]["gpu"]["verdict"]
    return f"{joules:.3g}" + ("" if verdict == "measured" else f" ({verdict})")


def joules_each(run: dict[str, Any]) -> float | None:
    """Of an image; `None` where no meter said."""
    joules: float | None = run.get("energy", {}).get("gpu", {}).get("joules_per_image")
    return joules


def _memory(run: dict[str, Any]) -> str:
    """Of the GPU that holds most, with all that is on it."""
    used = max((one["memory_used"] for one in run["gpus"] if one.get("memory_used") is not None), default=None)
    return "-" if used is None else quantity(used, "B")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def busy(run: dict[str, Any]) -> float | None:
    """Of the GPU that was so least."""
    found = [one["utilisation"] for one in run["gpus"] if one["utilisation"] is not None]
    used: float | None = min(sorted(found)[-run["arm"]["devices"] :], default=None)
    return used


def rate_of(runs: Runs, changes: Mapping[str, Any]) -> float | None:
    """Images a second of the first run of eager bf16, batch 8, one process, queue, but for some changes."""
    rates = [run["images_per_s"] for run in runs.values() if alike(run["arm"], changes)]
    return rates[0] if rates else None


def alike(arm: Mapping[str, Any], changes: Mapping[str, Any]) -> bool:
    """Whether it is eager bf16, batch 8, one process, one GPU and a queue, but for some changes."""
    plain = {"backend": "eager", "precision": "bf16", "batch": 8, "workers": 1, "devices": 1, "queue": True}
    return all(arm[name] == value for name, value in (plain | dict(changes)).items())


def best_first(runs: Runs) -> list[dict[str, Any]]:
    """By images a second."""
    return sorted(runs.values(), key=lambda run: -run["images_per_s"])


def rounded(value: float) -> str:
    """Images a second with three digits."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} %"
