import pytest

from stopwatt.ways import (
    REFERENCE,
    Ablation,
    Cache,
    Copies,
    Inputs,
    Load,
    Timer,
    Waiting,
    Warming,
    Way,
    contradiction,
    sample_name,
)

NONE, FIXED = Way(warmup=Warming.NONE), Way(warmup=Warming.FIXED)
WARM = tuple(Way(idle_s=seconds / 1000) for seconds in range(1, 6))


def test_a_way_is_named_by_what_differs_from_the_reference():
    assert REFERENCE.label == "reference"
    assert Way(sync=Waiting.NONE, timer=Timer.TIME, idle_s=0.01).label == "sync=none timer=time idle=10 ms"
    assert Way(threads=4, load=Load.CPU).label == "threads=4 load=cpu"
    assert sample_name(Way(inputs=Inputs.ZEROS), "calls") == "way:inputs=zeros:calls"


def test_merging_keeps_the_changes_of_both():
    assert Way(sync=Waiting.NONE).merged(Way(inputs=Inputs.ONE)) == Way(sync=Waiting.NONE, inputs=Inputs.ONE)


@pytest.mark.parametrize(
    ("way", "device", "why"),
    [
        (Way(timer=Timer.EVENTS, sync=Waiting.NONE), "cuda", "events without synchronisation"),
        (Way(timer=Timer.EVENTS), "cpu", "a CPU has none of its own"),
        (Way(timer=Timer.DO_BENCH), "cpu", "a CPU has none of its own"),
        (Way(sync=Waiting.NONE, copies=Copies.INSIDE), "cuda", "fetching the results waits"),
        (Way(sync=Waiting.END, idle_s=0.01), "cpu", "idle with sync=end"),
        (Way(sync=Waiting.END, cache=Cache.FLUSHED), "cpu", "cache with sync=end"),
        (Way(timer=Timer.BENCHMARK, sync=Waiting.NONE), "cpu", "decides itself when to wait"),
        (Way(timer=Timer.DO_BENCH, cache=Cache.FLUSHED), "cuda", "nothing can be done between the calls"),
        (Way(timer=Timer.BENCHMARK, threads=2), "cpu", "sets the number of threads itself"),
        (Way(timer=Timer.GRAPH, warmup=Warming.NONE), "cuda", "capturing a graph needs calls"),
        (Way(timer=Timer.GRAPH, copies=Copies.INSIDE), "cuda", "cannot be captured"),
    ],
)
def test_what_nobody_can_measure_says_why(way, device, why):
    assert why in contradiction(way, device)


@pytest.mark.parametrize(
    "way",
    [
        REFERENCE,
        Way(timer=Timer.EVENTS, sync=Waiting.END, idle_s=0.01),
        Way(timer=Timer.EVENTS, warmup=Warming.NONE),
        Way(timer=Timer.BENCHMARK, warmup=Warming.NONE),
        Way(sync=Waiting.NONE, timer=Timer.TIME, load=Load.CPU),
        Way(timer=Timer.DO_BENCH, inputs=Inputs.ZEROS),
    ],
)
def test_what_somebody_could_measure_has_no_contradiction(way):
    assert contradiction(way, "cuda") == ""


def test_each_way_has_the_same_number_of_rounds():
    ablation = Ablation((*WARM, NONE, FIXED))
    assert ablation.cycle == 2
    rounds = [ablation.of_round(number) for number in range(6)]
    assert [opening for opening, _ in rounds] == [NONE, FIXED] * 3
    assert all(sum(way in warm for _, warm in rounds) == 3 for way in WARM)


def test_without_a_cold_way_each_round_has_all():
    assert Ablation(WARM).of_round(7) == (None, WARM)
