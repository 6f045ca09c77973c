"""How often planted modes are found, and how often modes are found where there are none."""

from collections.abc import Sequence
from itertools import pairwise, product

import numpy as np

from detection_env.planted import HARDER, UNIMODAL, Draw, Floats, in_rounds, mixture, ticked
from detection_env.rates import Table, rate, share
from stopwatt.analyse.shape import Form, Shape, shape_of
from stopwatt.stats.clusters import find_clusters

SIZES = ((300, 1), (1000, 1), (900, 3))
"""Trials, and rounds that they come from."""
SIZE_HEADS = ("n = 300", "n = 1000", "3 x 300")
NEAR = 0.04
LABELLED = 0.99
SEVERAL = {Form.CLUSTERS, Form.BODY_MODES}


def exact(shape: Shape, ratios: Sequence[float], kinds: np.ndarray) -> bool:
    """Whether the clusters are those planted, their ratios within 4 %, and 99 % of the trials labelled right."""
    found = [cluster.ratio for cluster in shape.clusters]
    if len(found) != len(ratios) + 1 or not np.allclose(found, [1, *ratios], rtol=NEAR):
        return False
    assert shape.labels is not None
    labels = np.concatenate(list(shape.labels.values()))
    return bool((labels == kinds).mean() >= LABELLED)


def found_clusters(seeds: int) -> Table:
    """The founding example, with fewer and fewer trials in the outer clusters and more and more noise."""
    table = Table(
        "Clusters found exactly, % of the seeds: modes at 1 x, 1.25 x and 2 x",
        ("outer clusters", "sd of each", *SIZE_HEADS),
    )
    for number, (mass, sd) in enumerate(product((0.05, 0.02, 0.01), (0.01, 0.02, 0.03))):

        def find(dice: np.random.Generator, n: int, rounds: int, mass: float = mass, sd: float = sd) -> bool:
            values, kinds = mixture(dice, n, (mass, mass), (1.25, 2.0), sd)
            return exact(shape_of(in_rounds(dice, values, rounds)), (1.25, 2.0), kinds)

        rates = [
            rate(lambda dice, n=n, rounds=rounds: find(dice, n, rounds), seeds, 100 + number) for n, rounds in SIZES
        ]
        table.add(
            f"{100 * mass:g} % + {100 * mass:g} %",
            f"{100 * sd:g} %",
            *map(str, rates),
            mass=mass,
            sd=sd,
            **dict(zip(SIZE_HEADS, rates, strict=True)),
        )
    return table


def false_modes(seeds: int) -> Table:
    """What is said of series that have one mode."""
    table = Table(
        "Several modes claimed where there is one, % of the seeds (the first six are the families of the target)",
        ("family", *SIZE_HEADS, "called heavy tail (n = 1000)"),
    )
    for number, (name, draw) in enumerate({**UNIMODAL, **HARDER}.items()):
        forms = [_forms(draw, n, rounds, seeds, 200 + number) for n, rounds in SIZES]
        rates = [share([form in SEVERAL for form in found]) for found in forms]
        heavy = share([form is Form.HEAVY_TAIL for form in forms[1]])
        table.add(
            name,
            *map(str, rates),
            str(heavy),
            family=name,
            target=name in UNIMODAL,
            heavy=heavy,
            **dict(zip(SIZE_HEADS, rates, strict=True)),
        )
    return table


def _forms(draw: Draw, n: int, rounds: int, seeds: int, table: int) -> list[Form]:
    found = []
    for seed in range(seeds):
        dice = np.random.default_rng([table, seed])
        found.append(shape_of(in_rounds(dice, draw(dice, n), rounds)).form)
    return found


