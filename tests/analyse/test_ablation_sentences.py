"""What is said of an effect: as much as its interval supports."""

from dataclasses import fields, replace

import pytest

from stopwatt.analyse.ablation_sentences import effect_text, interaction_text
from stopwatt.analyse.study import Effect, Interaction
from stopwatt.records import Setup
from stopwatt.stats.ratios import Ratio, Verdict
from stopwatt.ways import (
    Cache,
    Collector,
    Copies,
    Inputs,
    Load,
    Timer,
    Waiting,
    Warming,
    Way,
)

CPU, GPU = Setup(threads=2), Setup(device="cuda", threads=2)
NO_SYNC, WALL, ZEROS = Way(sync=Waiting.NONE), Way(timer=Timer.TIME), Way(inputs=Inputs.ZEROS)
OPEN = "the interval holds 1 and reaches beyond the margin of 2.0%"
EVERY_LEVEL = [
    *(Way(**{name: level}) for name, levels in {
        "warmup": Warming, "sync": Waiting, "timer": Timer, "inputs": Inputs, "cache": Cache, "gc": Collector,
        "copies": Copies, "load": Load,
    }.items() for level in levels if Way(**{name: level}).changes),
    Way(threads=1),
    Way(idle_s=0.01),
]  # fmt: skip


def said(way, value, bounds, verdict, *, setup=GPU, why="", rounds=5):
    ratio = Ratio(value, *bounds, verdict, rounds, why=why)
    return effect_text(Effect(way, ratio, value * 4.51e-3, 4.51e-3, 100, rounds), setup)


def test_a_shown_effect_is_told_with_both_times_and_the_ratio():
    assert said(NO_SYNC, 0.016, (0.0138, 0.0184), Verdict.FASTER) == (
        "Without synchronisation you would report 0.0722 ms instead of 4.51 ms (0.016 x [0.014, 0.018])"
    )


def test_times_that_are_far_apart_have_a_unit_each():
    assert said(NO_SYNC, 0.001, (0.0009, 0.0011), Verdict.FASTER) == (
        "Without synchronisation you would report 4.51 us instead of 4.51 ms (0.00100 x [0.00090, 0.00110])"
    )


def test_equivalence_is_told_as_strongly():
    assert said(WALL, 1.001, (0.994, 1.008), Verdict.EQUIVALENT) == (
        "time.time instead of perf_counter makes no difference here: 1.001 x [0.994, 1.008], within 2 %"
    )
    assert said(ZEROS, 1.001, (0.994, 1.008), Verdict.EQUIVALENT).startswith("Feeding zeros makes no difference here:")


def test_what_is_undecided_is_called_so():
    text = said(ZEROS, 1.01, (0.97, 1.05), Verdict.INCONCLUSIVE, why=OPEN)
    assert text == (
        "With inputs of zeros you would report 4.56 ms instead of 4.51 ms (1.01 x [0.97, 1.05]), "
        "which is undecided after 5 rounds"
    )


def test_an_interval_that_looks_decided_is_told_with_what_keeps_it_open():
    why = "decided alone, but not among 24 comparisons (Holm)"
    for low, high in ((1.01, 1.09), (0.93, 0.99), (0.99, 1.01)):
        assert said(ZEROS, (low + high) / 2, (low, high), Verdict.INCONCLUSIVE, why=why).endswith(
            f"after 5 rounds: {why}"
        )


def test_without_an_interval_the_rounds_are_counted():
    text = said(ZEROS, 0.9, (None, None), Verdict.INCONCLUSIVE, why="no interval: needs 3 rounds (has 1)", rounds=1)
    assert text == (
        "With inputs of zeros you would report 4.06 ms instead of 4.51 ms (0.90 x), "
        "which is undecided after 1 round: needs 3 rounds (has 1)"
    )


def test_without_a_number_there_is_the_reason():
    effect = Effect(Way(timer=Timer.EVENTS), Ratio(why="no clock"), why="a CPU has no clock of its own")
    assert effect_text(effect, CPU) == (
        "With events on the device as the timer there is no number: a CPU has no clock of its own"
    )


