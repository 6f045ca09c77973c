"""What a predictor is made from when operators are left out."""

import numpy as np

from stopwatt.operators.operator import Operator, Tensor
from stopwatt.operators.replay import Mode
from stopwatt.operators.rows import Observed
from stopwatt.operators.synthesis import operator_of
from stopwatt.operators.work import Family
from stopwatt.ops.learning import Material


def linear(m, n=8, k=16):
    return operator_of(Family.GEMM, "linear", {"m": m, "n": n, "k": k, "batch": 1}, "float32")


def batched(samples, m, n=8, k=16):
    """The same product with its rows shared out over samples, as a model calls it."""
    plain = linear(samples * m, n, k)
    given = Tensor((samples, m, k), strides=(m * k, k, 1))
    output = Tensor((samples, m, n), strides=(m * n, n, 1), storage=3)
    return Operator(plain.name, (given, *plain.tensors[1:]), plain.arguments, outputs=(output,))


def left(material, *operators):
    tables = material.own_tables({one.key for one in operators})
    return sorted(np.concatenate([table.dims["m"] for table in tables]).tolist()) if tables else []


def test_with_an_operator_all_of_the_same_work_and_sizes_are_left_out_however_they_are_laid_out():
    own = [Observed(one, mode, 1e-6) for one in (linear(12), linear(13)) for mode in (Mode.REUSE, Mode.STREAM)]
    own.append(Observed(batched(3, 4), Mode.REUSE, 1e-6))
    material = Material("here", own, [], {})
    assert batched(3, 4).key != linear(12).key
    assert left(material, batched(3, 4)) == left(material, linear(12)) == [13, 13]
    assert left(material) == [12, 12, 12, 13, 13]


def test_operators_that_were_not_measured_leave_nothing_out():
    material = Material("here", [Observed(linear(12), Mode.REUSE, 1e-6)], [], {})
    assert left(material, linear(13)) == [12]
