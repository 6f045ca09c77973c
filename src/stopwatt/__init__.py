"""stopwatt: measure, explain, predict and choose how a neural network runs at inference.

    import stopwatt

    stopwatt.bench("bert", params={"size": "mini"}, backends=["eager", "onnxruntime"], batch=[1, 8]).table()
    stopwatt.ops.explain("bert", params={"size": "mini"}).table()
    print(stopwatt.measure(my_function, inputs=(1, 2)))

Importing this package imports neither torch nor any other runtime.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stopwatt import ops as ops
    from stopwatt.api import CallResult as CallResult
    from stopwatt.api import bench as bench
    from stopwatt.api import import_table as import_table
    from stopwatt.api import ladder as ladder
    from stopwatt.api import measure as measure
    from stopwatt.api import protocol as protocol
    from stopwatt.api import report as report
    from stopwatt.api import selftest as selftest
    from stopwatt.api import sweep as sweep
    from stopwatt.api import tune as tune
    from stopwatt.climbing.result import LadderResult as LadderResult
    from stopwatt.comparing import compare as compare
    from stopwatt.datasets.labelled import Data as Data
    from stopwatt.errors import StopwattError as StopwattError
    from stopwatt.metering.scope import meter as meter
    from stopwatt.ops.predicting import predict as predict
    from stopwatt.packing.library import pack as pack
    from stopwatt.packing.opened import open_pack as open_pack
    from stopwatt.records import CLASSIC as CLASSIC
    from stopwatt.records import QUICK as QUICK
    from stopwatt.records import THOROUGH as THOROUGH
    from stopwatt.records import Protocol as Protocol
    from stopwatt.reporting.comparison import CompareResult as CompareResult
    from stopwatt.reporting.operators.capture import CaptureResult as CaptureResult
    from stopwatt.reporting.operators.explain import ExplainResult as ExplainResult
    from stopwatt.reporting.operators.fit import FitResult as FitResult
    from stopwatt.reporting.operators.measure import MeasureResult as MeasureResult
    from stopwatt.reporting.operators.plan import PlanResult as PlanResult
    from stopwatt.reporting.operators.predict import PredictResult as PredictResult
    from stopwatt.reporting.result import BenchResult as BenchResult
    from stopwatt.reporting.selftest import SelfTestResult as SelfTestResult
    from stopwatt.reporting.sweep_result import SweepResult as SweepResult
    from stopwatt.reporting.ways_result import ProtocolResult as ProtocolResult
    from stopwatt.serving.contract import Contract as Contract
    from stopwatt.serving.contract import Decoding as Decoding
    from stopwatt.serving.contract import Fit as Fit
    from stopwatt.serving.contract import Preprocess as Preprocess
    from stopwatt.serving.contract import Task as Task
    from stopwatt.store import open_store as open_store
    from stopwatt.tuning.result import TuneResult as TuneResult

__version__ = "0.1.0"

# The verbs are functions here; the packages that do their work are named measuring, sweeping, reporting, so that
# importing one of them can never hide a function.
_PUBLIC = {
    "bench": "api",
    "sweep": "api",
    "compare": "comparing",
    "protocol": "api",
    "tune": "api",
    "ladder": "api",
    "measure": "api",
    "meter": "metering.scope",
    "predict": "ops.predicting",
    "pack": "packing.library",
    "open_pack": "packing.opened",
    "import_table": "api",
    "report": "api",
    "selftest": "api",
    "BenchResult": "reporting.result",
    "SweepResult": "reporting.sweep_result",
    "CompareResult": "reporting.comparison",
    "CaptureResult": "reporting.operators.capture",
    "MeasureResult": "reporting.operators.measure",
    "ExplainResult": "reporting.operators.explain",
    "FitResult": "reporting.operators.fit",
    "PlanResult": "reporting.operators.plan",
    "PredictResult": "reporting.operators.predict",
    "ProtocolResult": "reporting.ways_result",
    "TuneResult": "tuning.result",
    "LadderResult": "climbing.result",
    "SelfTestResult": "reporting.selftest",
    "CallResult": "api",
    "Data": "datasets.labelled",
    "Protocol": "records",
    "CLASSIC": "records",
    "QUICK": "records",
    "THOROUGH": "records",
    "Contract": "serving.contract",
    "Preprocess": "serving.contract",
    "Task": "serving.contract",
    "Fit": "serving.contract",
    "Decoding": "serving.contract",
    "StopwattError": "errors",
    "open_store": "store",
}
_NAMESPACE = "ops"
"""A package whose functions are verbs, too."""
__all__ = [*_PUBLIC, _NAMESPACE, "__version__"]  # noqa: PLE0604  (names are strings)


def __getattr__(name: str) -> Any:
    if name == _NAMESPACE:
        return import_module(f"stopwatt.{name}")  # from now on an attribute of its own
    if name not in _PUBLIC:
        raise AttributeError(f"module 'stopwatt' has no attribute {name!r}")
    value = getattr(import_module(f"stopwatt.{_PUBLIC[name]}"), name)
    globals()[name] = value
    return value
