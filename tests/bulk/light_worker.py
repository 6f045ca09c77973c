"""A worker as stopwatt's, with models of `light_models` built without torch."""

import importlib.util

from stopwatt.backends.callable_runner import CallableRunner
from stopwatt.bulk.pipeline import worker
from stopwatt.bulk.pipeline.serve import Model, served


def load(wanted):
    path, _, name = wanted.workload.source.rpartition(":")
    spec = importlib.util.spec_from_file_location("light_models", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    call, _, contract = getattr(module, name)()
    return Model(CallableRunner(call, {"device": "cpu"}), served(contract, wanted.task, path), wanted.setup.batch)


if __name__ == "__main__":
    worker.load = load
    worker.main()
