"""What a tuner chooses from."""

import pytest

from stopwatt.tuning.goals import Goal
from stopwatt.tuning.space import Asked, space_of

openvino = pytest.importorskip("openvino")


def labels(**asked):
    space = space_of(Asked("mlp", {"hidden": 8}, precisions=("fp32",), threads=(1,), **asked))
    return {cell.setup.backend_label for cell in space.cells}


def test_variants_made_for_the_goal_are_tried_where_nobody_chose_backends():
    assert "openvino:throughput" in labels(goal=Goal.THROUGHPUT)
    assert "openvino:throughput" not in labels(goal=Goal.LATENCY)


def test_backends_that_somebody_chose_are_all_there_is():
    assert labels(goal=Goal.THROUGHPUT, backends=("eager", "openvino")) == {"eager", "openvino"}


def test_the_default_comes_first():
    space = space_of(Asked("mlp", {"hidden": 8}, backends=("onnxruntime",), precisions=("fp32",), threads=(1, 2)))
    setup = space.default.setup
    assert (setup.backend, str(setup.precision), setup.batch, setup.threads) == ("eager", "fp32", 1, 2)
