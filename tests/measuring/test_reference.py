"""What a model may return and do to be compared with itself: the reference is made in this process."""

import numpy as np
import pytest

from stopwatt.errors import WorkloadError
from stopwatt.measuring.bundle import Bundle
from stopwatt.measuring.job import Job, JobKind
from stopwatt.measuring.phases import Phases
from stopwatt.measuring.reference import make_bundle
from stopwatt.records import Cell, Setup, Workload

MODEL = """
import dataclasses, itertools, torch

@dataclasses.dataclass
class Pair:
    one: torch.Tensor
    other: torch.Tensor

class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(4, 4)
        self.count = itertools.count()

    def forward(self, x):
        y = self.linear(x)
        return {body}

def make():
    return Model(), (torch.randn(3, 4),)

def plain():
    return lambda x: None, (torch.randn(3, 4),)

def mixed():
    return lambda x: {{"a": x, "why": "text", "b": [1.5, None]}}, (torch.randn(3, 4),)
"""


@pytest.fixture
def reference(tmp_path, short):
    """Make the reference of a model whose forward returns `body`; the bundle that was written."""

    def make(body, function="make"):
        file = tmp_path / "model.py"
        file.write_text(MODEL.format(body=body))
        folder = tmp_path / "bundle"
        folder.mkdir()
        cell = Cell(Workload(f"{file}:{function}"), Setup(batch=2, threads=1), short())
        make_bundle(Job(JobKind.REFERENCE, cell, bundle=str(folder)), Phases())
        return Bundle.load(folder)

    return make


@pytest.mark.parametrize(
    ("body", "shapes"),
    [
        ("{{'a': y, 'b': (y, [y, None])}}", [(2, 4)] * 3),
        ("Pair(y, y[:, :1])", [(2, 4), (2, 1)]),
        ("y.sum()", [()]),
        ("y.t()", [(4, 2)]),
        ("y.to_sparse()", [(2, 4)]),
        ("torch.complex(y, y).conj()", [(2, 4, 2)]),
        ("y.bfloat16()", [(2, 4)]),
        ("y.to(torch.float8_e4m3fn)", [(2, 4)]),
        ("y.argmax(-1)", [(2,)]),
        ("y > 0", [(2, 4)]),
        ("float(y.sum())", [()]),
        ("(y, 'text', 3)", [(2, 4)]),
    ],
)
def test_whatever_a_module_returns_its_tensors_are_compared(reference, body, shapes):
    bundle = reference(body.replace("{{", "{").replace("}}", "}"))
    assert [array.shape for array in bundle.outputs[0]] == shapes


@pytest.mark.parametrize("body", ["None", "()", "'text'", "(y for _ in [1])"])
def test_a_module_that_returns_nothing_to_compare_is_refused(reference, body):
    with pytest.raises(WorkloadError, match="nothing that can be compared"):
        reference(body)


def test_a_plain_callable_may_return_nothing(reference):
    assert reference("y", "plain").outputs[0] == ()


@pytest.mark.parametrize("body", ["self.linear(x.mul_(0.9))", "y + torch.randn_like(y)", "y + next(self.count)"])
def test_a_model_that_answers_differently_when_called_again_is_named_as_what_it_is(reference, body):
    with pytest.raises(WorkloadError, match="when it is called again") as caught:
        reference(body)
    assert "in place" in caught.value.now


def test_inputs_are_kept_as_they_were_before_the_model_changed_them(reference):
    bundle = reference("x.relu_()")
    assert min(array.min() for (array,) in bundle.inputs) < 0
    assert np.array_equal(bundle.outputs[0][0], bundle.inputs[0][0].clip(min=0))


@pytest.mark.parametrize(("body", "what"), [("y * float('nan')", "NaN"), ("y.abs() * 1e30 * 1e30", "infinities")])
def test_answers_without_a_finite_value_cannot_be_a_reference(reference, body, what):
    with pytest.raises(WorkloadError, match=what):
        reference(body)
