"""Energy over rounds: what is measured, suspect, estimated or unavailable, and what takes part in a verdict."""

import math
from dataclasses import replace

import pytest

from stopwatt.analyse.analysis import analyse
from stopwatt.analyse.best import least_energy
from stopwatt.analyse.document import to_document
from stopwatt.analyse.energy import ENERGY_METRICS, OF_SCOPE, scopes_of, shown_energy
from stopwatt.analyse.estimate import Estimate, Trust
from stopwatt.analyse.front import pareto_front
from stopwatt.analyse.summary import summarise
from stopwatt.energy import SCREENING, Scope
from stopwatt.meters.sentinel import REPEATS
from stopwatt.meters.spread import HALF_WIDTH
from stopwatt.metrics import CPU_ESTIMATE, METRICS
from stopwatt.records import Estimated, Measured, Protocol, Status, Suspect, Trouble, Unavailable

ASKED = Protocol(energy=SCREENING)
OFF = "the counter and the mean power differ by 5.1 %"


@pytest.fixture
def energy(measurement):
    """`(reading of each round, **setup)`: the summary of rounds with these energies of the GPU board."""

    def make(readings, name="energy_gpu", protocol=ASKED, **setup):
        found = [
            measurement(
                number, [1000, 1010, 1005], device="cuda", protocol=protocol, **setup,
                readings={"deviation": Measured(1e-6, "1")} | ({} if reading is None else {name: reading}),
            )
            for number, reading in enumerate(readings)
        ]  # fmt: skip
        (row,) = summarise(found)
        return row

    return make


def joules(*values):
    return [Measured(value, "J") for value in values]


def test_energy_is_summarised_over_rounds_on_logarithms(energy):
    found = energy(joules(0.10, 0.12, 0.11)).estimates["energy_gpu"]

    assert found.value == pytest.approx((0.10 * 0.12 * 0.11) ** (1 / 3), rel=1e-12)
    assert math.log(found.value / found.low) == pytest.approx(math.log(found.high / found.value))
    assert (found.unit, found.n, found.rounds, found.method) == ("J", 3, 3, "t on 3 rounds")
    assert (found.verdict, found.why) == (Trust.MEASURED, "")


@pytest.fixture
def few(measurement):
    """`(J, relative half width of each round's windows)`: the energy of rounds that say how far they support it."""

    def make(*rounds, reading=Measured):
        found = [
            measurement(
                number, [1000, 1010, 1005], device="cuda", protocol=ASKED,
                readings={"energy_gpu": reading(value, "J")},
                facts={} if half is None else {f"{HALF_WIDTH}energy_gpu": half},
            )
            for number, (value, half) in enumerate(rounds)
        ]  # fmt: skip
        (row,) = summarise(found)
        return row.estimates["energy_gpu"]

    return make


def test_the_interval_of_one_round_is_that_of_its_windows_and_says_so(few):
    found = few((0.10, 0.02))

    assert (found.low, found.high) == pytest.approx((0.098, 0.102))
    assert (found.method, found.why, found.rounds) == ("one process, t on 3 energy windows", "", 1)


def test_the_interval_of_two_rounds_goes_from_the_lower_low_to_the_higher_high(few):
    found = few((0.10, 0.02), (0.11, 0.01))

    assert (found.low, found.high) == pytest.approx((0.098, 0.1111))
    assert found.method == "two processes, t on 6 energy windows"


def test_from_three_rounds_on_windows_say_nothing_any_more(few):
    assert few((0.10, 0.5), (0.11, 0.5), (0.12, 0.5)).method == "t on 3 rounds"


@pytest.mark.parametrize("half", [None, 0.0, 1.0, math.nan])
def test_a_round_whose_windows_support_nothing_has_no_interval(few, half):
    found = few((0.10, 0.02), (0.11, half))

    assert (found.low, found.high) == (None, None)
    assert found.why == "no interval: needs 3 rounds (has 2)"


def test_a_suspect_value_of_one_round_has_an_interval_and_stays_suspect(few):
    found = few((0.10, 0.02), reading=lambda value, unit: Suspect(value, unit, OFF))

    assert (found.low, found.high) == pytest.approx((0.098, 0.102))
    assert found.verdict is Trust.SUSPECT


def test_one_suspect_round_makes_the_energy_suspect_and_keeps_its_value(energy):
    found = energy([*joules(0.10, 0.12), Suspect(0.11, "J", OFF)]).estimates["energy_gpu"]

    assert found.verdict is Trust.SUSPECT
    assert found.value == pytest.approx((0.10 * 0.12 * 0.11) ** (1 / 3))
    assert found.measured is None
    assert found.doubt == f"in 1 of 3 rounds: {OFF}"


def test_a_doubt_of_all_rounds_is_said_once(energy):
    found = energy([Suspect(value, "J", OFF) for value in (0.1, 0.11, 0.12)]).estimates["energy_gpu"]

    assert found.doubt == OFF


