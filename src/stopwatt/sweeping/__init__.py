"""Plan, execute, record: grids of cells, rounds in random order, resume."""
