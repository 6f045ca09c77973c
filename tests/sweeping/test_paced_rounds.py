"""Paced arrivals in real worker processes: what is kept, what is refused, what is left behind (nothing)."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from stopwatt import api
from stopwatt.errors import ExitCode, UsageError
from stopwatt.records import Paced, Protocol, Status, Warmup
from stopwatt.store import Selection, open_store
from stopwatt.sweeping import pacing, room
from stopwatt.sweeping.pacing import check_paced, latest_s, planned_s, realtime, with_room
from stopwatt.ways import Load

pytestmark = pytest.mark.slow


def test_a_round_has_the_closed_loop_and_the_paced_series(run, stored):
    result, diary = run(changes={"paced": Paced(2e-3, cycles=50)})
    (row,) = result.rows
    assert diary.phases[-1] == "paced"
    assert row.estimates["latency"].n == 40
    assert row.estimates["response"].n == row.estimates["overruns"].n == 50
    (one,) = stored()
    response, service = one.samples["response"].values, one.samples["service"].values
    assert (response >= service).all()
    assert (service >= 100_000).all()


def test_requests_behind_a_planted_stall_wait_for_it(run, stored):
    run(
        params={"burst_every": 400, "burst_length": 1, "burst_factor": 70.0, "duration": "200us"},
        changes={"paced": Paced(2e-3, cycles=900)},
    )
    (one,) = stored()
    response, service = one.samples["response"].values, one.samples["service"].values
    stalls = np.flatnonzero(service > 13_000_000)
    assert len(stalls) >= 2
    for place in stalls[stalls < 890]:
        assert (response[place + 1 : place + 6] > 3_000_000).all(), "five more requests were due meanwhile"
    assert one.readings["overruns"].value >= 6 * np.count_nonzero(stalls < 890)


def test_a_period_below_the_service_time_fails_at_once_with_three_parts(run):
    result, diary = run(params={"duration": "3ms"}, changes={"paced": Paced(1e-3, cycles=10)})
    (row,) = result.rows
    assert row.status is Status.FAILED
    assert "the period of 1.00 ms is shorter than a call" in row.trouble.what
    assert "warm-up" in row.trouble.when
    assert "--period" in row.trouble.now
    assert diary.phases[-1] == "warm-up", "nothing was measured in vain"


def test_a_slow_load_is_declared_with_the_round(run, stored):
    run(changes={"paced": Paced(2e-3, cycles=40, load=Load.CPU)})
    (one,) = stored()
    assert (one.facts["load"], one.facts["load_from"]) == ("cpu", 20)


def test_wrong_answers_in_the_paced_series_withhold_the_timing(run):
    # What comes before takes 200 calls at most, of which a tenth of a second of warm-up takes 100.
    brief = Warmup(min_calls=3, min_seconds=0.0, window_calls=10, window_seconds=0.0, cap_seconds=0.1)
    result, _ = run(
        params={"duration": "1ms", "fail": "nan", "fail_at": 400},
        changes={"paced": Paced(5e-3, cycles=400), "warmup": brief},
    )
    (row,) = result.rows
    assert row.status is Status.INVALID
    assert "on the last paced outputs" in row.trouble.when


def test_real_time_conditions_are_got_or_the_result_says_that_they_were_refused(run, stored):
    run(changes={"paced": Paced(2e-3, cycles=30, realtime=True)})
    (one,) = stored()
    refused = [note for note in one.notes if note.kind == "not-realtime"]
    assert bool(refused) == ("paced_refused" in one.facts)
    if not refused:
        assert one.facts["paced_scheduling"].startswith("SCHED_FIFO")
        assert one.facts["paced_memory_locked"] is True


COMMAND = [
    "bench", "synthetic", "-p", "duration=200us", "--backends", "eager", "--threads", "1", "--rounds", "1", "--quick",
    "--warmup-cap", "200ms", "--trials", "50", "--period", "1ms", "--load", "cpu", "--cycles", "60000", "--allow",
]  # fmt: skip


def start(store):
    script = "from stopwatt.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", script, *COMMAND, "--store", store],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def descendants(pid):
    """Process ids by what runs in them."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    found = [int(word) for word in path.read_text().split()] if path.exists() else []
    return found + [below for one in found for below in descendants(one)]


