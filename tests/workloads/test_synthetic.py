"""The synthetic workload lasts what its script says and fails as asked."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from stopwatt.errors import UsageError
from stopwatt.workloads.params import check_params
from stopwatt.workloads.planted import plan
from stopwatt.workloads.resolve import resolve

US, MS = 1_000, 1_000_000


def params(**given):
    return check_params(resolve("synthetic"), given)


def build(**given):
    return resolve("synthetic").build(params(**{"duration": "0us", **given}), 0)


def durations(calls, **given):
    planned = plan(params(**given), 0)
    return [planned.duration_ns(call) for call in range(calls)]


def x(batch=2, seed=0):
    return build().make_inputs(batch, np.random.default_rng(seed))[0]


def test_a_duration_holds_for_every_call():
    assert durations(3, duration="20us") == [20 * US] * 3


def test_a_script_without_probabilities_is_repeated_exactly():
    assert durations(5, script="1ms, 2ms") == [MS, 2 * MS, MS, 2 * MS, MS]


def test_a_script_with_probabilities_plants_them():
    drawn = np.array(durations(10_000, script="1ms*0.9,2ms*0.1"))

    assert set(drawn) == {MS, 2 * MS}
    assert np.mean(drawn == 2 * MS) == pytest.approx(0.1, abs=0.01)


def test_a_mixture_repeats_with_the_seed_and_changes_with_it():
    given = params(script="1ms*0.5,2ms*0.5")

    first, again, other = (plan(given, seed).base_ns for seed in (1, 1, 2))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_warm_up_falls_linearly_to_the_planted_duration():
    assert durations(6, duration="100us", ramp=4.0, ramp_calls=4) == [
        500 * US,
        400 * US,
        300 * US,
        200 * US,
        100 * US,
        100 * US,
    ]


def test_drift_is_planted_per_thousand_calls():
    assert durations(2001, duration="100us", drift=0.5)[1000::1000] == [150 * US, 200 * US]


def test_bursts_come_in_runs_and_not_at_the_start():
    drawn = durations(9, duration="1us", burst_every=4, burst_length=2, burst_factor=3.0)

    assert drawn == [US, US, US, US, 3 * US, 3 * US, US, US, 3 * US]


def test_each_sample_of_the_batch_adds_its_share():
    planned = plan(params(duration="10us", per_sample="2us"), 0)

    assert [planned.duration_ns(0, batch) for batch in (1, 8)] == [12 * US, 26 * US]


@pytest.mark.parametrize(
    "given",
    [
        {"duration": "soon"},
        {"duration": "-1ms"},
        {"script": "1ms,"},
        {"script": "1ms*0.5,2ms"},
        {"script": "1ms*0.5,2ms*0.6"},
        {"script": "1ms*x"},
        {"script": "1ms*nan"},
        {"per_sample": "1GB"},
    ],
)
def test_a_script_that_cannot_be_read_is_refused(given):
    with pytest.raises(UsageError):
        plan(params(**given), 0)


@pytest.mark.parametrize("wait", ["spin", "sleep"])
def test_a_call_lasts_at_least_what_is_planted_and_answers_twice_its_input(wait):
    call, given = build(duration="3ms", wait=wait).call, x()

    begin = time.perf_counter_ns()
    answer = call(given)

    assert time.perf_counter_ns() - begin >= 3 * MS
    np.testing.assert_array_equal(answer, given * 2)


@pytest.mark.parametrize(
    ("fail", "wrong"),
    [
        ("nan", lambda answer: np.isnan(answer).all()),
        ("constant", lambda answer: np.ptp(answer) == 0),
        ("wrong_shape", lambda answer: answer.shape == (2, 63)),
        ("offset", lambda answer: np.allclose(answer, x() * 2 + 1)),
        ("subnormal", lambda answer: 0 < np.abs(answer).max() < np.finfo(np.float32).tiny),
    ],
)
def test_answers_are_right_before_the_chosen_call_and_wrong_from_it_on(fail, wrong):
    call = build(fail=fail, fail_at=2).call

    first, second, third = call(x()), call(x()), call(x())

    np.testing.assert_array_equal(first, x() * 2)
    assert wrong(second)
    assert wrong(third)


def test_a_failure_waits_for_its_batch():
    call = build(fail="oom", fail_at=1, fail_batch=4).call

    call(x(batch=3))

    with pytest.raises(MemoryError, match="out of memory"):
        call(x(batch=4))


def test_a_planted_exception_is_raised_by_the_chosen_call():
    call = build(fail="raise", fail_at=2).call
    call(x())

    with pytest.raises(RuntimeError, match="planted failure"):
        call(x())


def test_a_cheat_that_remembers_skips_the_work_for_inputs_it_has_seen():
    call = build(fail="cached", fail_at=1).call
    waits = []
    call.wait = waits.append

    for seed in (1, 2, 1, 2, 3):
        np.testing.assert_array_equal(call(x(seed=seed)), x(seed=seed) * 2)

    assert len(waits) == 3


def test_a_lazy_answer_does_its_work_when_it_is_looked_at():
    call = build(fail="lazy", fail_at=1).call
    waits = []
    call.wait = waits.append

    promise = call(x())
    assert waits == []

    np.testing.assert_array_equal(np.asarray(promise), x() * 2)
    assert len(waits) == 1


SCRIPT = (
    "import numpy as np, sys; from stopwatt.workloads.resolve import resolve\n"
    "from stopwatt.workloads.params import check_params\n"
    "family = resolve('synthetic')\n"
    "built = family.build(check_params(family, {'duration': '0us', 'fail': sys.argv[1], 'fail_at': 2}), 0)\n"
    "given = built.make_inputs(1, np.random.default_rng(0))\n"
    "built.call(*given); print('ready', flush=True); built.call(*given); sys.exit(77)\n"
)


def start(fail, **options):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, fail], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **options
    )


@pytest.mark.parametrize(
    ("fail", "code"),
    [
        ("segfault", -signal.SIGSEGV),
        ("abort", -signal.SIGABRT),
        ("host_oom", -signal.SIGKILL),
        ("exit0", 0),
        ("exit3", 3),
        ("raise", 1),
        ("chdir", 77),
        ("sigint_handler", 77),
        ("garbage_stdout", 77),
    ],
)
def test_a_process_ends_as_the_planted_failure_makes_it_end(fail, code):
    process = start(fail)

    output, _ = process.communicate(timeout=60)

    assert process.returncode == code
    assert output.startswith(b"ready\n")
    assert (b"\xff" in output) == (fail == "garbage_stdout")


def status(process, name):
    """What the kernel says of a process under this name."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    return next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name}:"))


def test_a_hang_in_python_ends_at_an_interrupt(eventually):
    process = start("hang")
    process.stdout.readline()
    assert eventually(lambda: status(process, "State") == "S")

    process.send_signal(signal.SIGINT)

    assert process.wait(timeout=60) == -signal.SIGINT
    process.stdout.close()


def test_a_hang_in_c_that_holds_the_interpreter_ends_only_by_a_kill(eventually):
    process = start("hang_gil")
    process.stdout.readline()
    assert eventually(lambda: int(status(process, "SigBlk"), 16) >> (signal.SIGINT - 1) & 1)

    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.5)
    process.kill()

    assert process.wait(timeout=60) == -signal.SIGKILL
    process.stdout.close()


def test_a_gibibyte_of_output_is_really_written():
    process = start("huge_stdout")
    total = 0
    while chunk := os.read(process.stdout.fileno(), 2**20):
        total += len(chunk)
    process.stdout.close()

    assert process.wait(timeout=60) == 77
    assert total >= 2**30