def test_of_a_cold_way_the_number_of_calls_is_part_of_the_number():
    assert said(Way(warmup=Warming.NONE), 1.2, (1.1, 1.3), Verdict.SLOWER) == (
        "Without warm-up you would report 5.41 ms as the average of 100 calls instead of 4.51 ms (1.20 x [1.10, 1.30])"
    )


def test_on_a_cpu_it_is_said_why_waiting_changes_nothing():
    reason = "; on a CPU a runtime returns results that are finished"
    for verdict in (Verdict.EQUIVALENT, Verdict.INCONCLUSIVE):
        assert said(NO_SYNC, 1.0, (0.99, 1.01), verdict, setup=CPU, why=OPEN).endswith(reason)
        assert reason not in said(NO_SYNC, 1.0, (0.99, 1.01), verdict, setup=GPU, why=OPEN)
        assert reason not in said(NO_SYNC.merged(ZEROS), 1.0, (0.99, 1.01), verdict, setup=CPU, why=OPEN)
    assert reason not in said(NO_SYNC, 0.5, (0.4, 0.6), Verdict.FASTER, setup=CPU)


def test_several_changes_are_joined():
    way = NO_SYNC.merged(WALL).merged(Way(warmup=Warming.FIXED))
    assert said(way, 0.5, (0.4, 0.6), Verdict.FASTER).startswith(
        "After 10 calls of warm-up instead of a steady state, without synchronisation and "
        "with time.time instead of perf_counter you would report 2.25 ms as the average of 100 calls"
    )
    assert said(NO_SYNC.merged(ZEROS), 1.0, (0.99, 1.01), Verdict.EQUIVALENT).startswith(
        "Leaving out the synchronisation and feeding zeros make no difference here:"
    )


def test_threads_and_pauses_are_told_with_their_numbers():
    assert said(Way(threads=1), 2, (1.9, 2.1), Verdict.SLOWER).startswith("With 1 thread instead of 2 you")
    assert said(Way(threads=4), 2, (1.9, 2.1), Verdict.SLOWER).startswith("With 4 threads instead of 2 you")
    assert said(Way(threads=4), 2, (1.9, 2.1), Verdict.SLOWER, setup=replace(CPU, threads=0)).startswith(
        "With 4 threads you"
    )
    assert said(Way(idle_s=0.01), 2, (1.9, 2.1), Verdict.SLOWER).startswith(
        "With a pause of 10 ms before each call you"
    )


@pytest.mark.parametrize("way", EVERY_LEVEL, ids=lambda way: way.label)
def test_every_level_of_every_factor_has_words_of_its_own(way):
    others = [other for other in EVERY_LEVEL if other != way]
    for verdict in (Verdict.SLOWER, Verdict.EQUIVALENT):
        text = said(way, 1.5, (1.4, 1.6), verdict)
        assert text not in {said(other, 1.5, (1.4, 1.6), verdict) for other in others}
        assert not text.endswith(".")


def test_every_factor_was_asked_about():
    assert {name for way in EVERY_LEVEL for name in way.changes} == {one.name for one in fields(Way)}


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (
            Ratio(1.3, 1.2, 1.4, Verdict.SLOWER),
            "Leaving out the synchronisation and feeding zeros do not act independently: "
            "together 1.30 x [1.20, 1.40] the product of their effects",
        ),
        (
            Ratio(1.0, 0.99, 1.01, Verdict.EQUIVALENT),
            "Leaving out the synchronisation and feeding zeros act independently: "
            "together 1.000 x [0.990, 1.010] the product of their effects, within 2 %",
        ),
        (
            Ratio(1.1, 0.9, 1.3, Verdict.INCONCLUSIVE),
            "Whether leaving out the synchronisation and feeding zeros act independently is undecided: "
            "together 1.1 x [0.9, 1.3] the product of their effects",
        ),
    ],
)
def test_an_interaction_is_told_by_its_verdict(ratio, text):
    assert interaction_text(Interaction((NO_SYNC, ZEROS), ratio), GPU) == text
