"""What is said of energies: which setup takes the least, what a larger batch saves, and what waiting takes."""

from dataclasses import replace

import numpy as np
import pytest
from planted_grids import row

from stopwatt.analyse.analysis import CellAnalysis
from stopwatt.analyse.estimate import Estimate
from stopwatt.analyse.findings.cells import name_cells
from stopwatt.analyse.findings.energy import find_least_energy
from stopwatt.analyse.findings.joules import find_energy_of_batches, find_waiting
from stopwatt.analyse.grid import arrange
from stopwatt.records import Strength

OFF = "the counter and the mean power differ by 5.1 %"


def noisy(value, rounds, key, spread=0.002):
    return value * np.exp(np.random.default_rng([len(str(key)), *str(key).encode()]).normal(0, spread, rounds))


def cell(milliseconds, joules, *, waiting=0.2, doubt="", rounds=3, spread=0.002, **where):
    """A cell on a GPU with these round medians and energies of the board; `waiting` is a share of the energy."""
    base = row(noisy(milliseconds / 1e3, rounds, ("ms", *where.values()), spread), device="cuda", **where)
    if joules is None:
        return base
    found, energies = dict(base.estimates), {}
    whole = noisy(joules, rounds, ("J", *where.values()), spread)
    for name, values in (("energy_gpu", whole), ("energy_net_gpu", whole - waiting * joules)):
        found[name] = Estimate(name, "J", float(np.exp(np.log(values).mean())), n=rounds, rounds=rounds, doubt=doubt)
        energies |= {} if doubt else {name: tuple(enumerate(values.tolist()))}
    return replace(base, estimates=found, round_energies=energies)


def least(*rows):
    return find_least_energy(arrange(list(rows)))


EAGER = cell(2.0, 0.1, backend="eager")
GRAPH = cell(3.0, 0.061, backend="cudagraph")


def test_the_setup_with_the_least_energy_is_told_beside_the_fastest():
    (found,) = least(EAGER, GRAPH)
    assert found.text.startswith("cudagraph takes the least energy (GPU board): 0.60")
    assert found.text.endswith(" the joules a sample of eager, the fastest")
    assert found.strength is Strength.SHOWN
    assert found.low < 0.61 < found.high
    assert (found.count, found.of) == (1, 1)


def test_where_the_fastest_takes_the_least_it_is_told_beside_the_next():
    (found,) = least(cell(1.5, 0.061, backend="cudagraph"), EAGER)
    assert found.text.startswith("cudagraph is the fastest and takes the least energy (GPU board): 0.60")
    assert found.text.endswith(" the joules a sample of eager, the next fastest")
    assert found.strength is Strength.SHOWN


def test_energies_that_differ_by_less_than_their_rounds_are_only_suggested():
    (found,) = least(EAGER, cell(3.0, 0.0999, backend="cudagraph"))
    assert found.strength is Strength.SUGGESTED


def test_one_round_shows_nothing():
    (found,) = least(cell(2.0, 0.1, backend="eager", rounds=1), cell(3.0, 0.061, backend="cudagraph", rounds=1))
    assert (found.strength, found.low) == (Strength.SUGGESTED, None)


@pytest.mark.parametrize("other", [{"doubt": OFF, "joules": 0.01}, {"joules": None}])
def test_of_a_place_whose_fastest_setup_has_no_energy_that_can_be_believed_nothing_is_said(other):
    assert least(EAGER, GRAPH, cell(1.0, backend="tensorrt", **other)) == []


def test_a_suspect_energy_never_is_the_least():
    (found,) = least(EAGER, GRAPH, cell(4.0, 0.001, backend="tensorrt", doubt=OFF))
    assert found.text.startswith("cudagraph takes the least")


def test_energies_of_other_scopes_are_not_compared():
    on_cpu = row(noisy(0.001, 3, "cpu"), device="cpu", backend="eager")
    package = Estimate("energy_package", "J", 0.001, n=3, rounds=3)
    on_cpu = replace(
        on_cpu,
        estimates={**on_cpu.estimates, "energy_package": package},
        round_energies={"energy_package": ((0, 0.001), (1, 0.00101), (2, 0.00102))},
    )
    (found,) = least(on_cpu, EAGER, GRAPH)
    assert found.text.startswith("At device=cuda, cudagraph") or "cudagraph takes the least" in found.text
    assert found.of == 1


