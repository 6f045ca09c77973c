"""Is energy right where stopwatt says `measured`, and withheld or doubted everywhere else?

python benchmarks/meter_truth.py [--seeds N] [--out FOLDER]

Instruments are simulated, so that the truth is known. Zeus runs in an environment of its own under the cache folder,
made at the first run; only that needs a package index.
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from detection_env.rates import Table
from meter_truth_env import anytime, peer, truth
from meter_truth_env.cases import cases
from result import RESULTS, Page
from stopwatt.energy import REPORTED, SCREENING
from stopwatt.meters.quality import AGREEMENT
from stopwatt.units import change, percent

SEEDS = 400
TARGET = 0.01

Rows = list[dict[str, Any]]


def main(out: Path = RESULTS, seeds: int = SEEDS) -> None:
    """Simulate, and write the page."""
    compared, version = peer.compared(cases(), seeds)
    tables = {
        "screening": truth.rounds(cases(), SCREENING, seeds),
        "reported": truth.rounds(cases(REPORTED), REPORTED, seeds),
        "zeus": compared,
        "anytime": anytime.times(seeds),
    }
    rows = {name: table.data for name, table in tables.items()}
    page = Page("meter-truth", "Is energy right where it is called measured?", "python benchmarks/run.py meter-truth")
    page.sentences = [
        f"Simulated instruments, {seeds} seeds a row; every round goes the way of a real one, from the rows of a "
        "poller to a reading with its verdict. It says what the method makes of such instruments, not what devices are "
        "like. An instrument ticks with 1 ms of jitter and is polled every 5 ms, every 500th poll up to 30 ms late. "
        "The limits were chosen on loads of the same kinds, drawn from other seeds. Typical errors are medians of "
        "absolute values; `within ±` is how often a round's own 95 % interval held the truth.",
        *_targets(rows["screening"] + rows["reported"]),
        _intervals(rows["screening"] + rows["reported"]),
        *_doubts(rows["screening"]),
        _anytime(rows["anytime"]),
        *_zeus(compared, version),
    ]
    page.tables = [(table.caption, table.head, table.rows) for table in tables.values()]
    page.data = {"seeds": seeds, "zeus_version": version} | rows
    page.write(out)


def _targets(rows: Rows) -> list[str]:
    measured = [row for row in rows if row["told"] and row["largest_error"] is not None]
    worst = max(measured, key=lambda row: row["largest_error"])
    met = "met" if worst["largest_error"] <= TARGET else "NOT met"
    unsound = [row for row in rows if not row["sound"]]
    let_through = [row for row in unsound if row["measured"]["hits"] and (row["largest_error"] or 0) > TARGET]
    kept = "met" if not let_through else "NOT met: " + ", ".join(row["case"] for row in let_through)
    blind = [row["largest_error"] for row in rows if not row["told"]]
    return [
        f"Target: an error of at most {100 * TARGET:g} % wherever the verdict is `measured`. Largest: "
        f"{percent(worst['largest_error'])} ({worst['case']}): {met}.",
        f"Target: `suspect` or `unavailable` for everything else. {len(unsound)} rows have an unsound instrument; none "
        f"of them may be `measured` with a larger error: {kept}.",
        f"The limit of that: a counter that is wrong by less than {100 * AGREEMENT:g} % of the averaged power beside "
        "it cannot be told from a right one. Where it is 1.5 % off, the verdict is `measured` and the error up to "
        f"{percent(max(blind))}. Nor can an instrument whose counter and power field are wrong alike; only another "
        "meter could say so.",
    ]


def _intervals(rows: Rows) -> str:
    covered = [row for row in rows if row["sound"] and row["told"] and row["within"] is not None]
    least = min(covered, key=lambda row: row["within"])
    return (
        f"The interval of a round holds the truth in {percent(least['within'])} at worst ({least['case']}, where the "
        f"largest error is {percent(least['largest_error'])}), in "
        f"{percent(sum(row['within'] for row in covered) / len(covered))} on average."
    )


def _doubts(rows: Rows) -> list[str]:
    doubted = [row for row in rows if row["sound"] and 0 < row["suspect"]["hits"] < row["suspect"]["tries"]]
    some = "; ".join(f"{percent(_share(row['suspect']))} ({row['case']})" for row in _most_first(doubted)[:3])
    return [
        "The price: where the power changes so much within a window that a straight line through the ticks is not its "
        "mean, the energy is taken from end to end instead, and is suspect where the ticks are too coarse for that. Of "
        f"screening rounds with a sound instrument that is the verdict in up to {some}."
    ] * bool(doubted)


def _most_first(rows: Rows) -> Rows:
    return sorted(rows, key=lambda row: -_share(row["suspect"]))


def _anytime(rows: Rows) -> str:
    measured = [row["largest_error"] for row in rows if row["largest_error"] is not None]
    return (
        f"Any time, however uneven: no error above {percent(max(measured))} where it is `measured`; what is too short "
        "for its counter is `suspect` or `unavailable`."
    )


def _zeus(table: Table, version: str) -> list[str]:
    if not version.startswith("Zeus"):
        return [f"Zeus could not run here: {version}."]
    constant = next(row for row in table.data if row["case"] == "constant, tick 100 ms")
    one, theirs, ours = constant["example"], constant["zeus_errors"], constant["stopwatt_errors"]
    return [
        f"{version} beside stopwatt: its `ReplayZeusMonitor` replays results of windows, not what a device says, and "
        "its `ZeusMonitor` needs NVML. So the real `ZeusMonitor` runs in an environment of its own on NVIDIA's own "
        "Python module, in which the eight functions that it calls are replaced: `nvmlDeviceGetTotalEnergyConsumption` "
        "answers what the simulated counter says at that moment of the replay, in whole millijoules, and `time` in "
        "`zeus.monitor.energy` is the time of the replay. `begin_window` and `end_window` are called at the ends of "
        "the very windows that stopwatt gets, without the delay that a real call has.",
        f"Why they differ: one window of 400 W and a tick of 100 ms is {one['truth_j']:.1f} J in truth, "
        f"{one['zeus_j']:.1f} J by Zeus and {one['stopwatt_j']:.1f} J by stopwatt. Zeus subtracts what the counter "
        "says at both ends, where it was last brought up to date up to a tick before: "
        f"{change(1 + theirs['lowest'])} to {change(1 + theirs['highest'])} over all such windows. stopwatt takes the "
        f"slope at the ticks: {change(1 + ours['lowest'])} to {change(1 + ours['highest'])}. Zeus's error falls in "
        "proportion to the length of a window. For a load that changes at random within a window, and a fine tick, the "
        "largest errors of both are alike.",
        "Zeus gives a figure without a verdict: that of a counter that is wrong or stops is reported as it is, that of "
        "a reset is below 0, and of a counter of 0 it warns.",
    ]


def _share(rate: dict[str, float]) -> float:
    return rate["hits"] / rate["tries"]


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    main(asked.out, asked.seeds)
