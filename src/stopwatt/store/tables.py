"""The tables as queries see them, at the newest schema. What creates them stands in `migrations`."""

from sqlalchemy import BigInteger, Column, Float, LargeBinary, MetaData, Table, Text

metadata = MetaData()

schema = Table("stopwatt_schema", metadata, Column("version", BigInteger, primary_key=True), Column("applied_at", Text))

runs = Table(
    "runs",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("id", Text),
    Column("command", Text),
    Column("plan", Text),
    Column("tag", Text),
    Column("tool_version", Text),
    Column("started_at", Text),
    Column("finished_at", Text),
    Column("status", Text),
    Column("owner", Text),
    Column("request", Text),
)

environments = Table("environments", metadata, Column("digest", Text, primary_key=True), Column("facts", Text))

cells = Table(
    "cells",
    metadata,
    Column("key", Text, primary_key=True),
    Column("workload", Text),
    Column("params", Text),
    Column("backend", Text),
    Column("variant", Text),
    Column("precision", Text),
    Column("batch", BigInteger),
    Column("device", Text),
    Column("threads", BigInteger),
    Column("techniques", Text),
    Column("document", Text),
)

rounds = Table(
    "rounds",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("id", Text),
    Column("run", Text),
    Column("cell", Text),
    Column("environment", Text),
    Column("round", BigInteger),
    Column("planned_rounds", BigInteger),
    Column("timeout_s", Float),
    Column("status", Text),
    Column("reason", Text),
    Column("trials", BigInteger),
    Column("started_at", Text),
    Column("document", Text),
)

samples = Table(
    "samples",
    metadata,
    Column("measurement", Text, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("unit", Text),
    Column("dtype", Text),
    Column("n", BigInteger),
    Column("crc32", BigInteger),
    Column("data", LargeBinary),
)

traces = Table(
    "traces",
    metadata,
    Column("measurement", Text, primary_key=True),
    Column("place", BigInteger, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("unit", Text),
    Column("dtype", Text),
    Column("n", BigInteger),
    Column("crc32", BigInteger),
    Column("data", LargeBinary),
)

captures = Table(
    "captures",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("key", Text),
    Column("identity", Text),
    Column("workload", Text),
    Column("backend", Text),
    Column("precision", Text),
    Column("batch", BigInteger),
    Column("device", Text),
    Column("at", Text),
    Column("n", BigInteger),
    Column("crc32", BigInteger),
    Column("data", LargeBinary),
)

operators = Table(
    "operators",
    metadata,
    Column("key", Text, primary_key=True),
    Column("name", Text),
    Column("n", BigInteger),
    Column("crc32", BigInteger),
    Column("data", LargeBinary),
)

places = Table(
    "places",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("hardware", Text),
    Column("document", Text),
)

replays = Table(
    "replays",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("place", Text),
    Column("operator", Text),
    Column("mode", Text),
    Column("status", Text),
    Column("at", Text),
    Column("n", BigInteger),
    Column("crc32", BigInteger),
    Column("data", LargeBinary),
)

costs = Table(
    "costs",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("source", Text),
    Column("family", Text),
    Column("device", Text),
    Column("n", BigInteger),
    Column("powered", BigInteger),
    Column("at", Text),
)

cost_columns = Table(
    "cost_columns",
    metadata,
    Column("costs", BigInteger, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("texts", Text),
    Column("n", BigInteger),
    Column("crc32", BigInteger),
    Column("data", LargeBinary),
)

device_specs = Table(
    "device_specs",
    metadata,
    Column("name", Text, primary_key=True),
    Column("document", Text),
)

predictors = Table(
    "predictors",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", Text),
    Column("summary", Text),
    Column("n", BigInteger),
    Column("crc32", BigInteger),
    Column("data", LargeBinary),
)
