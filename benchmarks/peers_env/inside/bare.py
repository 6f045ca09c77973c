"""The truth: a bare `perf_counter` loop in a clean process, with nothing around it."""

import json
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from statistics import median
from typing import Any

from loading import torch_model

Ready = tuple[Callable[[], Any], AbstractContextManager[Any]]


def torch_call(folder: str, threads: int, names: list[str]) -> Ready:
    """One forward pass of the model in the folder."""
    import torch

    model, inputs = torch_model(folder, threads, names)
    return lambda: model(**inputs), torch.inference_mode()


def onnxruntime_call(file: str, threads: int) -> Ready:
    """One run of the ONNX file, as its Python documentation does it."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    ids = np.random.default_rng(0).integers(0, 1000, session.get_inputs()[0].shape)
    feeds = {one.name: np.ones_like(ids) if "mask" in one.name else ids for one in session.get_inputs()}
    return lambda: session.run(None, feeds), nullcontext()


def loop(call: Callable[[], Any], seconds: float) -> list[float]:
    """Seconds that each call took, for so long."""
    times = []
    end = time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        call()
        times.append(time.perf_counter() - start)
    return times


def main() -> None:
    """Print median and trials as JSON."""
    parser = ArgumentParser()
    parser.add_argument("runtime", choices=("torch", "onnxruntime"))
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--warmup", type=float, required=True)
    parser.add_argument("--inputs", default="input_ids,attention_mask")
    asked = parser.parse_args()
    if asked.runtime == "torch":
        call, active = torch_call(asked.model, asked.threads, asked.inputs.split(","))
    else:
        call, active = onnxruntime_call(asked.model, asked.threads)
    with active:
        loop(call, asked.warmup)
        times = loop(call, asked.seconds)
    packages = [name for name in ("torch", "transformers", "onnxruntime") if name in sys.modules]
    versions = {name: version(name) for name in packages}
    print(json.dumps({"median_s": median(times), "n": len(times), "times_s": times, "versions": versions}))


if __name__ == "__main__":
    main()
