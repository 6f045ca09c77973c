import json
import math

import pytest

from stopwatt.analyse.document import to_document
from stopwatt.analyse.summary import summarise
from stopwatt.records import Measured, Note, Precision, Status, Trouble


def strict_json(document):
    return json.loads(json.dumps(document, allow_nan=False))


def test_a_row_says_what_was_measured_and_how_it_ended(measurement):
    one = measurement(
        0, backend="compile", variant="max-autotune", precision=Precision.BF16, batch=8, threads=2,
        status=Status.OUT_OF_MEMORY, trouble=Trouble("out of memory at batch 8", "round 0", "use a smaller batch"),
    )  # fmt: skip

    document = strict_json(to_document(summarise([one])))
    row = document["rows"][0]
    told = {name: value for name, value in row.items() if name not in {"metrics", "speedup", "notes", "protocol"}}

    assert document["schema"] == 1
    assert row["protocol"]["trials"] == one.cell.protocol.trials
    assert row["protocol"]["warmup"]["cap_seconds"] == one.cell.protocol.warmup.cap_seconds
    assert told == {
        "key": one.cell.key, "workload": "mlp", "params": {"hidden": 8}, "backend": "compile",
        "variant": "max-autotune", "techniques": [], "precision": "bf16", "batch": 8, "device": "cpu", "threads": 2,
        "boundary": "device",
        "status": "out_of_memory", "reason": "out of memory at batch 8", "rounds_ok": 0, "rounds_failed": 1,
        "worst": [],
    }  # fmt: skip


def test_a_metric_that_is_missing_is_null_with_its_reason(measurement):
    document = strict_json(to_document(summarise([measurement(0, [1000, 3000])])))

    assert document["rows"][0]["metrics"]["latency"] == {
        "value": 2e-6, "unit": "s", "low": None, "high": None, "n": 2, "rounds": 1,
        "method": "median of one process", "verdict": "measured", "why": "no interval: needs 6 trials (has 2)",
        "needs": None,
    }  # fmt: skip
    assert document["rows"][0]["metrics"]["cold_start"] == {
        "value": None, "unit": "s", "low": None, "high": None, "n": 0, "rounds": 0,
        "method": None, "verdict": "unavailable", "why": "not measured", "needs": None,
    }  # fmt: skip


def test_a_metric_with_an_interval_has_no_reason(rounds):
    latency = strict_json(to_document(summarise(rounds([4.0, 4.2, 4.1]))))["rows"][0]["metrics"]["latency"]

    assert latency["low"] < latency["value"] < latency["high"]
    assert latency["why"] is None


def test_speedup_and_notes_are_written(rounds, measurement):
    note = Note("load", "other processes run", now="close them")
    reference, other = rounds([4.0, 4.4, 4.2]), rounds([2.0, 2.2, 2.101], backend="compile")
    noisy = measurement(3, [5], backend="compile", notes=(note,))

    first, second = strict_json(to_document(summarise([*reference, *other, noisy])))["rows"]

    assert first["speedup"] == {
        "ratio": None, "low": None, "high": None, "verdict": None, "rounds": 0, "why": "this is the reference",
    }  # fmt: skip
    assert second["speedup"]["ratio"] == pytest.approx(2, rel=1e-3)
    assert (second["speedup"]["verdict"], second["speedup"]["why"]) == ("faster", None)
    assert second["notes"] == [
        {"kind": "load", "severity": "warning", "text": "other processes run", "now": "close them", "rounds": 1}
    ]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_hold_never_reaches_it(measurement, bad):
    one = measurement(0, [5.0, bad], params={"scale": bad}, readings={"deviation": Measured(bad, "1")})

    row = strict_json(to_document(summarise([one])))["rows"][0]

    assert row["params"] == {"scale": str(bad)}
    assert row["metrics"]["latency"]["value"] is None
    assert row["metrics"]["deviation"]["value"] is None


def test_no_rows_are_an_empty_document():
    assert to_document([]) == {"schema": 1, "rows": []}
