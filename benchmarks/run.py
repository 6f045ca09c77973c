"""All of the project's own figures, or those named: `python benchmarks/run.py [bias] [cost] [bert-cpu] [--gpu]`."""

import sys
import time
from collections.abc import Callable
from functools import partial

import basis
import bert_table
import bias
import bulk_diagnosis
import bulk_efficiency
import bulk_equality
import bulk_gpu
import bulk_memory
import cost
import detection
import energy_gpu
import exactness
import findings
import ladders
import loop
import lstm_grid
import meter_truth
import model_prediction
import operator_prediction
import peers
import reconciliation
import reconciliation_gpu
import report
import sampling
import shrunk
import sweep_cost
import tail
import telemetry_cost
import tuning
import verdicts
import ways

CPU: dict[str, Callable[[], None]] = {
    "cost": cost.main,
    "loop": loop.main,
    "bias": bias.main,
    "peers": peers.main,
    "worst-case": tail.main,
    "verdicts": verdicts.main,
    "detection": detection.main,
    "findings": findings.main,
    "report": report.main,
    "sweep-cost": sweep_cost.main,
    "telemetry-cost": telemetry_cost.main,
    "meter-truth": meter_truth.main,
    "bert-cpu": bert_table.main,
    "lstm-cpu": lstm_grid.main,
    "ways-cpu": ways.main,
    "sampling": sampling.main,
    "reconciliation": reconciliation.main,
    "basis": basis.main,
    "model-prediction": model_prediction.main,
    "operator-prediction": operator_prediction.main,
    "exactness": exactness.main,
    "bulk-diagnosis": bulk_diagnosis.main,
    "bulk-efficiency": bulk_efficiency.main,
    "bulk-equality": bulk_equality.main,
    "bulk-memory": bulk_memory.main,
    "ladder-cpu": ladders.main,
    "tuning": tuning.main,
    "shrunk": shrunk.main,
}
GPU: dict[str, Callable[[], None]] = {
    "bert-gpu": partial(bert_table.main, gpu=True),
    "ways-gpu": partial(ways.main, gpu=True),
    "energy-gpu": energy_gpu.main,
    "reconciliation-gpu": reconciliation_gpu.main,
    "telemetry-cost-gpu": partial(telemetry_cost.main, gpu=True),
    "bulk-gpu": bulk_gpu.main,
    "ladder-gpu": partial(ladders.main, gpu=True),
}
BY_NAME: dict[str, Callable[[], None]] = {"lstm-gpu": partial(lstm_grid.main, gpu=True)}
"""Takes an hour on one GPU: run only where it is named."""


def main(words: list[str]) -> int:
    """Run what is named, everything for this kind of machine if nothing is."""
    known = CPU | GPU | BY_NAME
    chosen = [word for word in words if word != "--gpu"] or list(GPU if "--gpu" in words else CPU)
    unknown = [word for word in chosen if word not in known]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}", file=sys.stderr)
        return 2
    for name in chosen:
        begin = time.monotonic()
        print(f"== {name}", flush=True)
        known[name]()
        print(f"== {name} took {time.monotonic() - begin:.0f} s\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