def alternatives(seeds: int) -> Table:
    """Why valleys of the density are confirmed trough by trough."""
    table = Table(
        "Other ways to decide (n = 1000), % of the seeds: three clusters found, or several claimed where there is one",
        ("planted", "every valley of the density", "valleys with an empty gap of 10 %", "as used"),
    )
    found: dict[str, Draw] = {
        f"2 % + 2 %, sd {100 * sd:g} %: found": lambda dice, n, sd=sd: mixture(dice, n, (0.02,) * 2, (1.25, 2), sd)[0]
        for sd in (0.01, 0.02, 0.03)
    }
    false = {f"{name}: claimed": draw for name, draw in {**UNIMODAL, **HARDER}.items() if "Pareto" in name}
    for number, (name, draw) in enumerate({**found, **false}.items()):
        wanted = {3} if name in found else set(range(2, 100))
        series = [np.abs(draw(np.random.default_rng([250 + number, seed]), 1000)) for seed in range(seeds)]
        rates = {
            "density": share([len(find_clusters(values, chance=1.0).modes) in wanted for values in series]),
            "gaps": share([_with_gaps(values) in wanted for values in series]),
            "used": share([len(find_clusters(values).modes) in wanted for values in series]),
        }
        table.add(name, *map(str, rates.values()), planted=name, **rates)
    return table


def _with_gaps(values: Floats) -> int:
    """Clusters of the density between which no trial lies over a stretch of 10 %."""
    ordered = np.sort(values)
    modes = find_clusters(values, chance=1.0).modes
    wide = ordered[:-1][np.diff(np.log(ordered)) > np.log(1.1)]  # the trials before the gaps
    return 1 + sum(bool(((wide >= low * 0.9) & (wide < high)).any()) for low, high in pairwise(modes))


def found_body_modes(seeds: int) -> Table:
    """Two modes a few per cent apart."""
    table = Table(
        "Body modes found, % of the seeds: two modes, centres within 1 % of those planted",
        ("apart", "sd of each", "smaller mode", *SIZE_HEADS),
    )
    for number, (apart, sd, mass) in enumerate(product((0.04, 0.06, 0.08), (0.01, 0.015), (0.5, 0.3, 0.1))):
        plan = ((mass,), (1 + apart,), sd)

        def find(dice: np.random.Generator, n: int, rounds: int, plan=plan) -> bool:
            values, _ = mixture(dice, n, *plan)
            modes = shape_of(in_rounds(dice, values, rounds)).body_modes_s
            return len(modes) == 2 and abs(modes[1] / modes[0] / plan[1][0] - 1) < 0.01

        rates = [
            rate(lambda dice, n=n, rounds=rounds: find(dice, n, rounds), seeds, 300 + number) for n, rounds in SIZES
        ]
        table.add(
            f"{100 * apart:g} %",
            f"{100 * sd:g} %",
            f"{100 * mass:g} %",
            *map(str, rates),
            apart=apart,
            sd=sd,
            mass=mass,
            **dict(zip(SIZE_HEADS, rates, strict=True)),
        )
    return table


def ticks(seeds: int) -> Table:
    """The same through clocks that are too coarse."""
    table = Table(
        "Through a coarse clock (n = 1000), % of the seeds",
        (
            "tick / median",
            "one mode, sd 5 %: modes claimed, tick known",
            "tick not known",
            "resolution-limited",
            "5 % + 5 %, sd 2 %: found exactly",
        ),
    )
    for number, tick in enumerate((0.001, 0.01, 0.05, 0.1, 0.2)):
        known = [_ticked_form(tick, tick * 1e-3, 400 + number, seed) for seed in range(seeds)]
        unknown = [_ticked_form(tick, None, 400 + number, seed) for seed in range(seeds)]

        def find(dice: np.random.Generator, tick: float = tick) -> bool:
            values, kinds = mixture(dice, 1000, (0.05, 0.05), (1.25, 2.0), 0.02)
            return exact(shape_of(in_rounds(dice, ticked(values, tick), 1), tick * 1e-3), (1.25, 2.0), kinds)

        rates = {
            "known": share([form in SEVERAL for form in known]),
            "unknown": share([form in SEVERAL for form in unknown]),
            "limited": share([form is Form.RESOLUTION_LIMITED for form in known]),
            "found": rate(find, seeds, 450 + number),
        }
        table.add(f"{100 * tick:g} %", *map(str, rates.values()), tick=tick, **rates)
    return table


def _ticked_form(tick: float, known: float | None, table: int, seed: int) -> Form:
    dice = np.random.default_rng([table, seed])
    return shape_of(in_rounds(dice, ticked(dice.normal(1, 0.05, size=1000), tick), 1), known).form
