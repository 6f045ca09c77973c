"""Techniques: their notation, what they leave as it is, and when they refuse."""

import pytest

from stopwatt.errors import Unsupported, UsageError
from stopwatt.extensions import registered
from stopwatt.records import Cell, Protocol, Setup, Workload
from stopwatt.techniques import catalogue


def test_a_label_with_techniques_is_the_setup_and_back():
    setup = Setup.of_label("compile:max-autotune+channels-last")

    assert setup == Setup("compile", "max-autotune", techniques=("channels-last",))
    assert setup.backend_label == "compile:max-autotune+channels-last"


def test_keys_of_cells_without_techniques_are_those_of_before_there_were_any():
    cell = Cell(Workload("mlp", {"hidden": 64}), Setup(), Protocol())

    assert cell.key == "a800b1680b072e46b675"
    assert Cell(cell.workload, Setup(techniques=("channels-last",)), Protocol()).key != cell.key


@pytest.mark.parametrize("name", list(registered("techniques")))
def test_every_technique_bears_its_registered_name_and_reads_its_own_default(name):
    technique = catalogue.get(name)

    assert technique.name == name
    assert not technique.argument or technique.check(technique.argument) == technique.argument


def test_an_unknown_technique_is_refused_with_the_nearest():
    with pytest.raises(UsageError) as caught:
        catalogue.canonical(["chanels-last"])

    assert caught.value.now == "did you mean channels-last?"


def test_a_technique_that_finds_nothing_to_do_refuses():
    import torch

    from stopwatt.workloads.params import check_params
    from stopwatt.workloads.resolve import resolve

    family = resolve("mlp")
    built = family.build(check_params(family, {"hidden": 16}), 0)
    assert isinstance(built.module, torch.nn.Module)

    with pytest.raises(Unsupported, match="two-dimensional convolutions"):
        catalogue.apply(built, Setup(techniques=("channels-last",)), ())
