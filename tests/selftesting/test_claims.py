"""Each claim holds for a perfect tool, and fails for one that makes the mistake that it is about."""

import time
from dataclasses import replace

import numpy as np
import pytest

from stopwatt.analyse.estimate import Estimate
from stopwatt.analyse.selftests import DETECTABLE, Verdict
from stopwatt.energy import About, Scope, Trace
from stopwatt.errors import StopwattError
from stopwatt.measuring import clock as our_clock
from stopwatt.measuring import warmup
from stopwatt.selftesting import clock, comparison, energy, intervals, observer, synchronisation
from stopwatt.selftesting.bench import Bench, Window
from stopwatt.selftesting.clock import look_at_clock
from stopwatt.selftesting.comparison import differs, look_at_comparison
from stopwatt.selftesting.distribution import lengths, look_at_distribution
from stopwatt.selftesting.drift import look_at_drift
from stopwatt.selftesting.energy import CALL_S, TRIALS, look_at_energy, trials_for
from stopwatt.selftesting.inputs import look_at_inputs
from stopwatt.selftesting.intervals import look_at_intervals
from stopwatt.selftesting.latency import look_at_latency
from stopwatt.selftesting.observer import look_at_observer
from stopwatt.selftesting.synchronisation import look_at_synchronisation
from stopwatt.stats.ratios import Ratio

ANYWHERE = Bench("nowhere.db")


def without_outliers(latency):
    return latency[latency < 3 * np.median(latency)]


def cut_off(latency):
    return np.minimum(latency, 1_000_000)


def ten_percent_longer(latency):
    return latency * 11 // 10


def none_shorter(latency):
    return latency - 30_000


# clock


@pytest.fixture
def quick_clock(monkeypatch):
    """The test of the clock in a tenth of its time; the argument becomes the clock."""

    def use(now_ns=our_clock.now_ns, *, everywhere=True):
        monkeypatch.setattr(our_clock, "now_ns", now_ns)
        if everywhere:
            monkeypatch.setattr(clock, "_other_clocks", lambda: "")
        rates = clock._rates
        monkeypatch.setattr(clock, "_rates", lambda seconds: rates(seconds / 10))
        return look_at_clock(ANYWHERE)

    return use


def test_the_clock_of_all_timings_holds(quick_clock):
    claim = quick_clock(everywhere=False)
    assert claim.verdict is Verdict.HOLDS
    assert abs(claim.numbers["rate"].value) < claim.limit.value


@pytest.mark.parametrize("wrong", [time.time_ns, time.process_time_ns, time.thread_time_ns])
def test_another_clock_lies_elsewhere(quick_clock, wrong):
    claim = quick_clock(wrong)
    assert claim.verdict is Verdict.FAILS
    assert "CLOCK_MONOTONIC" in claim.sentence


def test_a_clock_that_goes_backwards_fails(quick_clock):
    counted = iter(range(10**9))
    claim = quick_clock(lambda: time.perf_counter_ns() - 10**6 * (next(counted) % 1000 == 999))
    assert claim.verdict is Verdict.FAILS
    assert "backwards" in claim.sentence


