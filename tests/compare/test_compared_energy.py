"""Comparisons by what a sample takes: energy, power and what follows from them."""

import json
from dataclasses import replace

import pytest

from stopwatt.analyse.compare import compare
from stopwatt.analyse.observed import COMPARABLE
from stopwatt.comparing import compare_now
from stopwatt.energy import REPORTED, SCREENING
from stopwatt.errors import UsageError
from stopwatt.meters.sentinel import REPEATS
from stopwatt.metrics import CPU_ESTIMATE, METRICS
from stopwatt.records import Estimated, Measured, Protocol, Suspect, Unavailable
from stopwatt.reporting.comparison import CompareResult, Regression
from stopwatt.stats.ratios import Verdict
from stopwatt.sweeping.grid import Grid

RULES = Protocol(energy=SCREENING)
A, B = (100.0, 101.0, 102.0), (50.0, 50.6, 51.0)


@pytest.fixture
def sides(side, rounds, cell):
    """`(metric, values of A, values of B)`: two sides with those readings; a value may be a reading."""

    def make(metric, a, b, rules=RULES):
        found = []
        for word, values, code in (("A", a, "old"), ("B", b, "new")):
            measured = [
                replace(one, readings={metric: _reading(metric, value)})
                for one, value in zip(
                    rounds(cell(code=code, rules=rules, device="cuda"), (4.0,) * len(values)), values, strict=True
                )
            ]
            found.append(side(measured, word, metric))
        return found

    return make


def _reading(metric, value):
    return Measured(value, METRICS[metric].unit) if isinstance(value, float) else value


def test_half_the_energy_is_less(sides):
    (found,) = compare(*sides("energy_gpu", A, B), "energy_gpu").cells

    assert found.ratio.value == pytest.approx(0.5, rel=0.01)
    assert found.ratio.verdict is Verdict.FASTER
    assert (found.a.value, found.b.value) == pytest.approx((101.0, 50.5), rel=1e-3)


def test_twice_the_samples_a_joule_are_half_the_energy(sides):
    (found,) = compare(*sides("efficiency_gpu", B, A), "efficiency_gpu").cells

    assert found.ratio.value == pytest.approx(0.5, rel=0.01)
    assert found.ratio.verdict is Verdict.FASTER
    assert found.b.value == pytest.approx(101.0, rel=1e-3)


@pytest.mark.parametrize("metric", ["energy_gpu", "power_package", "energy_dram", "efficiency_gpu", "energy_delay_gpu"])
def test_energy_is_less_or_more_and_never_faster_or_slower(sides, capsys, metric):
    result = CompareResult(compare(*sides(metric, A, B), metric))
    result.table()
    printed, document = capsys.readouterr().out, json.loads(result.to_json())

    said = "more" if metric == "efficiency_gpu" else "less"
    assert f"1 {said}" in printed
    assert document["rows"][0]["verdict"] == said
    assert document["verdicts"] == {"more": said == "more", "inconclusive": 0, "less": said == "less", "equivalent": 0}
    assert f": 1 {said}" in result.to_markdown()
    for text in (printed, result.to_markdown(), result.to_json()):
        assert not {word for word in ("slower", "faster", "slowdown", "time B") if word in text}


def test_times_are_still_faster_or_slower(side, rounds, cell):
    slow, fast = rounds(cell(), (4.0, 4.1, 4.2)), rounds(cell(code="new"), (2.0, 2.1, 2.15))
    found = compare(side(slow), side(fast, "B"))

    assert json.loads(CompareResult(found).to_json())["rows"][0]["verdict"] == "faster"


def test_a_regression_of_energy_ends_with_its_name(sides):
    result = CompareResult(compare(*sides("energy_gpu", B, A), "energy_gpu"))

    with pytest.raises(Regression, match="more energy_gpu in 1 of 1 cell"):
        result.raise_for_regression()


def test_suspect_energy_is_not_compared_and_says_why(sides):
    doubtful = [Suspect(value, "J", "counter and power differ") for value in B]

    with pytest.raises(UsageError) as caught:
        compare(*sides("energy_gpu", A, doubtful), "energy_gpu")

    assert "suspect, and not compared: counter and power differ" in caught.value.when


def test_suspect_rounds_among_measured_ones_are_lost(sides):
    mixed = [*B, Suspect(1.0, "J", "counter and power differ")]

    (found,) = compare(*sides("energy_gpu", A, mixed), "energy_gpu").cells

    assert (found.b.rounds, found.b.member.failed) == (3, 1)
    assert found.b.value == pytest.approx(50.5, rel=1e-2)


def with_facts(sentinel, degrees=40.0):
    return {
        "energy.gpu.sentinel_j": sentinel,
        "energy.gpu.sentinel_half_width": 0.002,
        "energy.gpu.temperature_start": degrees,
    }


