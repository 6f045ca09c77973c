"""Is this machine, with this tool on it, able to measure what it claims? Planted truths, measured and judged."""
