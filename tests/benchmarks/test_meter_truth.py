"""The simulated instruments behind the page on energy, with a few seeds: do they show what they are about?"""

import numpy as np
import pytest

from meter_truth_env import anytime, peer, truth
from meter_truth_env.cases import cases
from meter_truth_env.device import OFFSET_NS, Instrument
from meter_truth_env.load import Cycle, Pieces, Run, Settling
from meter_truth_env.schedule import play
from peers_env.environment import Environment
from stopwatt.energy import REPORTED, SCREENING

SEEDS = 4


@pytest.mark.parametrize(
    "load",
    [
        Pieces((0.0, 1.3, 2.0), (100.0, 300.0, 50.0)),
        Cycle(0.07, share=0.3, phase_s=0.02),
        Settling(400, -60, 2.0),
        Run(2.5, 5.0, Pieces((0.0,), (500.0,))),
    ],
)
def test_the_energy_of_a_load_is_the_integral_of_its_power(load):
    at = np.linspace(0, 6, 600_001)
    joules = load.joules(at)
    watts = np.diff(joules) / np.diff(at)

    assert joules[0] == pytest.approx(0)
    assert watts.min() > 0
    assert watts.max() <= 500.001


def test_a_poller_sees_the_counter_only_at_ticks_and_never_before_them():
    load = Pieces((0.0,), (400.0,))
    trace, (ticks, joules) = Instrument(tick_s=0.1).trace(load, 5.0, np.random.default_rng(0))
    at, seen = (trace.time_ns - OFFSET_NS) / 1e9, trace.channels["energy"]

    assert set(seen) <= set(joules)
    assert all(seen == joules[np.searchsorted(ticks, at, side="right") - 1])


def test_the_truth_of_a_round_is_the_energy_of_its_calls():
    played = play(Pieces((0.0,), (400.0,)), 0.01, SCREENING, 0.05, np.random.default_rng(0))

    assert played.truth() == pytest.approx(4.0)
    assert len(played.windows) == SCREENING.windows


@pytest.mark.parametrize("rules", [SCREENING, REPORTED], ids=["screening", "reported"])
def test_what_is_measured_is_right_and_the_rest_is_not_called_so(rules):
    rows = truth.rounds(cases(rules), rules, SEEDS).data

    assert all(row["largest_error"] <= 0.01 for row in rows if row["told"] and row["largest_error"] is not None)
    told = {row["case"]: row for row in rows}
    for wrong in ("counter 3 % off", "reset to 0", "counter stops", "counter of 0", "MIG", "sampler killed"):
        assert told[wrong]["measured"]["hits"] == 0
    for sound in ("constant, tick 50 ms", "wraps every 1,000 J", "no power field"):
        assert told[sound]["measured"]["hits"] == SEEDS


def test_any_time_is_right_where_it_is_measured():
    rows = anytime.times(2).data

    assert all(row["largest_error"] <= 0.01 for row in rows if row["largest_error"] is not None)
    assert any(row["suspect"]["hits"] for row in rows)


def test_without_its_environment_the_peer_is_left_out_and_that_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(peer, "ensure", lambda *_: Environment(tmp_path, "no package index"))

    table, version = peer.compared(cases(), 1)

    assert version == "no package index"
    assert {row[1] for row in table.rows} == {"-"}
    assert {row[3] for row in table.rows} > {"-"}
