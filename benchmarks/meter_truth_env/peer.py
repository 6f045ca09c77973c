"""Zeus and stopwatt on the same windows of the same replayed counter."""

import json
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detection_env.rates import Table
from meter_truth_env.cases import Case
from meter_truth_env.device import OFFSET_NS
from meter_truth_env.schedule import play
from meter_truth_env.truth import HELD_OUT
from peers_env.environment import Environment, ensure, last_error
from stopwatt.energy import SCREENING, EnergyRules, Scope
from stopwatt.meters.window import energy_of_round
from stopwatt.records import Measured, Unavailable
from stopwatt.sweeping.cache import root
from stopwatt.units import change, percent

HERE = Path(__file__).parent
COMPARED = (
    *("constant, tick 20 ms", "constant, tick 50 ms", "constant, tick 100 ms"),
    *("cycle of 100 ms, tick 20 ms", "cycle of 70 ms, tick 50 ms", "cycle of 33 ms, tick 100 ms"),
    *("cycle of 100 ms, tick 100 ms", "noise of 5 % every 300 ms, tick 20 ms", "warming up by 15 %, tick 100 ms"),
    *(
        "counter 3 % off",
        "counter 30 % off",
        "reset to 0",
        "counter stops",
        "counter of 0",
        "another process on the GPU",
    ),
)


@dataclass(frozen=True)
class Replayed:
    """One round, as both see it.

    Attributes:
        given: Counter and windows, for Zeus.
        truth: Joules of each window.
        ours: Joules of each window by stopwatt; empty where the verdict is `unavailable`.
        verdict: Its verdict on the round.
    """

    given: dict[str, Any]
    truth: tuple[float, ...]
    ours: tuple[float, ...]
    verdict: str


def compared(cases: Sequence[Case], seeds: int, rules: EnergyRules = SCREENING) -> tuple[Table, str]:
    """One line a case, and Zeus's version, or why it did not run."""
    chosen = [next(case for case in cases if case.name == name) for name in COMPARED]
    played = [
        [_play(case, rules, np.random.default_rng([HELD_OUT, number, seed])) for seed in range(seeds)]
        for number, case in enumerate(chosen)
    ]
    theirs, version = _zeus(ensure(root() / "zeus", HERE / "requirements.txt"), played)
    table = Table(
        "The same windows of 2 s by Zeus and by stopwatt: error of a window, typical and largest",
        ("load and instrument", "Zeus", "largest", "stopwatt", "largest", "stopwatt's verdict"),
    )
    for case, replays, joules in zip(chosen, played, theirs, strict=True):
        _line(table, case, replays, joules)
    return table, version


def _play(case: Case, rules: EnergyRules, dice: np.random.Generator) -> Replayed:
    done = play(case.load(dice), case.draw_call_s(dice), rules, case.instrument.tick_s, dice)
    trace, (ticks, joules) = case.instrument.trace(done.run, done.seconds, dice)
    found = energy_of_round([trace], done.spans, 1, rules)
    each = found.windows.get(f"energy_{Scope.GPU}", ())
    ends = [[(one.begin_ns - OFFSET_NS) / 1e9, (one.end_ns - OFFSET_NS) / 1e9] for one in done.windows]
    reading = found.readings[f"energy_{Scope.GPU}"]
    kind = (
        "unavailable"
        if isinstance(reading, Unavailable)
        else "measured"
        if isinstance(reading, Measured)
        else "suspect"
    )
    return Replayed(
        {"seconds": ticks.tolist(), "joules": joules.tolist(), "windows": ends},
        tuple(done.between(one) for one in done.windows),
        tuple(value * one.calls for value, one in zip(each, done.windows, strict=False)),
        kind,
    )


def _zeus(where: Environment, played: list[list[Replayed]]) -> tuple[list[list[list[float]] | None], str]:
    """Joules by case, round and window; and the version."""
    nothing: list[list[list[float]] | None] = [None] * len(played)
    if where.why:
        return nothing, where.why
    given = json.dumps([one.given for replays in played for one in replays])
    command = [str(where.python), str(HERE / "inside" / "zeus_windows.py")]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        return nothing, last_error(done.stderr)
    answer = json.loads(done.stdout)
    found = iter(answer["joules"])
    return [[next(found) for _ in replays] for replays in played], f"Zeus {answer['version']}"


def _line(table: Table, case: Case, replays: list[Replayed], theirs: list[list[float]] | None) -> None:
    zeus = _errors(list(zip(replays, theirs, strict=True))) if theirs is not None else []
    ours = _errors([(one, one.ours) for one in replays if one.ours])
    verdicts = Counter(one.verdict for one in replays)
    told = ", ".join(f"{verdict} {percent(count / len(replays))}" for verdict, count in verdicts.most_common())
    first = replays[0]
    table.add(
        case.name,
        *_shown(zeus),
        *_shown(ours),
        told,
        case=case.name,
        zeus_errors=_quantiles(zeus),
        stopwatt_errors=_quantiles(ours),
        verdicts=dict(verdicts),
        example={
            "truth_j": first.truth[0],
            "zeus_j": theirs[0][0] if theirs is not None else None,
            "stopwatt_j": first.ours[0] if first.ours else None,
        },
    )


def _errors(pairs: Sequence[tuple[Replayed, Sequence[float]]]) -> list[float]:
    return [joules / truth - 1 for one, found in pairs for joules, truth in zip(found, one.truth, strict=False)]


def _shown(errors: list[float]) -> tuple[str, str]:
    if not errors:
        return "-", "-"
    return percent(float(np.median(np.abs(errors)))), change(1 + max(errors, key=abs))


def _quantiles(errors: list[float]) -> dict[str, float] | None:
    if not errors:
        return None
    return {"median_abs": float(np.median(np.abs(errors))), "lowest": min(errors), "highest": max(errors)}
