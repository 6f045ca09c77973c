"""Techniques in what users do: measured side by side, captured, packed, copied as lines of Python."""

import pytest
import torch

import stopwatt
from stopwatt.measuring.worker import perform
from stopwatt.operators.changes import changes
from stopwatt.ops import capturing
from stopwatt.packing import jobs
from stopwatt.packing.check import check_pack
from stopwatt.packing.pack import Asked, run_pack
from stopwatt.records import Cell, Protocol, Setup, Status, Workload
from stopwatt.sweeping.executors.process import Outcome
from stopwatt.tuning.snippet import snippet

SIZES = {"features": 16, "hidden": 24, "outputs": 5}


class Silent:
    """A watcher that sees nothing."""

    def __getattr__(self, name):
        return lambda *_: None


class InThisProcess:
    """An executor whose workers are this process."""

    def __init__(self, tell):
        self._tell = tell

    def run(self, job, timeout_s, group=""):
        return Outcome(perform(job, self._tell), "", 0.0)


@pytest.mark.slow
def test_techniques_are_measured_side_by_side_and_a_refused_one_costs_nobody_else(tmp_path, short):
    result = stopwatt.bench(
        "resnet",
        params={"image": 32, "width": 8, "classes": 10},
        backends=["eager", "eager+fold-batchnorm+channels-last", "eager+fold-constants", "openvino+channels-last"],
        threads=1,
        protocol=short(),
        store=str(tmp_path / "results.db"),
        allow=True,
    )
    rows = {row.cell.setup.backend_label: row for row in result.rows}

    folded = rows["eager+fold-batchnorm+channels-last"]
    assert folded.status is rows["eager"].status is Status.OK
    assert 0 < folded.estimates["deviation"].value < 1e-4
    assert rows["eager+fold-constants"].trouble.what.endswith("in this model everything does")
    assert "openvino lays its own out" in rows["openvino+channels-last"].trouble.what
    assert {rows[name].status for name in ("eager+fold-constants", "openvino+channels-last")} == {Status.UNSUPPORTED}


def test_what_pruning_did_to_the_graph_is_seen_in_two_captures(tmp_path, monkeypatch):
    monkeypatch.setattr(capturing, "ProcessExecutor", InThisProcess)
    found = stopwatt.ops.capture(
        "mlp", params=SIZES, backends=["eager", "eager+prune:0.5"], threads=1, store=str(tmp_path / "results.db")
    )
    seen = changes(*found.captures)

    assert not seen.any  # as many calls
    assert seen.flops_after < 0.5 * seen.flops_before
    products = [2 * (16 * a + a * a + a * 5) for a in (24, 12)]
    assert seen.flops_before - seen.flops_after == products[0] - products[1] + 2 * 12  # and 12 activations twice
    assert (seen.parameters_before, seen.parameters_after) == (1133, 425)
    assert (seen.weight_bytes_before, seen.weight_bytes_after) == (4 * 1133, 4 * 425)


def test_a_pruned_model_is_packed_and_passes_its_check_again(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "ProcessExecutor", InThisProcess)
    asked = Asked("mlp", tmp_path / "small.swpack", params=SIZES, backend="torchscript+prune:0.5", threads=1)

    opened = run_pack(asked, Silent())

    (artifact,) = opened.manifest.artifacts
    assert opened.manifest.setup.techniques == ("prune:0.5",)
    assert artifact.parity.deviation > 1e-2  # it does not compute the same, and says by how much
    assert artifact.parity.tolerance == pytest.approx(artifact.parity.deviation, abs=2e-3)
    (checked,) = check_pack(opened, Silent(), threads=1)
    assert 1e-2 < checked.parity.deviation <= artifact.parity.tolerance


def test_the_lines_of_python_for_a_setup_apply_its_techniques():
    setup = Setup(techniques=("prune:0.5",))
    cell = Cell(Workload("mlp", SIZES | {"layers": 2}), setup, Protocol())
    names = {"inputs": (torch.ones(1, 16),)}
    before = torch.get_num_threads()
    try:
        exec(snippet(cell), names)
    finally:
        torch.set_num_threads(before)

    assert names["outputs"].shape == (1, 5)
    assert sum(one.numel() for one in names["model"].parameters()) == 425
