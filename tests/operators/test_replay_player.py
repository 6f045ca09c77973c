"""Calls over buffers that take turns: which set each call is given, and what is restored before it."""

import weakref

import pytest
import torch

from stopwatt.errors import Unsupported
from stopwatt.measuring.operators.materials import Materials, function_of, given_bytes
from stopwatt.measuring.operators.player import AFTER_REST, DRIFT, Player, chain_of
from stopwatt.measuring.operators.rotation import Rotation
from stopwatt.operators.operator import Operator, Role, Tensor

WEIGHT = Role.WEIGHT


def t(number):
    return {"tensor": number}


ADD = Operator("aten.add.Tensor", (Tensor((8,)), Tensor((8,), storage=1)), (t(0), t(1)), {}, (Tensor((8,), storage=2),))
ADD_IN_PLACE = Operator("aten.add_.Tensor", ADD.tensors, ADD.arguments, {}, (Tensor((8,), storage=0),))
LINEAR = Operator(
    "aten.linear.default",
    (Tensor((4, 8)), Tensor((8, 8), storage=1, role=WEIGHT)),
    (t(0), t(1)),
    {},
    (Tensor((4, 8), storage=2),),
)


class Watched:
    """The operator, and what it was given."""

    def __init__(self, name):
        self.function = function_of(name)
        self._schema = self.function._schema
        self.given = []
        self.returned = []

    def __call__(self, *arguments, **keywords):
        self.given.append([one.data_ptr() for one in arguments])
        self.first = arguments[0].clone()
        output = self.function(*arguments, **keywords)
        self.returned.append(output.data_ptr())
        self.kept = [*getattr(self, "kept", []), output]  # memory that is free would be given out again
        return output


def player(operator, sets, *, rest=0, chain=None):
    watched = Watched(operator.name)
    return watched, Player(operator, watched, Materials(operator, "cpu"), Rotation(sets, rest, 0), chain)


def play(made, *calls):
    for count in calls:
        made.prepare(count)
        made.play()


def test_reuse_gives_every_call_the_same_buffers():
    watched, made = player(ADD, 1)
    play(made, 3, 2)
    assert len(watched.given) == 5
    assert len({tuple(given) for given in watched.given}) == 1


def test_sets_take_turns_from_one_sample_to_the_next_inputs_and_weights_alike():
    watched, made = player(LINEAR, 3)
    play(made, 2, 2, 2)
    assert watched.given[:3] == watched.given[3:]
    assert len({address for given in watched.given for address in given}) == 6


@pytest.mark.parametrize(("hold", "alive"), [(True, 3), (False, 0)])
def test_what_a_set_returned_stays_until_its_next_turn_where_that_is_asked_for(hold, alive):
    function, returned = function_of(LINEAR.name), []

    def watched(*arguments, **keywords):
        output = function(*arguments, **keywords)
        returned.append(weakref.ref(output))
        return output

    watched._schema = function._schema
    made = Player(LINEAR, watched, Materials(LINEAR, "cpu"), Rotation(3, 0, 0), hold=hold)
    play(made, 3, 3, 1)
    assert sum(one() is not None for one in returned) == alive
    assert all(one() is not None for one in returned[len(returned) - alive :])


def test_memory_that_a_call_takes_for_what_it_returns_is_beside_its_operands():
    assert given_bytes(LINEAR) == 4 * 8 * 4
    assert given_bytes(ADD_IN_PLACE) == 0


def test_a_chain_is_given_what_the_call_before_returned_and_other_weights():
    watched, made = player(LINEAR, 3, chain=0)
    play(made, 1, 3, 2)
    inputs, weights = zip(*watched.given, strict=True)
    assert list(inputs[1:]) == watched.returned[:-1]
    assert len(set(weights)) == 3
    assert weights[:3] == weights[3:]


def test_a_chain_begins_anew_before_its_values_vanish():
    watched, made = player(LINEAR, 2, chain=0)
    start = made._start.data_ptr()
    play(made, *[1] * (2 * DRIFT))
    assert [place for place, (first, _) in enumerate(watched.given) if first == start] == [0, DRIFT]


