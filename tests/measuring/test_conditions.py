from types import SimpleNamespace

import pytest

from stopwatt.measuring.conditions import changed_conditions
from stopwatt.records import Setup, Status

MODEL = """
import torch

class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(4, 4)

    def forward(self, x):
        torch.set_num_threads(1)
        return self.linear(x)

def make():
    return Model(), (torch.randn(3, 4),)
"""


def runner(**facts):
    return SimpleNamespace(computed=lambda: facts)


def test_what_is_as_it_was_asked_for_needs_no_note():
    assert changed_conditions(runner(recompilations=3, threads=2), 3, Setup(threads=2)) == []
    assert changed_conditions(runner(), 0, Setup(threads=2)) == []


def test_a_recompilation_inside_the_trials_is_counted_and_those_before_are_not():
    (note,) = changed_conditions(runner(recompilations=5), 3, Setup())
    assert note.kind == "recompiled"
    assert "2 times" in note.text


def test_another_number_of_threads_is_named_beside_the_one_that_was_asked_for():
    (note,) = changed_conditions(runner(threads=1), 0, Setup(threads=4))
    assert note.kind == "threads-changed"
    assert "1 threads" in note.text
    assert "4 were asked for" in note.text


@pytest.mark.slow
def test_a_model_that_sets_threads_itself_is_flagged(tmp_path, short):
    from stopwatt import api

    (tmp_path / "model.py").write_text(MODEL)
    source, store = f"{tmp_path / 'model.py'}:make", str(tmp_path / "results.db")
    result = api.bench(source, backends="eager", threads=2, protocol=short(), store=store, allow=True)
    assert result.rows[0].status is Status.OK
    assert "threads-changed" in [counted.note.kind for counted in result.rows[0].notes]
