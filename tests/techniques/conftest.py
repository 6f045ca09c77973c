"""Small versions of the built-in families."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from stopwatt.records import Setup
from stopwatt.techniques import catalogue
from stopwatt.techniques.calling import answers
from stopwatt.workloads.params import check_params
from stopwatt.workloads.resolve import resolve

SIZES = {
    "mlp": {"features": 16, "hidden": 24, "outputs": 5},
    "resnet": {"depth": 18, "image": 32, "width": 8, "classes": 10},
    "mobilenet": {"width": 0.1, "image": 32, "classes": 10},
    "bert": {"size": "tiny", "seq": 8},
    "vit": {"image": 32, "layers": 2, "hidden": 32, "heads": 2, "classes": 10},
    "gpt2": {"size": "tiny", "seq": 8, "output": "hidden"},
    "lstm": {"hidden": 8, "layers": 1, "seq": 4},
    "detector": {"size": "tiny", "image": 96, "queries": 20},
}


@pytest.fixture
def small():
    """Builds a small model of a family, with one set of inputs for two samples."""

    def build(name, **params):
        family = resolve(name)
        built = family.build(check_params(family, SIZES.get(name, {}) | params), 0)
        return built, built.make_inputs(2, np.random.default_rng(3))

    return build


@pytest.fixture
def tried(small):
    """Applies techniques to a small model: what it answered before, what after, and the facts."""

    def apply(name, *techniques, setup=None, **params):
        built, inputs = small(name, **params)
        before = answers(built.module, inputs)
        setup = replace(setup or Setup(), batch=2, techniques=catalogue.canonical(techniques))
        changed, facts = catalogue.apply(built, setup, (inputs,))
        found = SimpleNamespace(module=changed.module, built=changed, inputs=inputs, before=before)
        found.facts = {key.removeprefix("technique."): value for key, value in facts.items()}
        return found

    return apply
