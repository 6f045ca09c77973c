"""Tables to import."""

from itertools import product

from stopwatt.store.foreign.bring import read_table
from stopwatt.store.foreign.spec import TableSpec

MEANS = "Layers,Batch size,Average time (s)\n1,1,0.002\n1,8,0.004\n2,1,0.003\n2,8,0.007\n"
AXES = ("Layers", "Batch size")
TIME = "Average time (s)"


def read(path, text, **spec):
    """The table of a text (or bytes) written to `path`; its columns are those of `MEANS` unless they are said."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    given = {"axis": AXES} | ({} if "trials" in spec else {"time": TIME}) | spec
    return read_table(path, TableSpec(**given))


def seconds(table):
    """Means by their parameters and batch."""
    return {
        (*measurement.cell.workload.params.values(), measurement.cell.setup.batch): measurement.readings[
            "mean_latency"
        ].value
        for measurement in table.measurements
    }


def vendor_table():
    """1,680 means, as a vendor's grid has them: by a formula."""
    lines = ["Batch size,Num LSTM layers,Hidden size,Sequence length,Average time (s)"]
    grid = product((1, 2, 4, 8, 16, 32), (1, 2, 3, 4), (32, 64, 96, 128, 160, 200, 256), range(10, 110, 10))
    lines += [f"{b},{n},{h},{s},{1e-4 + 1e-9 * n * s * h * h * (1 + b / 8):.9g}" for b, n, h, s in grid]
    return "\n".join(lines) + "\n"
