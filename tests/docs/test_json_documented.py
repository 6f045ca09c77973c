"""docs/json.md says exactly what the verbs print."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stopwatt.analyse.ablation import studies
from stopwatt.analyse.ablation_document import studies_document
from stopwatt.analyse.analysis import analyse
from stopwatt.analyse.ceilings import ceilings_of
from stopwatt.analyse.compare import compare as compare_sides
from stopwatt.analyse.detectable import calibrate
from stopwatt.analyse.observed import observe
from stopwatt.analyse.selftests import Claim, SelfTest, Verdict
from stopwatt.analyse.summary import summarise
from stopwatt.backends.base import Support
from stopwatt.cli import doctor as doctor_verb
from stopwatt.cli import main
from stopwatt.cli.backends import backend_rows
from stopwatt.energy import SCREENING, TRIALS, WINDOW, Scope, Span, Trace
from stopwatt.energy import About as InstrumentAbout
from stopwatt.measuring.ceilings import COPY, MATMUL, MATMUL_SIZE, SOURCE
from stopwatt.records import (
    Calibration,
    Cell,
    Estimated,
    Finding,
    Labelled,
    Measured,
    Measurement,
    Note,
    Paced,
    Precision,
    Protocol,
    Samples,
    Setup,
    Status,
    Suspect,
    Trouble,
    Unavailable,
    Workload,
)
from stopwatt.reporting.comparison import AaResult, CompareResult
from stopwatt.reporting.rates import ceilings_document
from stopwatt.reporting.result import BenchResult
from stopwatt.reporting.selftest import SelfTestResult
from stopwatt.reporting.sweep_result import SweepResult
from stopwatt.reporting.ways_result import ProtocolResult
from stopwatt.store import RunStatus, open_store
from stopwatt.sweeping.design import LeftOut
from stopwatt.sweeping.probe import About, Description
from stopwatt.ways import Ablation, Timer, Waiting, Warming, Way, sample_name

PAGE = Path(__file__).resolve().parents[2] / "docs" / "json.md"


def documented(heading):
    """The first JSON block under a heading."""
    section = PAGE.read_text().partition(f"{heading}\n")[2]
    described = json.loads(re.search(r"```json\n(.*?)```", section, re.DOTALL)[1])
    return with_references(described, described)


def with_references(described, whole):
    """The description where `as winner` stands for what is said of the key `winner` of the whole document."""
    if isinstance(described, dict):
        return {key: with_references(inner, whole) for key, inner in described.items()}
    if isinstance(described, list):
        return [with_references(inner, whole) for inner in described]
    named = re.match(r"as (\w+)\b", described)
    return whole[named[1]] if named and isinstance(whole.get(named[1]), dict) else described


def differences(printed, described, path="", seen=None):
    """Keys that only one of both has; `seen` collects the described parts that something printed reached."""
    seen = set() if seen is None else seen
    seen.add(path)
    if isinstance(described, str):
        return [] if not isinstance(printed, dict) else [f"{path} has keys, but is described as a value"]
    if isinstance(described, list):
        return [one for item in printed for one in differences(item, described[0], f"{path}[]", seen)]
    if printed is None:
        return []
    if open_key := next((key for key in described if key.startswith("<")), None):
        inner = described[open_key]
        return [one for value in printed.values() for one in differences(value, inner, f"{path}.*", seen)]
    names = {key.rstrip("?"): key for key in described}
    missing = [f"{path}.{name} is not printed" for name, key in names.items() if name not in printed and name == key]
    new = [f"{path}.{name} is not described" for name in printed if name not in names]
    both = [name for name in printed if name in names]
    inside = [
        one for name in both for one in differences(printed[name], described[names[name]], f"{path}.{name}", seen)
    ]
    return missing + new + inside


def every_part(described, path=""):
    """Paths of everything described."""
    yield path
    if isinstance(described, list):
        yield from every_part(described[0], f"{path}[]")
    elif isinstance(described, dict):
        for key, inner in described.items():
            yield from every_part(inner, f"{path}.*" if key.startswith("<") else f"{path}.{key.rstrip('?')}")


def assert_described(printed, heading):
    seen = set()
    assert differences(printed, documented(heading), seen=seen) == []
    assert set(every_part(documented(heading))) - seen == set(), "the example does not reach these"


@pytest.fixture
def measurements():
    data = Calibration("photos", "digest", 8)
    judged = Labelled("photos", "folders", "digest", 8)
    rules = Protocol(paced=Paced(1e-3, cycles=300), energy=SCREENING, calibration=data, accuracy=judged)
    setup = Setup(techniques=("channels-last",))
    cell = Cell(Workload("mlp", {"hidden": 8}), setup, rules, software={"torch": "2"}, machine="here")
    good = Measurement(
        cell,
        round=0,
        status=Status.OK,
        samples={
            "latency": Samples(np.arange(1000, 1400), "ns"),
            "started": Samples(np.arange(400) * 2000, "ns"),
            "response": Samples(np.arange(2000, 2300), "ns"),
            "wake_late": Samples(np.arange(50, 300), "ns"),
        },
        readings={"host_memory": Measured(1.0, "B"), "device_memory": Unavailable("a CPU has none")},
        phases={"trials": 1.0},
        facts={"cpu.logical": 2},
        notes=(Note("load", "the load is high", now="stop it"),),
        spans=(Span(TRIALS, 0, 800_000, 400),),
        traces=(
            Trace(
                InstrumentAbout("gpu-0", Scope.GPU, "NVML"), np.array([0, 10**6]), {"slowdown": np.array([4.0, 4.0])}
            ),
        ),
    )
    bad = Measurement(cell, round=1, status=Status.FAILED, trouble=Trouble("it raised", "in build", "mend it"))
    return [good, bad]


WARM, COLD = Way(sync=Waiting.NONE), Way(warmup=Warming.NONE)
WAYS = (WARM, COLD, WARM.merged(COLD), Way(timer=Timer.EVENTS))


def ablated(measurement, number=0):
    """The same as a round of an ablation; number is of the round."""
    rules = replace(measurement.cell.protocol, paced=None, ablation=Ablation(WAYS))
    parts = {"": (2000.0 + number, "ns"), "reference": (1000.0 + number**2, "ns"), "calls": (9, "calls")}
    told = {sample_name(way, part): Samples(np.array([value]), unit)
            for way in WAYS[:3] for part, (value, unit) in parts.items()}  # fmt: skip
    return replace(
        measurement,
        cell=replace(measurement.cell, protocol=rules),
        round=number,
        samples={"latency": measurement.samples["latency"], **told},
        readings={sample_name(WAYS[3]): Unavailable("a CPU has no clock of its own")},
        id=f"{number + 10:032x}",
    )


@pytest.fixture
def store(tmp_path, measurements):
    """Path of a results database with both measurements."""
    path = tmp_path / "results.db"
    with open_store(path) as opened:
        run = opened.begin_run("stopwatt bench mlp", "plan", "", "0", {"grid": "mlp"})
        for measurement in measurements:
            opened.save(run, measurement)
        opened.finish_run(run, RunStatus.PARTLY_FAILED)
    return path


def over_batch(measurement):
    """The same in four batches with an energy, and in one that did not fit."""
    setups = [Setup(batch=batch, techniques=("channels-last",)) for batch in (2, 4, 8, 16, 32, 64)]
    larger = [replace(measurement.cell, setup=setup) for setup in setups]
    joules = {"energy_package": Measured(0.5, "J")}
    fits = [
        replace(measurement, cell=cell, readings=joules, id=f"{place:032}") for place, cell in enumerate(larger[:4])
    ]
    full = [
        Measurement(cell, 0, Status.OUT_OF_MEMORY, Trouble(what))
        for cell, what in zip(larger[4:], ("out of memory", "not tried: batch 32 did not fit"), strict=True)
    ]
    return [*fits, *full]


def printed_by(capsys, *words):
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    assert stop.value.code == 0
    return json.loads(capsys.readouterr().out)


SELFTEST = SelfTest(
    "run",
    "2026-01-02T03:04:05.000+00:00",
    "cpu",
    tuple(
        Claim(str(verdict), verdict, "as seen", {"error": Measured(0.003, "1")}, Measured(0.01, "1"))
        for verdict in Verdict
    ),
)


def test_selftest_prints_what_is_described():
    assert_described(json.loads(SelfTestResult(SELFTEST, "results.db", {}).to_json()), "## `selftest`")


def test_bench_prints_what_is_described(store, measurements):
    with open_store(store) as opened:
        run = opened.runs()[0]
    rows = tuple(summarise([*measurements, ablated(measurements[0]), *over_batch(measurements[0])], deadlines=(1e-3,)))
    notes = (Note("governor", "slow", now="faster"),)
    result = BenchResult(rows, run, str(store), {}, notes, selftest=SELFTEST)
    assert_described(json.loads(result.to_json()), "## `bench`")


def test_sweep_prints_what_is_described(store, measurements):
    with open_store(store) as opened:
        run = opened.runs()[0]
    larger = replace(measurements[0].cell, workload=Workload("mlp", {"hidden": 16}))
    more = [replace(one, cell=larger, id=f"{place:032}") for place, one in enumerate(measurements)]
    analysis = analyse([*measurements, *more], deadlines=(1e-6,))
    seldom = Finding("kind", "text", ("key",), {"ratio": 2.0}, exceptions=("layers=1",))
    analysis = replace(analysis, findings=(*analysis.findings, seldom))
    rows = tuple(cell.row for cell in analysis.cells)
    result = SweepResult(rows, run, str(store), {}, (), (1e-6,), analysis=analysis)
    assert_described(json.loads(result.to_json()), "## `sweep`")


def test_a_dry_run_prints_what_is_described(capsys, store):
    words = ("sweep", "mlp", "--axis", "hidden=8,16", "--dry-run", "--json", "--store", store)
    assert_described(printed_by(capsys, *words), "### `sweep --dry-run`")


def side(word, cell, milliseconds, metric="latency"):
    """A side of one cell, one round for each time; all of B after all of A."""
    day = f"2026-01-0{2 if word == 'B' else 1}"
    rounds = [
        Measurement(
            cell, number, Status.OK, samples={"latency": Samples(np.array([1e6 * ms]), "ns")}, facts={},
            started_at=f"{day}T00:00:0{number}+00:00",
        )
        for number, ms in enumerate(milliseconds)
    ]  # fmt: skip
    return observe(word, f"{word}.db", [(f"run of {word}", one) for one in rounds], metric)


def test_compare_prints_what_is_described(measurements):
    of_a = replace(measurements[0].cell, code="a")
    of_b = replace(of_a, code="b", setup=replace(of_a.setup, precision=Precision.BF16))
    more = replace(of_a, setup=replace(of_a.setup, batch=2))
    a, b = (side(word, cell, (4.0, 4.1, 4.2)) for word, cell in (("A", of_a), ("B", of_b)))
    both = [replace(one, rounds=(*one.rounds, *side(one.word, more, (4.0, 4.1, 4.2)).rounds)) for one in (a, b)]
    alone = replace(of_a, setup=replace(of_a.setup, batch=4))
    both[0] = replace(both[0], rounds=(*both[0].rounds, *side("A", alone, (4.0,)).rounds))
    itself = calibrate(side("aa", of_b, (4.0, 4.1, 4.2, 4.0, 4.1, 4.0)), "latency")
    found = compare_sides(*both, force=True, calibrations=[itself])
    assert_described(json.loads(CompareResult(found, "run").to_json()), "## `compare`")


def test_compare_of_one_setup_with_itself_prints_what_is_described(measurements):
    found = calibrate(side("aa", measurements[0].cell, (4.0, 4.1, 4.2, 4.0, 4.1, 4.0)), "latency")
    assert_described(json.loads(AaResult(found, "latency", 0.02).to_json()), "### `compare --aa`")


def test_protocol_prints_what_is_described(store, measurements):
    good, bad = measurements
    rounds = [ablated(good, number) for number in range(4)]
    found = studies([*rounds, replace(bad, cell=rounds[0].cell, round=4)])
    with open_store(store) as opened:
        (run,) = opened.runs()
    left_out = (LeftOut(Way(timer=Timer.EVENTS), "a CPU has no clock of its own"),)
    notes = (Note("load", "the load is high", now="stop it"),)
    result = ProtocolResult((), run, str(store), {}, notes, studies=found, left_out=left_out)
    assert_described(json.loads(result.to_json()), "## `protocol`")
    assert differences(json.loads(json.dumps(studies_document(found))), documented("## `protocol`")) == []


def test_a_dry_run_of_protocol_prints_what_is_described(capsys, store):
    words = ("protocol", "mlp", "--factor", "warmup,sync,timer", "--dry-run", "--json", "--store", store)
    assert_described(printed_by(capsys, *words), "### `protocol --dry-run`")


def test_show_prints_what_is_described(capsys, store):
    assert_described(printed_by(capsys, "show", "--json", "--store", store), "## `show`")


def metered(measurement):
    """The same with what instruments said of it."""
    about = InstrumentAbout("gpu-0", Scope.GPU, "NVML", quirks=("its power is averaged over a second",))
    readings = {
        "energy_gpu": Suspect(0.1, "J", "counter and power differ"),
        "power_gpu": Unavailable("a gap"),
        "energy_cpu_estimated": Estimated(0.05, "J", 0.03, 0.07, "CPU time x 12 W"),
    }
    trace = Trace(about, np.array([10, 20, 30]), {"energy": np.array([1.0, np.nan, 2.0]), "power": np.full(3, np.nan)})
    spans = (Span(WINDOW, 10, 30, calls=3),)
    return replace(measurement, readings=readings, traces=(trace,), spans=spans)


def test_show_of_one_measurement_prints_what_is_described(capsys, store, measurements, monkeypatch):
    measurements.append(ablated(measurements[0]))
    with open_store(store) as opened:
        opened.save(opened.runs()[0], measurements[-1])
    shown = [printed_by(capsys, "show", one.id, "--json", "--store", store) for one in measurements]
    monkeypatch.setattr("stopwatt.cli.show._measurement", lambda *_: metered(measurements[0]))
    shown.append(printed_by(capsys, "show", "metered", "--json", "--store", store))
    described, seen = documented("### `show ID` of a measurement"), set()
    assert [differences(one, described, seen=seen) for one in shown] == [[]] * 4
    assert set(every_part(described)) == seen


def ceiling(cell):
    samples = {
        MATMUL: Samples(np.array([1e9, 2e9, 3e9]), "FLOP/s"),
        COPY: Samples(np.array([1e9, 2e9, 3e9]), "B/s"),
    }
    of_device = replace(cell, workload=Workload(SOURCE), software={"torch": "2"})
    return Measurement(of_device, 0, Status.OK, samples=samples, readings={MATMUL_SIZE: Measured(512, "1")})


@pytest.fixture
def rated(tmp_path, measurements):
    """Path of a results database with a measurement and the ceiling of its device."""
    path, cell = tmp_path / "rated.db", measurements[0].cell
    complete = Workload("mlp", {"features": 4, "hidden": 8, "layers": 1, "outputs": 2})
    with open_store(path) as opened:
        run = opened.begin_run("stopwatt bench mlp", "plan", "", "0")
        for number in range(3):
            values = Samples(np.arange(1000 + number, 1400 + number), "ns")
            opened.save(run, replace(measurements[0], cell=replace(cell, workload=complete), round=number,
                                     samples={"latency": values}, id=f"{number:032x}"))  # fmt: skip
        opened.save(opened.begin_run("stopwatt ceilings", "other", "", "0"), ceiling(cell))
    return path


def test_show_of_rates_prints_what_is_described(capsys, rated):
    assert_described(printed_by(capsys, "show", "--rates", "--json", "--store", rated), "### `show --rates`")


def test_ceilings_prints_what_is_described(rated):
    with open_store(rated) as opened:
        printed = ceilings_document(ceilings_of(opened.measurements()))
    assert_described(printed, "## `ceilings`")


def test_export_prints_what_is_described(capsys, store, tmp_path):
    printed = printed_by(capsys, "export", tmp_path / "out.csv", "--json", "--store", store)
    assert_described(printed, "## `export` and `import`")


def test_import_of_a_table_prints_what_is_described(capsys, tmp_path):
    (tmp_path / "table.csv").write_text("n,t (s)\n1,0.002\n2,0.003\n")
    words = ("import", tmp_path / "table.csv", "--axis", "n", "--json", "--store", tmp_path / "results.db")
    printed_by(capsys, *words, "--time", "t (s)", "--name", "first")
    printed = printed_by(capsys, *words, "--time", "t (s)")
    assert_described(printed, "### `import` of a table")
    dry = printed_by(capsys, *words, "--trials", "t (s)", "--dry-run")
    assert differences(dry, documented("### `import` of a table")) == []
    assert (dry["new"], dry["known"], dry["first"][0]["trials"]) == (None, None, 1)


def test_an_exported_measurement_differs_from_a_shown_one_as_described(capsys, store, tmp_path):
    printed_by(capsys, "export", tmp_path / "out.json", "--json", "--store", store)
    found = json.loads((tmp_path / "out.json").read_text())["measurements"][0]
    described = documented("### `show ID` of a measurement")["measurement"]
    samples = documented("### Its samples")
    assert set(found) - set(described) == {"run"}
    assert set(described) - set(found) == {"cell_key", "labels"}
    assert differences(found["samples"], samples) == []


def test_report_prints_what_is_described(capsys, store, tmp_path, monkeypatch):
    monkeypatch.setattr("stopwatt.reporting.report.render", lambda *_: "<html></html>")
    printed = printed_by(capsys, "report", "--out", tmp_path / "report.html", "--json", "--store", store)
    printed["findings"][0]["exceptions"] = ["a place"]
    assert_described(printed, "## `report`")


def test_plot_prints_what_is_described(capsys, store):
    assert_described(printed_by(capsys, "plot", "--json"), "## `plot`")
    printed = printed_by(capsys, "plot", "ecdf", "--json", "--store", store)
    assert printed["chart"]["datasets"]
    assert_described(printed | {"chart": "a Vega-Lite document"}, "### A figure")


def test_workloads_prints_what_is_described(capsys):
    assert_described(printed_by(capsys, "workloads", "--json"), "## `workloads`")


@pytest.fixture
def one_backend(monkeypatch):
    found = {"eager": Description(About("runs", ("mode",), ("fp32",)), Support(usable=True))}
    monkeypatch.setattr("stopwatt.sweeping.probe.describe_backends", lambda names, device: found)
    return found


def test_backends_prints_what_is_described(capsys, one_backend):
    printed = printed_by(capsys, "backends", "--json")
    assert printed["backends"] == backend_rows(one_backend)
    assert_described(printed, "## `backends`")


def test_techniques_prints_what_is_described(capsys):
    assert_described(printed_by(capsys, "techniques", "--json"), "## `techniques`")


def test_doctor_prints_what_is_described(capsys, one_backend, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    printed = doctor_verb.document(doctor_verb.examine("cpu"))
    printed["backends"] = ["compared with the verb backends above"]
    printed["obstacles"] = [{"what": "", "now": ""}]
    printed["warnings"] = [{"kind": "", "severity": "", "text": "", "now": ""}]
    assert_described(printed, "## `doctor`")
