"""Pages that several tests look at, made once."""

from dataclasses import replace

import pytest
from sweep_example import Example, analysed, measure
from undrawn import Undrawn

from stopwatt.analyse.rounds import rounds_by_cell
from stopwatt.records import Finding, Strength
from stopwatt.reporting.charts.renderer import Renderer
from stopwatt.reporting.html.page import render
from stopwatt.reporting.html.provenance import Source
from stopwatt.store.model import Run

GRID = {"workload": "lstm", "axes": {"hidden": [64, 128], "batch": [1, 8]}}
RUN = Run(
    "ab12" * 8,
    "stopwatt sweep 'my grid.yaml' --trials 40",
    "plan",
    "nightly",
    "0.1.0",
    "2026-01-02T03:04:05+00:00",
    rounds=48,
    request={"grid": GRID, "deadlines": [5e-3]},
)


def make(example, run=RUN, renderer=None, **changes):
    measurements, labels = measure(example)
    analysis = replace(analysed(measurements, labels), **changes)
    source = Source((run,), "demo/stopwatt.db", "2026-01-02T04:00:00+00:00")
    with renderer or Renderer() as one:
        return analysis, render(analysis, rounds_by_cell(measurements), source, one)


@pytest.fixture(scope="session")
def made():
    return make(Example(hidden=(64, 128, 200, 256), batch=(1, 2, 8), trials=40))


@pytest.fixture(scope="session")
def text(made):
    return made[1]


HOSTILE = "<script>alert(1)</script>\"'&\n\N{FIRE}</template>{{7*7}}" + "x" * 300


@pytest.fixture(scope="session")
def hostile():
    run = replace(RUN, command=HOSTILE, tag=HOSTILE, request={"grid": {HOSTILE: HOSTILE}})
    finding = Finding("growth", HOSTILE, (), strength=Strength.SUGGESTED)
    return make(
        Example(source=HOSTILE, layers=(1,), hidden=(64, 128), batch=(1,), trials=20), run=run, findings=(finding,)
    )[1]


@pytest.fixture
def quick():
    """`(example, run, **changes)`: a page whose figures are blank."""

    def quickly(*arguments, **changes):
        return make(*arguments, renderer=Undrawn(), **changes)

    return quickly
