"""The parts of the detection tables: planted series, rates with intervals, one table a question."""
