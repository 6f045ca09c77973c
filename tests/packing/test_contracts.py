"""Contracts of packs: from files, and whether the model's answers mean what they say."""

from pathlib import Path

import pytest
import torch

from stopwatt.cli import main
from stopwatt.errors import StopwattError, UsageError, WorkloadError
from stopwatt.serving.contract import Task
from stopwatt.workloads.contracted import contracted

MODELS = f"{Path(__file__).parent}/packed_models.py"
TEXT = """\
task: classify
decoding: logits
preprocess: {height: 16, width: 24, mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4]}
labels: [cat, dog, bird]
"""


@pytest.fixture
def exported(tmp_path):
    """A program of its own, without a contract."""
    path = tmp_path / "model.pt2"
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    torch.export.save(torch.export.export(net, (torch.rand(1, 3, 16, 24),)), path)
    return path


@pytest.fixture
def contract(tmp_path):
    path = tmp_path / "contract.yaml"
    path.write_text(TEXT)
    return path


def test_a_program_with_a_contract_from_a_file_is_packed_to_be_served(pack, exported, contract):
    opened, _ = pack(contracted(contract, str(exported)))
    assert opened.contract.task is Task.CLASSIFY
    assert opened.contract.labels == ("cat", "dog", "bird")
    assert opened.contract.preprocess.inside
    assert opened.manifest.artifacts[0].inputs[0].shape == (1, 16, 24, 3)


def test_a_contract_that_does_not_fit_is_refused_before_anything_is_converted(pack, exported, contract, tmp_path):
    contract.write_text(TEXT.replace(", bird", ""))
    with pytest.raises(StopwattError, match="logits are of 3 classes, where 2 have names") as refusal:
        pack(contracted(contract, str(exported)))
    assert str(contract) in refusal.value.when
    assert not (tmp_path / "model.swpack").exists()


@pytest.mark.parametrize(
    ("model", "said"), [("mismatched", "logits of 3 classes, where 2 have names"), ("boxless", "1 output, not 3")]
)
def test_answers_that_cannot_be_read_are_refused_before_they_are_converted(pack, tmp_path, model, said):
    with pytest.raises(WorkloadError, match=said) as refusal:
        pack(f"{MODELS}:{model}")
    assert "docs/pack.md" in refusal.value.now
    assert not (tmp_path / "model.swpack").exists()


def test_a_contract_that_cannot_be_read_is_refused_at_once(contract, exported):
    contract.write_text(TEXT.replace("labels", "lables"))
    with pytest.raises(UsageError, match="unknown key 'lables'"):
        contracted(contract, str(exported))


def test_a_pack_is_not_given_a_contract_when_it_runs(contract, plain, tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        main(["run", str(tmp_path), "--model", str(plain[0].path), "--contract", str(contract), "--out", "results"])
    assert left.value.code == 2
    assert "a pack has its contract inside" in capsys.readouterr().err
