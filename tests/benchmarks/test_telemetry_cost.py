"""The cost of telemetry: rounds in turn, and what is made of them."""

import json
from dataclasses import replace

import numpy as np
import pytest

import telemetry_cost
from stopwatt.energy import TRIALS, About, Scope, Span, Telemetry, Trace
from stopwatt.records import Cell, Measurement, Note, Samples, Setup, Status, Workload

TRACE = Trace(About("process", Scope.NONE, "Linux"), np.array([5, 15, 25]), {"busy": np.arange(3.0)})


class Bench:
    """Rounds of 20 us that take so many times as long where instruments are read."""

    def __init__(self, factor=1.0, *, deaf=False):
        self.factor, self.deaf, self.order = factor, deaf, []

    def measure(self, axes, rules, watcher=None):
        self.order.append(rules.telemetry)
        on = rules.telemetry is Telemetry.ON
        level = 20_000 * (self.factor if on else 1) * (1 + 1e-4 * len(self.order))
        one = Measurement(
            Cell(Workload("mlp"), Setup(), rules),
            0,
            Status.OK,
            samples={"latency": Samples(np.full(100, level), "ns")},
            spans=(Span(TRIALS, 0, 20, 100),),
            traces=(TRACE,) if on and not self.deaf else (),
            notes=(Note("foreign-cpu", "other processes ran: it may be too long"),) if len(self.order) == 1 else (),
        )
        return [replace(one, id=str(len(self.order)))]


def test_rounds_with_and_without_take_turns():
    bench = Bench()
    telemetry_cost.cost_of(bench, "", {}, 4)
    off, on = Telemetry.OFF, Telemetry.ON
    assert bench.order == [off, on, on, off, off, on, on, off]


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "equivalent"), (1.1, "slower")])
def test_the_cost_is_time_with_over_time_without(factor, verdict):
    cost = telemetry_cost.cost_of(Bench(factor), "", {}, 6)
    assert cost.median.value == pytest.approx(factor, rel=1e-3)
    assert cost.median.low < factor < cost.median.high
    assert cost.median.verdict == verdict
    assert cost.tail.verdict == verdict
    assert (cost.readings, cost.disturbed) == (2, 1)
    assert cost.off_s == pytest.approx(20e-6, rel=1e-2)


def test_where_instruments_were_not_read_nothing_is_compared():
    with pytest.raises(SystemExit, match="nothing is compared"):
        telemetry_cost.cost_of(Bench(deaf=True), "", {}, 2)


def test_the_page_says_ratios_verdicts_and_what_the_reading_process_takes(monkeypatch, tmp_path):
    monkeypatch.setattr(telemetry_cost, "Bench", lambda *_: Bench(1.1))
    monkeypatch.setattr(telemetry_cost, "busy_alone", lambda *_, energy, **__: 0.05 if energy else 0.004)
    telemetry_cost.main(tmp_path, pairs=4)
    page = (tmp_path / "telemetry-cost.md").read_text()
    assert "takes 0.40 % of a core, and 5.0 % where it looks at energy counters too" in page
    assert page.count("| slower |") == 4
    data = json.loads((tmp_path / "telemetry-cost.json").read_text())["data"]
    assert [one["median"]["verdict"] for one in data["costs"]] == ["slower", "slower"]
    assert data["cores_alone"] == {"telemetry": 0.004, "with_energy": 0.05}
