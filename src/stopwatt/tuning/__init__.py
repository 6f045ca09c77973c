"""Which setup of a workload is the best for a goal, under constraints, within a budget of time."""
