"""A real GPU, recorded: idle for 4 s, a matrix product for 10 s, the model loaded for 4 s, a copy for 6 s."""

from pathlib import Path

import numpy as np
import pytest

from stopwatt.energy import ACTIVE_IDLE, IDLE, SCREENING, SETTLING, WINDOW, About, Scope, Span, Trace
from stopwatt.meters.quality import Trust, quality_of
from stopwatt.meters.window import energy_of_round
from stopwatt.records import Measured

RECORDING = Path(__file__).parents[2] / "examples" / "h200.csv"
PRODUCT_S, LOADED_S, COPY_S, END_S = 4.33, 14.36, 18.36, 24.36
SETTLE_S = 1.5


@pytest.fixture(scope="module")
def trace():
    table = np.genfromtxt(RECORDING, delimiter=",", names=True)
    channels = {name: table[name] for name in table.dtype.names if name != "time"}
    about = About("gpu-0", Scope.GPU, "NVML", poll_s=0.005)
    return Trace(about, np.rint(table["time"] * 1e9).astype(np.int64), channels)


def span(name, begin_s, end_s, calls=0):
    return Span(name, round(begin_s * 1e9), round(end_s * 1e9), calls)


def load(begin_s, end_s):
    """Settling, and windows of 2.2 s for as long as the load lasts."""
    starts = np.arange(begin_s + SETTLE_S, end_s - 2.2, 2.2)
    return [span(SETTLING, begin_s, starts[0]), *(span(WINDOW, at, at + 2.19, 100) for at in starts)]


@pytest.mark.parametrize(("begin_s", "end_s"), [(PRODUCT_S, LOADED_S), (COPY_S, END_S)])
def test_a_steady_load_is_measured_and_agrees_with_the_averaged_power(trace, begin_s, end_s):
    found = energy_of_round([trace], load(begin_s, end_s), 1, SCREENING)
    power = found.readings["power_gpu"]
    assert isinstance(power, Measured)
    late = (trace.time_ns > (begin_s + SETTLE_S) * 1e9) & (trace.time_ns < end_s * 1e9)
    assert power.value == pytest.approx(trace.channels["power"][late].mean(), rel=0.005)
    assert found.facts["energy.gpu.tick_s"] == pytest.approx(0.1, rel=0.01)


def test_net_energy_leaves_out_what_the_loaded_gpu_takes_without_calls(trace):
    spans = [
        span(IDLE, 0.1, 4.0),
        *load(PRODUCT_S, LOADED_S - 0.1),
        span(ACTIVE_IDLE, LOADED_S + 1.0, COPY_S - 0.1),
    ]
    found = energy_of_round([trace], spans, 1, SCREENING).readings
    idle, loaded = found["power_idle_gpu"].value, found["power_active_idle_gpu"].value
    assert idle < loaded < found["power_gpu"].value
    share = found["energy_net_gpu"].value / found["energy_gpu"].value
    assert share == pytest.approx(1 - loaded / found["power_gpu"].value)


def test_the_product_ran_at_the_power_cap_all_the_time_and_the_copy_never(trace):
    product = energy_of_round([trace], load(PRODUCT_S, LOADED_S), 1, SCREENING).facts
    copy = energy_of_round([trace], load(COPY_S, END_S), 1, SCREENING).facts
    assert (product["energy.gpu.capped_share"], copy["energy.gpu.capped_share"]) == (1.0, 0.0)


def test_the_averaged_power_takes_about_a_second_to_rise(trace):
    quality = quality_of(trace, [span(WINDOW, PRODUCT_S, LOADED_S - 0.2)])
    assert quality.trust is not Trust.USELESS
    assert 0.5 < quality.rise_s < 1.5


def test_a_foreign_process_withholds_the_energy_of_the_very_same_recording(trace):
    shared = Trace(trace.about, trace.time_ns, {**trace.channels, "others": np.ones(trace.time_ns.size)})
    found = energy_of_round([shared], load(PRODUCT_S, LOADED_S), 1, SCREENING).readings["energy_gpu"]
    assert "another process" in found.why