def runs(pid, module):
    try:
        return module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def has_turns(pid):
    """How often a process has had a turn on a core, and whether it waits for something rather than for a core."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        turns = int(Path(f"/proc/{pid}/schedstat").read_text().split()[2])
    except OSError:
        return -1, False
    return turns, words[0] == "S"


@pytest.fixture
def wait_for_the_load(eventually):
    """Process ids of the load of a command, once the paced series has begun.

    The load waits for its half of the series then, and has no turn for a while; before that it starts, which has many.
    """

    def wait(process):
        seen, since = [], time.monotonic()

        def idle():
            nonlocal seen, since
            if process.poll() is not None:
                pytest.fail(f"ended early: {process.communicate()}")
            found = [pid for pid in descendants(process.pid) if runs(pid, "stopwatt.measuring.load")]
            now = [(pid, *has_turns(pid)) for pid in found]
            if len(found) < len(os.sched_getaffinity(0)) or now != seen or not all(waits for *_, waits in now):
                seen, since = now, time.monotonic()
            return found if time.monotonic() - since > 0.7 else None

        load = eventually(idle)
        assert load, "the load was never started"
        return load

    return wait


@pytest.fixture
def none_is_left(eventually):
    """Whether processes of a load have ended."""
    return lambda pids: eventually(lambda: not any(runs(pid, "stopwatt.measuring.load") for pid in pids))


def test_ctrl_c_keeps_the_requests_that_were_served(tmp_path, wait_for_the_load, none_is_left):
    store = str(tmp_path / "results.db")
    process = start(store)
    load = wait_for_the_load(process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED, errors
    with open_store(store) as database:
        (one,) = database.measurements(Selection())
    assert one.status is Status.INTERRUPTED
    assert "paced cycles" in one.trouble.when
    assert 0 < len(one.samples["response"].values) < 60_000
    assert len(one.samples["latency"].values) == 50
    assert one.facts["paced_stopped"] == "interrupted"
    assert none_is_left(load)


def test_kill_9_of_the_parent_leaves_no_load(tmp_path, wait_for_the_load, none_is_left):
    process = start(str(tmp_path / "results.db"))
    load = wait_for_the_load(process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert none_is_left(load)


def test_realtime_is_a_million_requests_or_an_hour_under_load():
    paced = realtime(1e-3)
    assert (paced.cycles, paced.seconds, paced.load, paced.realtime) == (10**6, 3600.0, Load.CPU, True)
    assert planned_s(paced) == pytest.approx(1000.0)
    assert planned_s(realtime(0.1)) == 3600.0
    assert realtime(1e-3, cycles=5, load=Load.MEMORY).load is Load.MEMORY


def test_the_time_limit_of_a_round_grows_by_its_paced_series():
    rules = Protocol(timeout_s=600.0, paced=realtime(1e-3))
    with pytest.raises(UsageError, match="paced series takes up to"):
        check_paced(rules)
    assert with_room(rules).timeout_s == 600.0 + latest_s(rules.paced)
    check_paced(with_room(rules))
    assert with_room(Protocol()) == Protocol()


def test_a_series_has_ended_by_the_time_that_is_kept_for_it():
    from stopwatt.measuring import paced

    assert room.OVERTIME >= paced.OVERTIME
    assert pacing.GRACE_S > paced.GRACE_NS / 1e9 + paced.LEAD_IN_NS / 1e9


@pytest.mark.parametrize(
    ("paced", "names"),
    [
        (Paced(0.0), "period 0 "), (Paced(-1.0), "period -1 "), (Paced(float("nan")), "period nan "),
        (Paced(1e-6), "period 1e-06 "), (Paced(4000.0), "period 4000 "), (Paced(1e-3, cycles=0), "cycles 0 "),
        (Paced(1e-3, cycles=10**8), "cycles 1e"), (Paced(1e-3, seconds=0.0), "seconds 0 "),
        (Paced(10.0, cycles=10**6), "takes"),
    ],
)  # fmt: skip
def test_what_no_round_could_follow_is_refused_before_anything_runs(paced, names):
    with pytest.raises(UsageError, match=names) as raised:
        check_paced(Protocol(timeout_s=1e9, paced=paced))
    assert raised.value.when
    assert raised.value.now


def test_the_library_refuses_it_too(short, store):
    with pytest.raises(UsageError, match="out of range"):
        api.bench("synthetic", backends="eager", protocol=short(paced=Paced(0.0)), store=store)
