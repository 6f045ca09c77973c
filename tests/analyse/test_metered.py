"""What a time used, from constructed traces."""

from dataclasses import replace

import numpy as np
import pytest

from stopwatt.analyse.metered import by_scope, document, energies, metered_of, process_readings
from stopwatt.energy import About, Scope, Trace
from stopwatt.records import Measured, Suspect, Unavailable

S = 1_000_000_000
WHY = {Scope.PACKAGE: "no RAPL: virtual machine"}


def board(name="gpu-0", *, watts=100.0, tick_s=0.02, seconds=5.0, refused=""):
    """A board of constant power from 0 s on."""
    time_s = np.arange(0, seconds + tick_s / 2, tick_s)
    channels = {"energy": watts * time_s, "power": np.full(time_s.size, watts)}
    return Trace(About(name, Scope.GPU, "NVML", refused=refused), (time_s * S).astype(np.int64), channels)


def kernel(seconds=5.0, **channels):
    """The kernel's counters, ten times a second, each growing by so much a second."""
    time_s = np.arange(0, seconds + 0.05, 0.1)
    grown = {name: rate * time_s for name, rate in channels.items()}
    return Trace(About("process", Scope.NONE, "Linux"), (time_s * S).astype(np.int64), grown)


def test_constant_power_is_measured_with_its_energy():
    found = metered_of([board()], WHY, S, 4 * S, {})
    gpu = found.scopes[Scope.GPU]
    assert gpu.energy == Measured(pytest.approx(300.0), "J")
    assert gpu.power == Measured(pytest.approx(100.0), "W")
    assert gpu.most == Measured(100.0, "W")
    assert found.scopes[Scope.PACKAGE].energy == Unavailable("no RAPL: virtual machine")
    assert isinstance(found.scopes[Scope.DRAM].energy, Unavailable)


def test_the_largest_power_of_a_counter_alone_is_that_of_a_second():
    time_s = np.arange(0, 5, 0.01)
    joules = np.cumsum(np.where((time_s > 2) & (time_s < 3.5), 2.0, 1.0))
    trace = Trace(About("package-0", Scope.PACKAGE, "RAPL"), (time_s * S).astype(np.int64), {"energy": joules})
    (found,) = energies([trace], int(0.5 * S), int(4.5 * S))
    assert found.most.value == pytest.approx(200.0, rel=0.02)
    (short,) = energies([trace], S, int(1.9 * S))
    assert isinstance(short.most, Unavailable)


def test_instruments_of_a_scope_add_up_and_one_that_is_missing_spoils_the_sum():
    both = metered_of([board("gpu-0"), board("gpu-1", watts=50.0)], {}, S, 4 * S, {})
    assert both.scopes[Scope.GPU].energy.value == pytest.approx(450.0)
    assert isinstance(both.scopes[Scope.GPU].most, Unavailable)
    one = metered_of([board("gpu-0"), board("gpu-1", refused="the GPU is in MIG mode")], {}, S, 4 * S, {})
    assert "gpu-1: the GPU is in MIG mode" in one.scopes[Scope.GPU].energy.why
    assert isinstance(one.instruments[0].energy, Measured)


def test_a_doubt_about_one_instrument_is_one_about_the_sum():
    sound = energies([board("gpu-0")], S, 4 * S)[0]
    doubtful = type(sound)("gpu-1", Scope.GPU, "NVML", Suspect(1.0, "J", "x"), Suspect(1.0, "W", "x"), sound.most)
    whole = by_scope([sound, doubtful], {})[Scope.GPU]
    assert whole.energy == Suspect(pytest.approx(301.0), "J", "gpu-1: x")


def test_a_time_too_short_for_the_ticks_says_how_long_it_would_have_to_be():
    (found,) = energies([board(tick_s=0.1)], S, int(2.5 * S))
    assert "a run of 2.20 s would do" in found.energy.why
    assert isinstance(found.most, Unavailable)


def test_an_instrument_that_fell_silent_shortly_before_the_end_is_unavailable():
    silent = replace(board(seconds=3.9), gone="the GPU is lost")
    (found,) = energies([silent], S, 4 * S)
    assert found.energy == found.power == Unavailable("the GPU is lost")
    (sound,) = energies([silent], S, int(3.8 * S))
    assert isinstance(sound.energy, Measured)


def test_counters_are_differences_over_the_time():
    trace = kernel(own=0.5, busy=1.8, steal=0.1, throttled=0.2, throttled_count=2.0, major_faults=3.0, switches=7.0)
    found = process_readings(trace, S, 3 * S, {})
    assert found["cpu_time"] == Measured(pytest.approx(1.0), "s")
    assert found["cores"] == Measured(pytest.approx(0.5), "cores")
    assert found["foreign"] == Measured(pytest.approx(1.3), "cores")
    assert found["steal"] == Measured(pytest.approx(0.1), "cores")
    assert found["throttled_count"] == Measured(pytest.approx(4.0), "1")


def test_what_is_known_exactly_wins_over_samples():
    found = process_readings(kernel(own=0.5, busy=1.0), S, 3 * S, {"cpu_time": Measured(1.5, "s")})
    assert found["cores"].value == 0.75
    assert found["foreign"].value == pytest.approx(0.25)


def test_what_was_not_sampled_all_the_time_is_unavailable():
    found = process_readings(kernel(seconds=2.0, own=0.5), S, 4 * S, {})
    assert isinstance(found["cpu_time"], Unavailable)
    assert isinstance(found["cores"], Unavailable)
    nothing = process_readings(None, S, 4 * S, {})
    assert all(isinstance(one, Unavailable) for one in nothing.values())


def test_a_document_has_null_and_the_reason_where_nothing_was_read():
    assert document(Unavailable("why")) == {"value": None, "unit": None, "verdict": "unavailable", "why": "why"}
    assert document(Measured(1.0, "J")) == {"value": 1.0, "unit": "J", "verdict": "measured", "why": None}
    assert document(Suspect(1.0, "J", "x"))["verdict"] == "suspect"
