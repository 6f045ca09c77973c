"""The library: the same verbs as the command line, with results as objects. `stopwatt.ops` has those of operators."""

from stopwatt.api.calls import CallResult as CallResult
from stopwatt.api.calls import measure as measure
from stopwatt.api.choosing import ladder as ladder
from stopwatt.api.choosing import tune as tune
from stopwatt.api.documents import import_table as import_table
from stopwatt.api.documents import report as report
from stopwatt.api.documents import selftest as selftest
from stopwatt.api.models import bench as bench
from stopwatt.api.models import sweep as sweep
from stopwatt.api.ways import protocol as protocol