def test_rounds_without_a_reading_are_left_out_and_counted(energy):
    found = energy([*joules(0.10, 0.12, 0.11), Unavailable("a gap in the samples")]).estimates["energy_gpu"]

    assert (found.verdict, found.rounds) == (Trust.MEASURED, 3)
    assert found.why == "unavailable in 1 of 4 rounds: a gap in the samples"


def test_energy_of_which_no_round_has_a_reading_is_unavailable_with_each_reason_once(energy):
    gap, mig = Unavailable("a gap in the samples"), Unavailable("MIG: the power is that of the whole card")

    found = energy([mig, gap, mig]).estimates["energy_gpu"]

    assert (found.value, found.verdict) == (None, Trust.UNAVAILABLE)
    assert found.why == "MIG: the power is that of the whole card; a gap in the samples"


def test_nobody_who_did_not_ask_for_energy_gets_a_number_or_a_zero(energy):
    row = energy([None] * 3, protocol=Protocol())

    assert {row.estimates[name].value for name in ENERGY_METRICS} == {None}
    assert {row.estimates[name].why for name in ENERGY_METRICS if name != CPU_ESTIMATE} == {"not asked for: --energy"}
    assert row.estimates[CPU_ESTIMATE].why == "not asked for: --estimate-cpu-energy WATTS"


def test_energy_that_was_asked_for_and_that_no_round_speaks_of_is_not_measured(energy):
    assert energy([None] * 3).estimates["energy_gpu"].why == "not measured"


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("kind", [Measured, lambda value, unit: Suspect(value, unit, OFF)])
def test_a_reading_that_no_energy_can_have_makes_it_unavailable(energy, bad, kind):
    found = energy([kind(0.1, "J"), kind(bad, "J")]).estimates["energy_gpu"]

    assert (found.value, found.verdict) == (None, Trust.UNAVAILABLE)
    assert found.why == f"rejected: round 1 read {bad:g}"


def test_more_rounds_do_not_make_an_estimate_narrower(energy):
    rule = Estimated(0.05, "J", 0.03, 0.07, "CPU time x 12 W of a busy core, +-40 %")

    row = energy([rule] * 10, name=CPU_ESTIMATE, protocol=Protocol(cpu_watts=12.0))
    found = row.estimates[CPU_ESTIMATE]

    assert (found.value, found.low, found.high) == pytest.approx((0.05, 0.03, 0.07))
    assert (found.verdict, found.method, found.measured) == (Trust.ESTIMATED, rule.how, None)


def test_where_something_was_measured_an_estimate_takes_no_part(energy):
    found = energy([*joules(0.1, 0.1), Estimated(9.0, "J", 5.0, 13.0, "a rule")]).estimates["energy_gpu"]

    assert (found.value, found.verdict, found.rounds) == (pytest.approx(0.1), Trust.MEASURED, 2)


def test_a_net_energy_that_some_rounds_lost_in_the_noise_is_not_that_of_the_lucky_rounds(measurement):
    nets = [Measured(2e-7, "J"), Unavailable("no more than the active-idle power"), Measured(1e-7, "J")]
    found = [
        measurement(
            number, [5], protocol=ASKED, readings={"energy_package": Measured(1e-3, "J"), "energy_net_package": net}
        )
        for number, net in enumerate(nets)
    ]  # fmt: skip
    (row,) = summarise(found)

    assert row.estimates["energy_package"].verdict is Trust.MEASURED
    assert row.estimates["energy_net_package"].value is None
    assert row.estimates["energy_net_package"].why == (
        "unavailable in 1 of 3 rounds: no more than the active-idle power; of the others alone it would be too high"
    )


def test_a_net_energy_is_summarised_over_the_rounds_that_have_an_energy(measurement):
    gap = Unavailable("a gap in the samples")
    whole = {"energy_package": Measured(2e-3, "J"), "energy_net_package": Measured(1e-3, "J")}
    none = {"energy_package": gap, "energy_net_package": gap}
    (row,) = summarise(
        [measurement(n, [5], protocol=ASKED, readings=one) for n, one in enumerate([whole, none, whole])]
    )

    assert row.estimates["energy_net_package"].value == pytest.approx(1e-3)


def test_energy_of_failed_rounds_is_withheld(measurement):
    bad = measurement(
        0, [5], protocol=ASKED, status=Status.INVALID, trouble=Trouble("wrong answers"),
        readings={"energy_package": Measured(0.1, "J")},
    )  # fmt: skip
    (row,) = summarise([bad])

    assert row.estimates["energy_package"].value is None
    assert row.estimates["energy_package"].why == "withheld: the answers failed the correctness gate"


def test_the_document_has_the_verdict_and_the_reason_of_each_metric(energy):
    rows = [
        energy(joules(0.1, 0.11, 0.12), backend="a"),
        energy([Suspect(0.1, "J", OFF)], backend="b"),
        energy([Unavailable("no counter")], backend="c"),
    ]

    metrics = [row["metrics"]["energy_gpu"] for row in to_document(rows)["rows"]]

    assert [one["verdict"] for one in metrics] == ["measured", "suspect", "unavailable"]
    assert metrics[0]["why"] is None
    assert metrics[1]["why"].startswith(f"suspect: {OFF}; no interval: ")
    assert (metrics[2]["value"], metrics[2]["why"]) == (None, "no counter")


