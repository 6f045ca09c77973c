"""Normalisation and softmax: rows that are each brought to one scale. Elementary steps of an element are counted."""

import math
from collections.abc import Callable, Mapping

from stopwatt.operators.formulas.call import Call, work
from stopwatt.operators.formulas.touched import numel
from stopwatt.operators.work import Family, Work

_CENTRED = 7  # sum; difference, square, sum; scaled; weight, bias
_UNCENTRED = 4  # square, sum; scaled; weight
_SCALED = 3  # square, sum; scaled
_KNOWN_STATISTICS = 2  # one factor and one shift a channel
_SOFTMAX_STEPS = 5  # the largest; difference from it, exponential, sum, quotient


def _norm(call: Call, rows: int, steps: int) -> Work:
    elements = numel(call.tensor(0, "input"))
    dims = {"rows": rows, "columns": elements / rows if rows else 0}
    return work(call, Family.NORM, dims, steps * elements)


def _last_dimensions(steps: int) -> Callable[[Call], Work]:
    """Over the last dimensions, as `normalized_shape` has them."""

    def formula(call: Call) -> Work:
        columns = math.prod(call.value(1, "normalized_shape"))
        return _norm(call, numel(call.tensor(0, "input")) // max(columns, 1), steps)

    return formula


def _groups(place: int) -> Callable[[Call], Work]:
    """A row is one group of channels of one sample."""

    def formula(call: Call) -> Work:
        return _norm(call, call.tensor(0, "input").shape[0] * int(call.value(place, "num_groups")), _CENTRED)

    return formula


def _instances(call: Call) -> Work:
    """A row is one channel of one sample."""
    samples, channels = call.tensor(0, "input").shape[:2]
    return _norm(call, samples * channels, _CENTRED if call.value(5, "use_input_stats") else _KNOWN_STATISTICS)


def _weights(call: Call) -> Work:
    """`v` with the norm of each row replaced by one of `g`."""
    return _norm(call, numel(call.tensor(1, "g")), _SCALED)


def _batches(training: int | None) -> Callable[[Call], Work]:
    """A row is one channel of all samples.

    Args:
        training: Place of the argument that says whether statistics are those of this batch; `None` where they never
            are.
    """

    def formula(call: Call) -> Work:
        own = training is not None and call.value(training, "training") is True
        return _norm(call, call.tensor(0, "input").shape[1], _CENTRED if own else _KNOWN_STATISTICS)

    return formula


def _softmax(call: Call) -> Work:
    """Over one dimension."""
    given = call.tensor(0, "self")
    columns = given.shape[int(call.value(1, "dim"))] if given.shape else 1
    dims = {"rows": numel(given) // max(columns, 1), "columns": columns}
    return work(call, Family.SOFTMAX, dims, _SOFTMAX_STEPS * numel(given))


FORMULAS: Mapping[str, Callable[[Call], Work]] = {
    **dict.fromkeys(("layer_norm", "native_layer_norm"), _last_dimensions(_CENTRED)),
    **dict.fromkeys(("rms_norm", "_fused_rms_norm"), _last_dimensions(_UNCENTRED)),
    "group_norm": _groups(1),
    "native_group_norm": _groups(6),
    "instance_norm": _instances,
    "_weight_norm": _weights,
    **dict.fromkeys(
        ("batch_norm", "native_batch_norm", "cudnn_batch_norm", "miopen_batch_norm", "_native_batch_norm_legit"),
        _batches(5),
    ),
    **dict.fromkeys(("_native_batch_norm_legit_no_training", "_batch_norm_no_update"), _batches(None)),
    **dict.fromkeys(("softmax", "_softmax", "log_softmax", "_log_softmax", "_safe_softmax"), _softmax),
}