def test_over_a_grid_it_is_one_finding_with_its_count_its_spread_and_its_exceptions():
    rows = [
        cell(factor * hidden, factor * joules * hidden, backend=backend, hidden=hidden)
        for hidden in (64, 128, 256, 512)
        for backend, factor, joules in (
            ("eager", 1.0, 0.01),
            ("cudagraph", 1.5, 0.004 if hidden < 512 else 0.02),
        )
    ]
    (found,) = least(*rows)
    assert found.text.startswith("cudagraph takes the least energy (GPU board) in 3 of 4 places: 0.6")
    assert found.text.endswith("the joules a sample of eager, the fastest")
    assert (found.strength, found.count, found.of) == (Strength.SHOWN, 3, 4)
    assert found.exceptions == ("hidden=512",)


def test_setups_that_take_the_same_energy_in_many_places_are_not_told_apart_by_those_where_one_was_lucky():
    shown = 0
    for seed in range(20):
        rows = [
            cell(hidden, 0.01 * hidden, backend=backend, hidden=hidden, seq=seed)
            for hidden in range(64, 76)
            for backend in ("eager", "cudagraph")
        ]
        (found,) = least(*rows)
        shown += found.strength is Strength.SHOWN
    assert shown <= 4


def batches(joules, **more):
    rows = [cell(1.0 + 0.1 * batch, value, backend="eager", batch=batch, **more) for batch, value in joules.items()]
    return find_energy_of_batches(arrange(rows))


def test_the_batch_up_to_which_the_energy_of_a_sample_falls_is_told():
    (found,) = batches({1: 1.0, 2: 0.6, 4: 0.4, 8: 0.31, 16: 0.30})
    assert found.text.startswith("Energy a sample (GPU board) falls up to batch 8: 0.31")
    assert found.text.endswith(" that of batch 1")
    assert (found.strength, found.numbers["batch"]) == (Strength.SHOWN, 8)


def test_that_it_still_falls_at_the_largest_batch_is_said():
    (found,) = batches({1: 1.0, 2: 0.6, 4: 0.4})
    assert found.text.endswith("that of batch 1, and it is the largest that was measured")


def test_that_a_larger_batch_saves_nothing_is_said():
    (found,) = batches({1: 1.0, 2: 0.99, 4: 0.97})
    assert found.text.startswith("A larger batch saves hardly any energy (GPU board): batch 1 needs at most 1.1 x")
    assert found.strength is Strength.SHOWN


def test_a_saving_that_the_rounds_do_not_show_is_only_suggested():
    (found,) = batches({1: 1.0, 2: 0.85}, rounds=2)
    assert found.strength is Strength.SUGGESTED


def test_suspect_energies_say_nothing_of_batches():
    assert batches({1: 1.0, 2: 0.6, 4: 0.4}, doubt=OFF) == []


def waiting(*rows):
    grid = arrange(list(rows))
    return find_waiting(name_cells(grid, [CellAnalysis(point.row) for point in grid.points]))


def test_most_of_the_energy_that_is_what_the_device_takes_for_waiting_is_told_with_its_interval():
    (found,) = waiting(cell(2.0, 0.1, waiting=0.71))
    assert found.text.startswith("71")
    assert found.text.endswith("of the joules a sample are what the GPU board takes when it only waits")
    assert found.low < 0.71 < found.high
    assert found.strength is Strength.SHOWN


def test_over_a_grid_the_cells_that_mostly_wait_are_counted_and_located():
    rows = [
        cell(2.0, 0.1, waiting=0.7 if batch == 1 else 0.2, batch=batch, hidden=n) for batch in (1, 8) for n in (1, 2)
    ]
    (found,) = waiting(*rows)
    assert found.text.startswith(
        "In 2 of 4 cells (at batch=1), 70 % of the joules a sample are what the GPU board takes"
    )
    assert (found.count, found.of) == (2, 4)


@pytest.mark.parametrize("less", [{"waiting": 0.3}, {"waiting": 0.5, "spread": 0.05}, {"waiting": 0.7, "doubt": OFF}])
def test_a_smaller_share_one_that_is_not_decided_or_a_suspect_one_is_not_told(less):
    assert waiting(cell(2.0, 0.1, **less)) == []


def test_the_share_of_few_rounds_is_only_suggested():
    (found,) = waiting(cell(2.0, 0.1, waiting=0.71, rounds=2))
    assert (found.strength, found.low) == (Strength.SUGGESTED, None)
