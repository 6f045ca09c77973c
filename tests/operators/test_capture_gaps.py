"""Time between operators, and what capturing itself costs, told by counts."""

import time

import numpy as np
import pytest
import torch
from taken import Does, taken, values
from torch import nn

from stopwatt.measuring.operators import interior as interiors
from stopwatt.measuring.operators.capture import BRIEF_S, MOST_CALLS, PlainCalls, page_seconds, plain_calls
from stopwatt.measuring.operators.gaps import Heard, OtherPath, gaps_of, hearing_ns


def test_a_pause_between_two_operators_is_in_the_gap_between_them():
    def forward(_, x):
        y = x + 1
        time.sleep(0.01)
        return y * 2

    gaps = taken(Does(forward), values(4)).gaps_ns
    assert gaps.shape == (3,)
    assert gaps[1] >= 0.01e9
    assert gaps[1] > 10 * max(gaps[0], gaps[2])


def test_operators_do_not_run_again_while_gaps_are_timed():
    ran = []
    with torch.library._scoped_library("stopwatt_test", "DEF") as library:
        library.define("count(Tensor x) -> Tensor")
        library.impl("count", lambda x: (ran.append(1), x.clone())[1], "CPU")
        gaps = taken(Does(lambda _, x: torch.ops.stopwatt_test.count(x)), values(4)).gaps_ns
    assert len(ran) == 1
    assert gaps.size == 2


def test_remembered_values_lead_down_the_same_path():
    def forward(self, x):
        self.count += 1
        return x * 2 if x.sum().item() > 0 else x - 1

    model = Does(forward)
    model.count = 0
    interior = taken(model, values(4))
    assert interior.gaps_ns.size == interior.sequence.size + 1
    assert model.count > 1


def test_a_model_that_does_something_else_the_second_time_has_no_gaps_and_a_note():
    def forward(self, x):
        self.count += 1
        return x + 1 if self.count % 2 else x * 2

    model = Does(forward)
    model.count = 0
    interior = taken(model, values(4))
    assert interior.gaps_ns.size == 0
    assert any("keeps a state" in note for note in interior.notes)


def test_another_operator_than_before_is_noticed():
    one = values(2)
    with torch.inference_mode(), pytest.raises(OtherPath):
        gaps_of(lambda: one * 2, [Heard(torch.ops.aten.add.Tensor, (one, one), {}, one)])
    with torch.inference_mode(), pytest.raises(OtherPath):
        gaps_of(lambda: None, [Heard(torch.ops.aten.add.Tensor, (one, one), {}, one)])


def test_views_of_parameters_are_remembered_too():
    table = nn.Parameter(values(1, 4))
    gaps = taken(Does(lambda _, x: x + table.expand(3, 4).select(0, 1).chunk(2)[0].sum()), values(3, 2)).gaps_ns
    assert np.all(gaps >= 0)
    assert gaps.size == 6


def test_what_does_not_fit_into_memory_is_not_remembered_and_said():
    interior = taken(Does(lambda _, x: x.repeat(1000) + 1), values(100), room=1000.0)
    assert interior.gaps_ns.size == 0
    assert any("would not stay in memory" in note for note in interior.notes)
    assert interior.sequence.size == 2


def test_hearing_of_an_operator_costs_something_and_runs_nothing():
    ran = []
    with torch.library._scoped_library("stopwatt_test", "DEF") as library:
        library.define("heard(Tensor x) -> Tensor")
        library.impl("heard", lambda x: (ran.append(1), x.clone())[1], "CPU")
        one = values(2)
        assert hearing_ns(Heard(torch.ops.stopwatt_test.heard.default, (one,), {}, one), 20) > 0
    assert not ran


def test_a_forward_runs_its_operators_once_to_be_taken_apart(monkeypatch):
    monkeypatch.setattr(interiors, "gaps_of", lambda *_: np.zeros(0))
    calls = []
    taken(Does(lambda _, x: (calls.append(1), x + 1)[1]), values(2))
    assert len(calls) == 1


def test_long_calls_are_timed_once_and_short_ones_a_few_times():
    def counted(seconds):
        calls = []
        plain_calls(lambda: calls.append(1) or seconds, seconds)
        return len(calls)

    # Beside these come the first call and the one that is taken apart: three of a long call in all.
    assert counted(BRIEF_S) == 1
    assert counted(BRIEF_S / 2) == 2
    assert counted(1e-3) == MOST_CALLS


def test_a_page_costs_what_calls_with_many_take_longer():
    assert page_seconds(PlainCalls(0.03, 10_000), PlainCalls(0.01, 0)) == pytest.approx(2e-6)
    assert page_seconds(PlainCalls(0.03, 40), PlainCalls(0.01, 0)) == 0  # too few to say
    assert page_seconds(PlainCalls(0.01, 10_000), PlainCalls(0.03, 0)) == 0


def test_a_hundred_thousand_operators_are_a_few_distinct_ones():
    def forward(_, x):
        for _ in range(50_000):
            x = torch.relu(x + 1)
        return x

    interior = taken(Does(forward), values(2), room=0.0)
    assert interior.sequence.size == 100_000
    assert len(interior.operators) == 3  # the first addition takes the input
