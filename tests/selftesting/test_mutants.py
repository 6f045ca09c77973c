"""Mistakes that others made when they measured, made in our own code: the self-test must find each of them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import stopwatt

SOURCE = Path(stopwatt.__file__).parent

DROPPED = "latency_ns=(lambda found: found[found <= 3 * np.median(found)])("
LATENCY = "latency_ns=np.frombuffer(ends, dtype=np.int64)[:done] - starts,"
POOLED = """
    pooled = within_round(np.concatenate([series.values for series in rounds]))
    centre = replace(blank, value=float(np.median(medians(rounds))))
    return _with_interval(centre, pooled, "pooled", "pooled")
"""

MUTANTS = {
    "the synchronisation is left out": (
        "synchronisation",
        "measuring/subject.py",
        "        synchronize()\n        return outputs\n",
        "        return outputs\n",
    ),
    "a full queue is not waited for": (
        "synchronisation",
        "measuring/throughput.py",
        "        synchronize()\n        return (now_ns()",
        "        return (now_ns()",
    ),
    "the clock counts only what this process computes": (
        "clock",
        "measuring/clock.py",
        "now_ns = time.perf_counter_ns",
        "now_ns = time.process_time_ns",
    ),
    "the clock is that on the wall": (
        "clock",
        "measuring/clock.py",
        "now_ns = time.perf_counter_ns",
        "now_ns = time.time_ns",
    ),
    "the trials alone have another clock": (
        "latency",
        "measuring/trials.py",
        "    clock: Callable[[], int] = now_ns,",
        "    clock: Callable[[], int] = time.process_time_ns,",
    ),
    "the trials of all processes are pooled": (
        "intervals",
        "analyse/estimate.py",
        '    return _of_rounds(blank, rounds, medians(rounds), "median", lambda series: within_round(series.values))\n',
        POOLED,
    ),
    "three processes are taken for infinitely many": (
        "intervals",
        "stats/intervals.py",
        "float(stdtrit(rounds - 1, (1 + confidence) / 2))",
        '__import__("statistics").NormalDist().inv_cdf((1 + confidence) / 2)',
    ),
    "outliers are dropped": (
        "distribution",
        "measuring/trials.py",
        LATENCY,
        f"{DROPPED}np.frombuffer(ends, dtype=np.int64)[:done] - starts),",
    ),
    "outliers are cut off": (
        "distribution",
        "measuring/trials.py",
        LATENCY,
        "latency_ns=np.minimum(np.frombuffer(ends, dtype=np.int64)[:done] - starts, 1_000_000),",
    ),
    "the first trial is dropped": (
        "distribution",
        "measuring/trials.py",
        LATENCY,
        "latency_ns=(np.frombuffer(ends, dtype=np.int64)[:done] - starts)[1:],",
    ),
    "the trials are sorted": (
        "distribution",
        "measuring/trials.py",
        LATENCY,
        "latency_ns=np.sort(np.frombuffer(ends, dtype=np.int64)[:done] - starts),",
    ),
    "the warm-up is cut short and its calls count": (
        "drift",
        "measuring/warmup.py",
        "    while (len(latencies) < rules.min_calls",
        "    return Warmed(0, 0.0, True, np.array([], dtype=np.int64))\n    while (len(latencies) < rules.min_calls",
    ),
    "the inputs do not take turns": (
        "inputs",
        "measuring/trials.py",
        '    begins, ends = array("q"',
        '    sets = sets[:1]\n    begins, ends = array("q"',
    ),
    "the first trial has the input of the call before it": (
        "inputs",
        "measuring/trials.py",
        "_settle(call, [*sets[:first], *sets[first + 1 :]] or sets, settle)",
        "_settle(call, sets, settle)",
    ),
    "the process that waits does not sleep": (
        "observer",
        "sweeping/executors/worker.py",
        "selector.select(max(0.0, deadline - time.monotonic()))",
        "selector.select(0.0)",
    ),
}


@pytest.fixture
def selftest(tmp_path):
    """Runs the self-test of a copy of the package; the exit code and the verdicts by name."""
    copy = tmp_path / "stopwatt"
    shutil.copytree(SOURCE, copy)

    def run(claims):
        done = subprocess.run(
            [sys.executable, "-m", "stopwatt", "selftest", "--only", claims, "--json", "--store", tmp_path / "own.db"],
            env=os.environ | {"PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout, done.stderr
        return done.returncode, {claim["name"]: claim["verdict"] for claim in json.loads(done.stdout)["claims"]}

    return copy, run


@pytest.mark.long
@pytest.mark.parametrize("mistake", MUTANTS)
def test_the_self_test_finds_the_mistake_that(selftest, mistake, undisturbed):
    copy, run = selftest
    claim, path, ours, theirs = MUTANTS[mistake]
    text = (copy / path).read_text()
    assert text.count(ours) == 1, f"{path} has changed: this mutant has to change with it"
    (copy / path).write_text(text.replace(ours, theirs))

    def attempt():
        assert run(claim) == (1, {claim: "fails"})

    undisturbed(attempt, tries=3)  # some mistakes show only where the calls that settle are not interrupted


@pytest.mark.long
@pytest.mark.parametrize("claim", dict.fromkeys(claim for claim, *_ in MUTANTS.values()))
def test_without_a_mistake_no_claim_fails(selftest, claim):
    _, run = selftest
    code, verdicts = run(claim)
    assert code == 0
    assert list(verdicts) == [claim]
    shown = {"holds"} if claim in {"clock", "intervals"} else {"holds", "undecided"}
    assert verdicts[claim] in shown, "a disturbed machine leaves open what it disturbs"
