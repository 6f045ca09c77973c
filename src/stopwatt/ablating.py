"""From a workload to what the way of measuring does to its number: design, measure, judge."""