def test_a_recording_holds_each_set_as_often_and_chains_begin_anew_within():
    watched, made = player(LINEAR, 5, chain=0)
    start = made._start.data_ptr()
    assert made.prepare_rounds(12) == 15
    made.play()
    weights = [weight for _, weight in watched.given]
    assert {weights.count(one) for one in weights} == {3}
    assert [place for place, (first, _) in enumerate(watched.given) if first == start] == [0, DRIFT]


def test_what_is_written_in_place_has_its_values_back_before_it_drifts():
    watched, made = player(ADD_IN_PLACE, 1)
    assert made.most_calls == DRIFT
    made.prepare(1)
    made.play()
    fresh = watched.first
    play(made, *[1] * (DRIFT - 1))
    assert not torch.equal(watched.first, fresh)
    play(made, 1)
    assert torch.equal(watched.first, fresh)


def test_a_recording_of_what_is_written_in_place_is_restored_before_it_is_played_again():
    watched, made = player(ADD_IN_PLACE, 1)
    made.prepare_rounds(DRIFT)
    made.play()
    made.refresh()
    play(made, 1)
    fresh = player(ADD_IN_PLACE, 1)
    play(fresh[1], 1)
    assert torch.equal(watched.first, fresh[0].first)


def test_what_the_second_time_leaves_as_the_first_did_needs_no_restoring():
    relu = Operator("aten.relu_.default", (Tensor((8,)),), (t(0),), {}, (Tensor((8,)),))
    _, made = player(relu, 1)
    assert not made.drifts


def test_where_small_sets_had_their_turn_the_rest_is_written_and_the_first_calls_do_not_count():
    watched, made = player(ADD, 20, rest=4096)
    assert made.most_calls == 20 - AFTER_REST
    play(made, 10, 10)
    assert made._rest.eq(0).all()
    before = len(watched.given)
    made.prepare(5)
    assert made._rest.eq(1).all()
    assert len(watched.given) - before == AFTER_REST
    made.play()
    assert watched.given[before : before + AFTER_REST + 5] == watched.given[: AFTER_REST + 5]


def test_energy_goes_on_for_seconds_so_what_drifts_or_has_a_rest_is_refused():
    assert "writes to its own operands" in player(ADD_IN_PLACE, 1)[1].why_not_endless
    assert "too small to fill memory" in player(ADD, 20, rest=4096)[1].why_not_endless
    assert not player(LINEAR, 3, chain=0)[1].why_not_endless


def test_runs_of_equal_length_hold_each_set_as_often():
    _, made = player(ADD, 3)
    runs = made.rounds(50, DRIFT)
    assert {len(run) for run in runs} == {DRIFT}
    assert sum(map(len, runs)) % 3 == 0


def test_the_first_input_that_is_no_weight_and_looks_like_the_output_is_chained():
    assert chain_of(LINEAR) == 0
    swapped = Operator(
        "aten.mm.default",
        (Tensor((8, 8), role=WEIGHT), Tensor((8, 8), storage=1)),
        (t(0), t(1)),
        {},
        (Tensor((8, 8), storage=2),),
    )
    assert chain_of(swapped) == 1


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        ((Tensor((4, 9), storage=2),), "another shape, type or layout"),
        ((Tensor((4, 8), "float64", storage=2),), "another shape, type or layout"),
        ((Tensor((4, 8), strides=(1, 4), storage=2),), "another shape, type or layout"),
        ((Tensor((4, 8), storage=0),), "lies in one of its inputs"),
        ((Tensor((4, 8), storage=2), Tensor((4, 8), storage=3)), "gives 2 tensors"),
        ((), "gives 0 tensors"),
    ],
)
def test_where_the_output_cannot_be_the_next_input_the_reason_is_said(outputs, reason):
    with pytest.raises(Unsupported, match=reason):
        chain_of(Operator(LINEAR.name, LINEAR.tensors, LINEAR.arguments, {}, outputs))


def test_an_input_that_shares_memory_with_another_is_not_chained():
    both = Operator("aten.add.Tensor", (Tensor((8,)), Tensor((8,))), (t(0), t(1)), {}, (Tensor((8,), storage=1),))
    with pytest.raises(Unsupported, match="another shape, type or layout"):
        chain_of(both)
