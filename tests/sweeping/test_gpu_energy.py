"""Energy on a CUDA device: the phase itself, and joules of real rounds."""

import random
from dataclasses import replace

import pytest

from stopwatt import running
from stopwatt.energy import ACTIVE_IDLE, IDLE, SENTINEL, SETTLING, TRIALS, WINDOW, EnergyRules, Scope, Telemetry
from stopwatt.measuring.energy import run_energy
from stopwatt.measuring.subject import assemble
from stopwatt.records import Boundary, Measured, Setup, Status, Suspect, Unavailable
from stopwatt.store import Selection, open_store
from stopwatt.sweeping.metering import NOT_ASKED
from stopwatt.sweeping.plan import Request

pytestmark = [pytest.mark.gpu, pytest.mark.slow]

RULES = EnergyRules(settle_s=0.5, window_s=0.5, ticks=5, windows=2, idle_s=0.2, sentinel_s=0.0)
TICK_S = 0.1


@pytest.fixture
def subject():
    """A small model on the GPU, whose kernels are shorter than their launches."""
    import numpy as np
    import torch

    from stopwatt.backends.torch_runner import TorchRunner, unpacking
    from stopwatt.devices.resolve import device

    setup = Setup(device="cuda")
    model = torch.nn.Sequential(*(torch.nn.Linear(64, 64) for _ in range(8))).cuda().eval()
    arrays = [(np.random.default_rng(seed).random((4, 64), dtype=np.float32),) for seed in range(4)]
    with torch.inference_mode():
        made = assemble(TorchRunner(unpacking(model), setup), device("cuda"), arrays, Boundary.DEVICE)
        for inputs in made.sets:
            made.timed(inputs)
        yield made


def test_the_phase_keeps_a_gpu_busy_for_whole_windows(subject):
    found = run_energy(subject, RULES, TICK_S, dice=random.Random(0))
    assert [span.name for span in found.spans] == [SETTLING, WINDOW, WINDOW, ACTIVE_IDLE]
    windows = [span for span in found.spans if span.name == WINDOW]
    assert all(0.5 <= span.seconds < 0.8 for span in windows)
    rates = [span.calls / span.seconds for span in windows]
    assert max(rates) < 1.2 * min(rates)


def test_replayed_calls_are_the_same_calls_without_their_launches(subject):
    plain, replayed = (
        run_energy(subject, replace(RULES, replay=replay), TICK_S, dice=random.Random(0)) for replay in (False, True)
    )
    assert replayed.why == ""
    windows = [span for span in replayed.spans if span.name == WINDOW]
    assert all(span.calls % len(subject.sets) == 0 for span in windows)
    fastest = max(span.calls / span.seconds for span in plain.spans if span.name == WINDOW)
    assert min(span.calls / span.seconds for span in windows) > 1.5 * fastest


def test_copies_to_the_host_cannot_be_recorded_and_the_phase_says_so(subject):
    with_copies = assemble(subject.runner, subject.device, subject.arrays, Boundary.HOST)
    found = run_energy(with_copies, replace(RULES, replay=True), TICK_S, dice=random.Random(0))
    assert found.spans == ()
    assert "cannot be recorded for replay" in found.why
    subject.timed(subject.sets[0])  # and the device works as before


@pytest.fixture
def measured(short, store):
    def go(**changes):
        rules = short(trials=100, timeout_s=120.0, **changes)
        asked = Request(["mlp"], {"hidden": 4096}, ["eager"], batches=(256,), device="cuda", threads=1, protocol=rules)
        running.run_request(asked, store=store, allow=True)
        with open_store(store) as database:
            return list(database.measurements(Selection()))

    return go


def test_a_round_has_joules_of_the_board_or_the_reason_why_not(measured):
    (one,) = measured(energy=EnergyRules(settle_s=1.2, window_s=2.0, ticks=20, windows=3, idle_s=1.5))
    assert one.status is Status.OK
    energy, power = one.readings["energy_gpu"], one.readings["power_gpu"]
    if isinstance(energy, Unavailable):
        assert any(trace.about.refused or trace.gone for trace in one.traces) or energy.why
        pytest.skip(f"no energy on this GPU: {energy.why}")
    assert isinstance(energy, Measured | Suspect)
    windows = [span for span in one.spans if span.name == WINDOW]
    each = sum(span.seconds for span in windows) / sum(span.calls for span in windows) / 256
    assert energy.value == pytest.approx(power.value * each, rel=0.01)
    assert one.readings["power_idle_gpu"].value < power.value < 1500
    assert one.readings["power_idle_gpu"].value <= 1.2 * one.readings["power_active_idle_gpu"].value
    assert [span.name for span in one.spans] == [IDLE, TRIALS, SETTLING, WINDOW, WINDOW, WINDOW, SENTINEL, ACTIVE_IDLE]
    assert 0 < one.facts["energy.gpu.sentinel_w"] < 1500
    assert one.facts["energy.gpu.sentinel_half_width"] < 0.02


def test_telemetry_is_read_beside_every_round_on_a_gpu_unless_it_is_off(measured):
    (one,) = measured()
    (board,) = [trace for trace in one.traces if trace.about.scope is Scope.GPU]
    assert {"sm_clock", "temperature"} <= board.channels.keys()
    assert one.readings["energy_gpu"] == Unavailable(NOT_ASKED)
    silent = measured(telemetry=Telemetry.OFF)[-1]
    assert silent.traces == ()