def test_a_clock_that_runs_slow_fails(quick_clock, monkeypatch):
    monkeypatch.setattr(clock, "_elsewhere", lambda: "")
    claim = quick_clock(lambda: time.perf_counter_ns() * 99 // 100)
    assert claim.verdict is Verdict.FAILS
    assert "% off CLOCK_MONOTONIC_RAW" in claim.sentence


def test_a_part_that_reads_another_clock_is_named(monkeypatch):
    monkeypatch.setattr(warmup, "now_ns", time.process_time_ns)
    assert "stopwatt.measuring.warmup" in clock._other_clocks()


# latency


def test_planted_durations_read_right(bench):
    claim = look_at_latency(bench())
    assert claim.verdict is Verdict.HOLDS
    assert claim.numbers["error"].value == pytest.approx(0.004)
    assert "100 us, 1 ms, 10 ms" in claim.sentence


def test_calls_that_read_shorter_than_they_lasted_fail_on_any_machine(bench):
    claim = look_at_latency(bench(none_shorter, disturbed=True))
    assert claim.verdict is Verdict.FAILS
    assert "shorter than their calls lasted" in claim.sentence


def test_calls_that_read_too_long_fail_on_a_quiet_machine_only(bench):
    assert look_at_latency(bench(slow=ten_percent_longer)).verdict is Verdict.FAILS
    assert look_at_latency(bench(slow=ten_percent_longer, disturbed=True)).verdict is Verdict.UNDECIDED


def test_trials_that_were_interrupted_show_it_by_their_spread(bench):
    dice = np.random.default_rng(0)

    def interrupted(latency):
        return latency + 4_000_000 * dice.integers(0, 4, latency.size)

    claim = look_at_latency(bench(slow=interrupted))
    assert claim.verdict is Verdict.UNDECIDED
    assert "interrupted" in claim.sentence


# inputs


def test_a_call_that_is_not_remembered_reads_its_length(bench):
    assert look_at_inputs(bench()).verdict is Verdict.HOLDS


def test_a_call_that_was_remembered_fails(bench):
    claim = look_at_inputs(bench(lambda latency: latency // 100, disturbed=True))
    assert claim.verdict is Verdict.FAILS
    assert "the same input again" in claim.sentence


# distribution


def test_planted_modes_and_outliers_are_found(bench):
    claim = look_at_distribution(bench())
    assert claim.verdict is Verdict.HOLDS
    assert claim.numbers["modes_found"].value == 3
    assert claim.numbers["mass_error"].value < 0.01


@pytest.mark.parametrize("mistake", [without_outliers, cut_off, np.sort, lambda latency: latency[1:]])
def test_trials_that_are_lost_or_changed_fail_on_any_machine(bench, mistake):
    assert look_at_distribution(bench(mistake, disturbed=True)).verdict is Verdict.FAILS


def test_a_mode_that_is_not_found_fails_on_a_quiet_machine(bench):
    modes = sorted({round(1e9 * one) for one in lengths()})

    def blurred(latency):
        return np.where(latency < modes[2], latency + np.arange(latency.size) * modes[0] // latency.size, latency)

    assert look_at_distribution(bench(slow=blurred)).verdict is Verdict.FAILS


# drift


def test_drift_is_claimed_where_it_was_planted_and_nowhere_else(bench):
    claim = look_at_drift(bench())
    assert claim.verdict is Verdict.HOLDS
    assert claim.numbers["error"].value < 0.01


def test_a_drift_that_is_missed_fails(bench):
    flat = bench(lambda latency: np.full_like(latency, np.median(latency)))
    assert look_at_drift(flat).verdict is Verdict.FAILS


def test_a_drift_that_is_made_up_fails(bench):
    growing = bench(slow=lambda latency: latency * np.linspace(1.0, 1.05, latency.size))
    assert look_at_drift(growing).verdict is Verdict.FAILS


def test_trials_that_begin_while_calls_are_unsteady_fail_on_any_machine(bench):
    def early(latency):
        return latency + np.linspace(100_000, 0, latency.size).astype(np.int64)

    claim = look_at_drift(bench(slow=early, disturbed=True))
    assert claim.verdict is Verdict.FAILS
    assert "before the calls were steady" in claim.sentence


# intervals


def test_intervals_hold_the_truth_as_often_as_they_say():
    claim = look_at_intervals(ANYWHERE)
    assert claim.verdict is Verdict.HOLDS
    assert claim.numbers["missed"].value <= claim.limit.value


def test_intervals_that_are_too_narrow_fail(monkeypatch):
    narrow = Estimate("latency", "s", 1e-3, 0.999e-3, 1.001e-3)
    honest = intervals.typical

    def pretending(metric, unit, rounds):
        value = honest(metric, unit, rounds).value
        return replace(narrow, value=value, low=value * 0.999, high=value * 1.001)

    monkeypatch.setattr(intervals, "typical", pretending)
    claim = look_at_intervals(ANYWHERE)
    assert claim.verdict is Verdict.FAILS
    assert claim.numbers["missed"].value > 0.5


# synchronisation


def test_a_device_that_is_not_waited_for_fails(monkeypatch):
    honest = synchronisation.assemble

    def forgetful(*about, **options):
        subject = honest(*about, **options)
        return replace(subject, timed=subject.submit)

    monkeypatch.setattr(synchronisation, "assemble", forgetful)
    claim = look_at_synchronisation(ANYWHERE)
    assert claim.verdict is Verdict.FAILS
    assert "not waited for" in claim.sentence


def test_a_device_that_is_waited_for_reads_no_shorter_than_its_work():
    claim = look_at_synchronisation(ANYWHERE)
    assert claim.verdict in {Verdict.HOLDS, Verdict.UNDECIDED}
    assert claim.numbers["error"].value > -synchronisation.LIMIT


# comparison


class Levels(Bench):
    """Rounds of a model with these medians, in microseconds."""

    def __init__(self, *levels):
        super().__init__("nowhere.db")
        object.__setattr__(self, "_levels", levels)

    def measure(self, axes, rules=None, watcher=None):
        from stopwatt.records import Cell, Measurement, Samples, Setup, Status, Workload

        cell = Cell(Workload("mlp"), Setup(), rules)
        return [
            Measurement(cell, number, Status.OK, samples={"latency": Samples(np.full(50, 1e3 * level), "ns")})
            for number, level in enumerate(self._levels)
        ]


def test_a_model_against_itself_tells_what_could_be_found():
    claim = look_at_comparison(Levels(100, 101, 101, 100, 100, 99, 100, 101, 99, 100))
    assert claim.verdict is Verdict.HOLDS
    assert 0.005 < claim.numbers[DETECTABLE].value < 0.05
    assert claim.numbers["detectable_low"].value < claim.numbers[DETECTABLE].value


def test_a_model_that_differs_from_itself_fails():
    claim = look_at_comparison(Levels(100, 150, 150.1, 100, 100, 150, 150, 100.1, 100, 150))
    assert claim.verdict is Verdict.FAILS
    assert claim.numbers["ratio"].value == pytest.approx(1.5, rel=0.01)


def test_a_small_difference_never_fails():
    assert not differs(Ratio(1.01, 1.009, 1.011))
    assert differs(Ratio(1.05, 1.04, 1.06))
    assert not differs(Ratio(1.05, 0.99, 1.11))


# observer


def test_a_parent_that_is_busy_fails_whatever_else_runs(monkeypatch):
    monkeypatch.setattr(observer, "_share", lambda bench: 0.9)
    claim = look_at_observer(ANYWHERE)
    assert claim.verdict is Verdict.FAILS
    assert "90 % of a core" in claim.sentence


def test_a_parent_that_sleeps_holds(monkeypatch):
    monkeypatch.setattr(observer, "_share", lambda bench: 0.0002)
    claim = look_at_observer(Levels(100))
    assert claim.verdict is Verdict.HOLDS
    assert claim.numbers["display"].value == pytest.approx(1.0)


class Beside(Levels):
    """Rounds of a model at 100 us, and at another level where instruments are read beside it."""

    def __init__(self, level):
        super().__init__()
        object.__setattr__(self, "_levels", [level, 0.0])

    def measure(self, axes, rules=None, watcher=None):
        from stopwatt.energy import About, Scope, Telemetry, Trace

        self._levels[1] += 0.001  # rounds that agree to the last digit have no interval
        if rules.telemetry is Telemetry.OFF:
            return Levels(100).measure(axes, rules)
        found = Levels(self._levels[0] + self._levels[1]).measure(axes, rules)
        trace = Trace(About("process", Scope.NONE, "Linux"), np.array([0, 1]), {"busy": np.array([0.0, 1.0])})
        return [replace(one, traces=(trace,)) for one in found]


@pytest.mark.parametrize(("level", "verdict"), [(100, Verdict.HOLDS), (101, Verdict.HOLDS), (110, Verdict.FAILS)])
def test_telemetry_must_not_cost_what_could_be_seen(monkeypatch, level, verdict):
    monkeypatch.setattr(observer, "_share", lambda bench: 0.0002)
    claim = look_at_observer(Beside(level))
    assert claim.verdict is verdict
    assert claim.numbers["telemetry"].value == pytest.approx(level / 100, abs=1e-3)
    assert "with telemetry" in claim.sentence


def test_where_telemetry_is_off_by_itself_nothing_is_claimed_of_it(monkeypatch):
    monkeypatch.setattr(observer, "_share", lambda bench: 0.0002)
    claim = look_at_observer(Levels(100))
    assert "telemetry" not in claim.numbers
    assert "telemetry is off here" in claim.sentence


def test_a_window_is_that_of_the_trials():
    readings = iter(range(100))
    window = Window(lambda: next(readings), None)
    for phase in ("warm-up", "trials", "device time", "throughput", "trials", "device time"):
        window.phase(phase)
    assert window.ends == (2, 3)


# energy


class Counting(Bench):
    """Rounds whose trials last a second for each hundred, and use a joule each or another amount."""

    def __init__(self, joules_of=lambda trials: trials):
        super().__init__("nowhere.db")
        for name, value in {"now": [10.0], "counter": [(0.0, 0.0)], "joules_of": joules_of}.items():
            object.__setattr__(self, name, value)

    def measure(self, axes, rules=None, watcher=None):
        watcher.phase("trials")
        begin, before = self.now[0], self.counter[-1][1]
        self.now[0] += rules.trials / 100
        used = self.joules_of(rules.trials)
        steps = np.arange(1, 101) / 100
        self.counter.extend((begin + step * rules.trials / 100, before + step * used) for step in steps)
        watcher.phase("device time")
        return []


class Counted:
    """What stands for a sampling of one package, whose counter is the bench's."""

    bench = None
    tick_s = 0.01
    why = {}  # noqa: RUF012  (never changed)
    about = (About("package-0", Scope.PACKAGE, "RAPL (powercap)"),)

    def __init__(self, device, *, energy):
        assert energy

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def take(self, begin_ns, end_ns):
        at, joules = np.array(self.bench.counter).T
        inside = (at * 1e9 >= begin_ns) & (at * 1e9 <= end_ns)
        times = np.round(at[inside] * 1e9).astype(np.int64)
        return (Trace(self.about[0], times, {"energy": joules[inside]}),)


@pytest.fixture
def counting(monkeypatch):
    """A bench with a package that counts."""

    def make(*arguments, **changes):
        bench = Counting(*arguments)
        sampling = type("Sampling", (Counted,), {"bench": bench, **changes})
        monkeypatch.setattr(energy, "Sampling", sampling)
        monkeypatch.setattr(energy, "now_ns", lambda: round(bench.now[0] * 1e9))
        return bench

    return make


def test_energy_that_grows_with_the_calls_holds(counting):
    claim = look_at_energy(counting())
    assert claim.verdict is Verdict.HOLDS
    assert claim.sentence.startswith("twice the calls take 2.00 x the energy (RAPL (powercap): package-0)")


def test_energy_that_does_not_fails(counting):
    assert look_at_energy(counting(lambda trials: 1000 + trials)).verdict is Verdict.FAILS


def test_a_counter_that_stops_in_a_round_is_an_error_with_the_reason(counting):
    with pytest.raises(StopwattError, match=r"counter|ticks"):
        look_at_energy(counting(lambda trials: 0.0))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"why": {Scope.PACKAGE: "no RAPL: virtual machine"}, "about": (), "tick_s": 0.0}, "no RAPL: virtual machine"),
        ({"tick_s": 0.0}, "no counter of energy changes"),
        ({"about": (About("package-0", Scope.PACKAGE, "RAPL", refused="it lies"),)}, "it lies"),
    ],
)
def test_without_a_meter_energy_is_unavailable_with_the_reason(counting, changes, why):
    claim = look_at_energy(counting(**changes))
    assert (claim.verdict, claim.sentence) == (Verdict.UNAVAILABLE, why)


def test_the_model_of_the_comparison_is_measured_in_a_process_of_its_own():
    assert comparison.MODEL_RULES.process == "fresh"


def test_rounds_of_the_claim_energy_are_as_long_as_a_slow_counter_needs():
    assert trials_for(0.02) == TRIALS
    assert trials_for(0.1) * CALL_S >= 25 * 0.1
    assert trials_for(0.1, thorough=True) > trials_for(0.1)