@pytest.fixture
def beside(side, rounds, cell):
    """`(facts of each round, code of the cell)`: a side whose rounds take 100 J a sample each."""

    def make(word, facts, metric="energy_gpu"):
        found = rounds(cell(code=word, rules=RULES, device="cuda"), (4.0,) * len(facts))
        taken = {"energy_gpu": Measured(100.0, "J")}
        measured = [replace(one, readings=taken, facts=fact) for one, fact in zip(found, facts, strict=True)]
        return side(measured, word, metric)

    return make


def kinds(found):
    return [note.kind for note in found.notes]


def test_a_round_whose_sentinel_moved_is_lost_to_a_comparison_of_energy_only(beside):
    facts = [with_facts(1.0), with_facts(1.0), with_facts(1.031), with_facts(1.0)]
    b = [with_facts(1.0)] * 3
    found = compare(beside("A", facts), beside("B", b), "energy_gpu")

    (lost,) = (note for note in found.notes if note.kind == "lost-rounds")
    assert "suspect, and not compared: the sentinel was +3.1 % off that of the other rounds" in lost.text
    assert len(found.cells[0].a.member.rounds) == 3
    assert "lost-rounds" not in kinds(compare(beside("A", facts, "latency"), beside("B", b, "latency"), "latency"))


def test_a_round_that_was_measured_again_does_not_take_part(beside, side, rounds, cell):
    once = rounds(cell(code="A", rules=RULES, device="cuda"), (4.0,) * 3)
    taken = {"energy_gpu": Measured(100.0, "J")}
    once = [replace(one, readings=taken, facts=with_facts(1.0)) for one in once]
    first = replace(once[1], id="first", readings={"energy_gpu": Measured(900.0, "J")}, facts=with_facts(9.0))
    again = replace(once[1], facts={**with_facts(1.0), REPEATS: "first"})
    a = side([once[0], first, once[2], again], "A", "energy_gpu")
    found = compare(a, beside("B", [with_facts(1.0)] * 3), "energy_gpu")

    assert found.cells[0].a.value == pytest.approx(100.0)
    assert len(found.cells[0].a.member.rounds) == 3
    assert "lost-rounds" not in kinds(found)


def test_sides_at_other_temperatures_are_told_so_with_both(beside):
    cold, warm = [with_facts(1.0, 37.0)] * 3, [with_facts(1.0, 59.0)] * 3
    (note,) = (
        note for note in compare(beside("A", cold), beside("B", warm), "energy_gpu").notes
        if note.kind == "energy-temperatures"
    )  # fmt: skip
    assert note.text.startswith("the energy windows of A began at 37 °C, those of B at 59 °C")
    near = compare(beside("A", cold), beside("B", [with_facts(1.0, 39.0)] * 3), "energy_gpu")
    assert "energy-temperatures" not in kinds(near)


def test_a_device_that_took_more_for_the_same_work_on_one_side_is_told_of(beside):
    a, b = [with_facts(1.0)] * 3, [with_facts(1.028)] * 3
    (note,) = (
        note for note in compare(beside("A", a), beside("B", b), "energy_gpu").notes if note.kind == "energy-sentinels"
    )
    assert "the same fixed work took +2.8 % energy in the rounds of B" in note.text
    assert "energy-sentinels" not in kinds(compare(beside("A", a), beside("B", a), "energy_gpu"))
    of_time = compare(beside("A", a, "latency"), beside("B", b, "latency"), "latency")
    assert not {"energy-sentinels", "energy-temperatures"} & set(kinds(of_time))


@pytest.mark.parametrize(
    ("reading", "why"),
    [
        (Unavailable("no RAPL: virtual machine"), "unavailable: no RAPL: virtual machine"),
        (Estimated(1.0, "J", 0.5, 1.5, "a rule"), "estimated, and not compared"),
        (Measured(0.0, "J"), "read 0"),
    ],
)
def test_what_is_no_measured_energy_is_not_compared(sides, reading, why):
    with pytest.raises(UsageError) as caught:
        compare(*sides("energy_package", A, [reading] * 3), "energy_package")

    assert why in caught.value.when


def test_an_estimate_is_compared_with_nothing(side):
    assert CPU_ESTIMATE not in COMPARABLE
    with pytest.raises(UsageError, match="what is estimated is compared with nothing"):
        compare(side([]), side([], "B"), CPU_ESTIMATE)


def test_energies_by_other_rules_are_not_alike(sides):
    a, _ = sides("energy_gpu", A, B)
    _, b = sides("energy_gpu", A, B, rules=Protocol(energy=REPORTED))

    with pytest.raises(UsageError, match="energy screening / reported"):
        compare(a, b, "energy_gpu")


def test_nothing_is_measured_for_an_energy_that_nobody_asked_for():
    with pytest.raises(UsageError) as caught:
        compare_now(Grid(blocks=()), metric="energy_gpu")

    assert "energy_gpu would not be measured" in str(caught.value)
    assert "--energy" in caught.value.now