def test_the_least_energy_wins_where_rounds_decide_it(energy):
    rows = [energy(joules(0.10, 0.12, 0.11), backend="a"), energy(joules(0.05, 0.06, 0.056), backend="b")]

    best = least_energy(rows, "energy_gpu")

    assert best.decided
    assert best.keys == (rows[1].cell.key,)


def test_a_suspect_energy_never_wins_however_low_it_is(energy):
    rows = [
        energy(joules(0.10, 0.12, 0.11), backend="a"),
        energy(joules(0.20, 0.24, 0.223), backend="b"),
        energy([Suspect(value, "J", OFF) for value in (0.01, 0.012, 0.011)], backend="c"),
    ]

    best = least_energy(rows, "energy_gpu")

    assert (best.contenders, best.keys) == (2, (rows[0].cell.key,))


def test_suspect_and_missing_energies_are_not_on_a_front(energy):
    rows = [
        energy(joules(0.10, 0.12, 0.11), backend="a"),
        energy([Suspect(0.01, "J", OFF)] * 3, backend="b"),
        energy([Unavailable("no counter")] * 3, backend="c"),
    ]

    front = pareto_front(rows, ("latency", "energy_gpu", "deviation"))

    assert [row.cell.setup.backend for row in front] == ["a"]


def test_a_setup_that_only_saves_energy_is_on_the_front(energy):
    rows = [energy(joules(0.1, 0.1), backend="a"), energy(joules(0.05, 0.05), backend="b")]
    slower = replace(rows[1], estimates={**rows[1].estimates, "latency": Estimate("latency", "s", 9.0)})

    front = pareto_front([rows[0], slower], ("latency", "energy_gpu", "deviation"))

    assert [row.cell.setup.backend for row in front] == ["a", "b"]
    assert [row.cell.setup.backend for row in pareto_front([rows[0], slower])] == ["a"]


def test_a_device_has_the_scopes_that_belong_to_it_its_own_first():
    assert scopes_of("cpu") == (Scope.PACKAGE, Scope.DRAM)
    assert scopes_of("cuda:1") == (Scope.GPU, Scope.PACKAGE, Scope.DRAM)


def test_a_grid_is_shown_by_the_energy_that_its_cells_have(energy):
    assert shown_energy([energy([Unavailable("no counter")])]) == ""
    assert shown_energy([energy([Unavailable("no counter")]), energy(joules(0.1))]) == "energy_gpu"


def test_every_metric_of_energy_belongs_to_one_scope():
    listed = [name for names in OF_SCOPE.values() for name in names]
    assert len(listed) == len(set(listed))
    assert {name for name, metric in METRICS.items() if metric.unit in {"J", "W", "J s", "samples/J"}} == {
        *listed,
        CPU_ESTIMATE,
    }


def test_rounds_of_a_setup_that_began_at_other_temperatures_are_told_so_with_both(measurement):
    def notes(*degrees):
        found = [
            measurement(
                number, [1000, 1010, 1005], device="cuda", protocol=ASKED, facts={"energy.gpu.temperature_start": start}
            )
            for number, start in enumerate(degrees)
        ]  # fmt: skip
        (row,) = summarise(found)
        return [(one.note.kind, one.note.text, one.rounds) for one in row.notes]

    text = "the energy windows of its rounds began at 37 to 59 °C: a warmer chip leaks more"
    assert notes(44, 59, 37) == [("energy-temperatures", text, 3)]
    assert notes(44, 45, 46) == []


def test_a_round_that_was_measured_again_stands_once_in_all_that_is_said_of_its_setup(measurement):
    rounds = [measurement(number, [1000, 1010, 1005]) for number in range(3)]
    again = measurement(1, [2000, 2010, 2005], facts={REPEATS: rounds[1].id})
    (cell,) = analyse([*rounds, again]).cells
    assert [one.round for one in cell.series] == [0, 1, 2]
    assert cell.started[1] == again.started_at
    assert cell.row.round_medians[1] == (1, pytest.approx(2005e-9))


def test_a_doubt_about_the_device_is_about_its_own_energy_and_not_that_of_other_scopes(measurement):
    readings = {
        "energy_gpu": Measured(0.1, "J"),
        "power_gpu": Measured(300.0, "W"),
        "energy_package": Measured(0.2, "J"),
    }
    rounds = [
        measurement(
            number, [1000, 1010, 1005], device="cuda", protocol=ASKED, readings=readings,
            facts={"energy.gpu.sentinel_j": joules, "energy.gpu.sentinel_half_width": 0.001},
        )
        for number, joules in enumerate((1.0, 1.0, 1.05))
    ]  # fmt: skip
    (row,) = summarise(rounds)
    doubts = {name: row.estimates[name].doubt for name in readings}
    assert doubts["energy_package"] == ""
    assert doubts["energy_gpu"] == doubts["power_gpu"]
    assert doubts["energy_gpu"].startswith("in 1 of 3 rounds: the sentinel was +5.0 % off")
    assert [number for number, _ in row.round_energies["energy_gpu"]] == [0, 1]
