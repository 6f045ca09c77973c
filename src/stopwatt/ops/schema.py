"""The documented table of operators: a row an operator, every column with one meaning (docs/operators-schema.md)."""

from stopwatt.operators.table import COLUMNS
from stopwatt.operators.work import DIMENSIONS

SCHEMA = 1
"""Version of the table; grows when a column changes its meaning or goes."""

TEXTS = ("kind", "dtype", "device", "source", "mode", "group")
WORK = ("flops", "read_bytes", "write_bytes", "weight_bytes")
POWER = ("power_w", "limit_w")
NUMBERS = tuple(name for name in COLUMNS if name not in TEXTS)

DIMS = tuple(dict.fromkeys(name for names in DIMENSIONS.values() for name in names))
"""Sizes of all families; a family leaves those of others empty."""

HEADS = ("family", "kind", "dtype", *DIMS, "time_s", *POWER, "device", "source", "mode", "group", *WORK)
"""All columns in the order in which they are written."""

LONGEST = 200
"""Characters of the name of a device or a source, at most."""
